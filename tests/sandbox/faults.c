/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREVER  (-1)
#define ANY_CALL (-1)

struct rule {
    unsigned id;
    json_t *json; /* owns the texts below */
    int op;
    const char *event;
    const char *key;
    const char *player;
    json_t *nth;      /* array of 1-based counts of matching requests, or NULL */
    json_int_t times; /* strikes left */
    json_int_t share_permille;
    uint64_t random;
    json_int_t matched;
    json_int_t accept_resets; /* > 0: the rule is about connections, it has no action */
    struct fault_action *action;
    struct rule *next;
};

struct faults {
    pthread_mutex_t lock;
    struct rule *first;
    unsigned added;
};

static void free_rules(struct rule *rule)
{
    for (struct rule *next; rule; rule = next) {
        next = rule->next;
        fault_action_release(rule->action);
        json_decref(rule->json);
        free(rule);
    }
}

struct faults *faults_new(void)
{
    struct faults *faults = calloc(1, sizeof *faults);
    if (faults)
        pthread_mutex_init(&faults->lock, NULL);
    return faults;
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    free_rules(faults->first);
    pthread_mutex_destroy(&faults->lock);
    free(faults);
}

static bool read_op(const char *text, int *op)
{
    static const enum op ops[] = {OP_PUSH, OP_READ, OP_PING, OP_CALL};
    *op = ANY_CALL;
    if (!text || strcmp(text, "any") == 0)
        return true;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(op_text(ops[i]), text) == 0) {
            *op = (int)ops[i];
            return true;
        }
    }
    return false;
}

static bool is_nth(json_t *nth)
{
    size_t index;
    json_t *one;

    json_array_foreach(nth, index, one) if (json_integer_value(one) < 1) return false;
    return json_is_array(nth);
}

static bool read_match(struct rule *rule, json_t *match, char *why)
{
    const char *op = NULL;
    json_error_t error;

    if (match && json_unpack_ex(match, &error, JSON_STRICT, "{s?s, s?s, s?s, s?s, s?o !}", "op", &op, "event",
                                &rule->event, "key", &rule->key, "player", &rule->player, "nth", &rule->nth) != 0) {
        snprintf(why, FAULT_WHY_BYTES, "match: %s", error.text);
        return false;
    }
    if (!read_op(op, &rule->op)) {
        snprintf(why, FAULT_WHY_BYTES, "match: op must be push, read, ping, call or any");
        return false;
    }
    if (rule->nth && !is_nth(rule->nth)) {
        snprintf(why, FAULT_WHY_BYTES, "match: nth must be an array of counts from 1");
        return false;
    }
    return true;
}

static bool read_rule(struct rule *rule, char *why)
{
    json_t *match = NULL, *action = NULL;
    json_int_t times = 0, seed = (json_int_t)rule->id;
    json_error_t error;

    rule->share_permille = FOREVER;
    if (json_unpack_ex(rule->json, &error, JSON_STRICT, "{s?o, s?I, s?I, s?I, s?o, s?I !}", "match", &match, "times",
                       &times, "share_permille", &rule->share_permille, "seed", &seed, "action", &action,
                       "accept_reset", &rule->accept_resets) != 0) {
        snprintf(why, FAULT_WHY_BYTES, "rule: %s", error.text);
        return false;
    }
    if (rule->accept_resets) {
        if (rule->accept_resets > 0 && !action && !match)
            return true;
        snprintf(why, FAULT_WHY_BYTES, "rule: accept_reset is a count and stands alone");
        return false;
    }
    if (times < FOREVER || rule->share_permille < FOREVER || rule->share_permille > 1000) {
        snprintf(why, FAULT_WHY_BYTES, "rule: times must be -1 or more, share_permille 0 to 1000");
        return false;
    }
    if (!read_match(rule, match, why))
        return false;

    bool chosen_otherwise = rule->nth || rule->share_permille != FOREVER;
    rule->times = json_object_get(rule->json, "times") ? times : chosen_otherwise ? FOREVER : 1;
    rule->random = (uint64_t)seed;
    rule->action = fault_action_read(action, rule->id, why);
    return rule->action != NULL;
}

static struct rule *new_rule(struct faults *faults, json_t *json, char *why)
{
    struct rule *rule = calloc(1, sizeof *rule);
    if (!rule) {
        snprintf(why, FAULT_WHY_BYTES, "out of memory");
        return NULL;
    }
    rule->id = ++faults->added;
    rule->json = json_deep_copy(json); /* other threads will hold it: see lobby.c */
    if (!rule->json) {
        snprintf(why, FAULT_WHY_BYTES, "out of memory");
        free_rules(rule);
        return NULL;
    }
    if (!read_rule(rule, why)) {
        free_rules(rule);
        return NULL;
    }
    return rule;
}

/* Under the lock: a chain of all rules of the array, or NULL. */
static struct rule *new_rules(struct faults *faults, json_t *rules, json_t *ids, char *why)
{
    struct rule *first = NULL, **last = &first;

    for (size_t i = 0; i < json_array_size(rules); i++) {
        *last = new_rule(faults, json_array_get(rules, i), why);
        if (!*last || json_array_append_new(ids, json_integer((*last)->id)) != 0) {
            free_rules(first);
            return NULL;
        }
        last = &(*last)->next;
    }
    return first;
}

json_t *faults_add(struct faults *faults, json_t *rules, char why[FAULT_WHY_BYTES])
{
    json_t *ids = json_array();
    json_t *list = json_is_array(rules) ? json_incref(rules) : json_pack("[O]", rules);
    snprintf(why, FAULT_WHY_BYTES, "out of memory");
    if (!ids || !list)
        goto release;

    pthread_mutex_lock(&faults->lock);
    struct rule *added = new_rules(faults, list, ids, why);
    struct rule **last = &faults->first;
    while (*last)
        last = &(*last)->next;
    *last = added;
    pthread_mutex_unlock(&faults->lock);

    if (!added && json_array_size(list))
        goto release;
    json_decref(list);
    return ids;

release:
    json_decref(list);
    json_decref(ids);
    return NULL;
}

void faults_clear(struct faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    free_rules(faults->first);
    faults->first = NULL;
    pthread_mutex_unlock(&faults->lock);
}

static bool has_player(json_t *players, const char *player)
{
    size_t index;
    json_t *one;

    json_array_foreach(players, index, one)
    {
        const char *text = json_string_value(one);
        if (text && strcmp(text, player) == 0)
            return true;
    }
    return false;
}

static bool is_about(const struct rule *rule, const struct fault_subject *subject)
{
    if (!rule->action)
        return false;
    if (rule->op != ANY_CALL && rule->op != (int)subject->op)
        return false;
    if (rule->event && (!subject->event || strcmp(rule->event, subject->event) != 0))
        return false;
    if (rule->key && (!subject->key || strcmp(rule->key, subject->key) != 0))
        return false;
    return !rule->player || has_player(subject->players, rule->player);
}

static bool has_count(json_t *nth, json_int_t count)
{
    size_t index;
    json_t *one;

    json_array_foreach(nth, index, one) if (json_integer_value(one) == count) return true;
    return false;
}

/* splitmix64: the same seed gives the same faults in every run. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Counts and draws for every request that matches, also when an earlier rule has struck it already: a
 * rule's choices do not depend on its neighbours. */
static bool wants(struct rule *rule, const struct fault_subject *subject)
{
    if (!is_about(rule, subject))
        return false;
    rule->matched++;
    bool drawn = rule->share_permille == FOREVER || next_random(&rule->random) % 1000 < (uint64_t)rule->share_permille;
    return drawn && rule->times != 0 && (!rule->nth || has_count(rule->nth, rule->matched));
}

struct fault_action *faults_strike(struct faults *faults, const struct fault_subject *subject)
{
    struct fault_action *action = NULL;

    pthread_mutex_lock(&faults->lock);
    for (struct rule *rule = faults->first; rule; rule = rule->next) {
        if (!wants(rule, subject) || action)
            continue;
        if (rule->times > 0)
            rule->times--;
        action = rule->action;
        fault_action_hold(action);
    }
    pthread_mutex_unlock(&faults->lock);
    return action;
}

bool faults_strike_accept(struct faults *faults)
{
    bool strikes = false;

    pthread_mutex_lock(&faults->lock);
    for (struct rule *rule = faults->first; rule && !strikes; rule = rule->next) {
        if (rule->accept_resets > 0) {
            rule->accept_resets--;
            strikes = true;
        }
    }
    pthread_mutex_unlock(&faults->lock);
    return strikes;
}
