/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_action.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_WAIT_MS     (24LL * 3600 * 1000)
#define DEFAULT_DRIP_MS 20

static const struct {
    const char *name;
    enum fault_kind kind;
    bool applies; /* unless "apply" says otherwise */
} kinds[] = {
    {"reset_before", FAULT_RESET_BEFORE, false},
    {"reset_after", FAULT_RESET_AFTER, true},
    {"close_before", FAULT_CLOSE_BEFORE, false},
    {"close_after", FAULT_CLOSE_AFTER, true},
    {"cut_body", FAULT_CUT_BODY, true},
    {"garbage", FAULT_GARBAGE, false},
    {"slow_drip", FAULT_SLOW_DRIP, true},
    {"big_body", FAULT_BIG_BODY, true},
    {"endless_headers", FAULT_ENDLESS_HEADERS, false},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

/* True and the string "…" (garbage) or the number (big_body) switch a kind on, false leaves it out. */
static bool read_kind(struct fault_action *action, char *why)
{
    const char *chosen = NULL;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        json_t *value = json_object_get(action->json, kinds[i].name);
        if (!value || json_is_false(value))
            continue;
        if (chosen) {
            snprintf(why, FAULT_WHY_BYTES, "action: %s and %s exclude each other", chosen, kinds[i].name);
            return false;
        }
        chosen = kinds[i].name;
        action->kind = kinds[i].kind;
        action->apply = kinds[i].applies;

        if (action->kind == FAULT_BIG_BODY && json_is_integer(value) && json_integer_value(value) > 0) {
            action->big_body_bytes = (uint64_t)json_integer_value(value);
        } else if (action->kind == FAULT_GARBAGE && json_is_string(value)) {
            action->garbage = value;
        } else if (action->kind == FAULT_BIG_BODY || !json_is_true(value)) {
            snprintf(why, FAULT_WHY_BYTES, "action: %s has the wrong type", chosen);
            return false;
        }
    }
    return true;
}

static bool are_headers(json_t *headers)
{
    const char *name;
    json_t *value, *one;
    size_t index;

    json_object_foreach(headers, name, value)
    {
        if (json_is_array(value)) {
            json_array_foreach(value, index, one) if (!json_is_string(one)) return false;
        } else if (!json_is_string(value)) {
            return false;
        }
    }
    return json_is_object(headers);
}

static bool read_wait(json_int_t wait_ms, uint64_t *wait_us, const char *name, char *why)
{
    if (wait_ms < 0 || wait_ms > MAX_WAIT_MS) {
        snprintf(why, FAULT_WHY_BYTES, "action: %s must be 0 to %lld", name, MAX_WAIT_MS);
        return false;
    }
    *wait_us = (uint64_t)wait_ms * 1000;
    return true;
}

static bool read_rest(struct fault_action *action, char *why)
{
    int status = 0, apply = -1, apply_late = 0, chunked = 0;
    json_int_t delay_ms = 0, drip_ms = DEFAULT_DRIP_MS;
    json_t *ignored;
    json_error_t error;

    if (json_unpack_ex(action->json, &error, JSON_STRICT,
                       "{s?i, s?s, s?s, s?o, s?o, s?o, s?I, s?I, s?b, s?b, s?b,"
                       " s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o !}",
                       "status", &status, "code", &action->code, "message", &action->message, "details",
                       &action->details, "headers", &action->headers, "body", &action->body, "delay_ms", &delay_ms,
                       "drip_ms", &drip_ms, "apply", &apply, "apply_late", &apply_late, "chunked", &chunked,
                       kinds[0].name, &ignored, kinds[1].name, &ignored, kinds[2].name, &ignored, kinds[3].name,
                       &ignored, kinds[4].name, &ignored, kinds[5].name, &ignored, kinds[6].name, &ignored,
                       kinds[7].name, &ignored, kinds[8].name, &ignored) != 0) {
        snprintf(why, FAULT_WHY_BYTES, "action: %s", error.text);
        return false;
    }
    if (status && (status < 200 || status > 599)) {
        snprintf(why, FAULT_WHY_BYTES, "action: status must be 200 to 599");
        return false;
    }
    if (action->headers && !are_headers(action->headers)) {
        snprintf(why, FAULT_WHY_BYTES, "action: headers must be an object of strings or arrays of strings");
        return false;
    }
    if (action->body && !json_is_string(action->body)) {
        snprintf(why, FAULT_WHY_BYTES, "action: body must be a string, sent as it is");
        return false;
    }
    if (!read_wait(delay_ms, &action->delay_us, "delay_ms", why) ||
        !read_wait(drip_ms, &action->drip_us, "drip_ms", why))
        return false;

    action->status = (unsigned)status;
    action->apply_late = apply_late;
    action->chunked = chunked;
    if (action->kind == FAULT_NONE)
        action->apply = action->status == 0;
    if (apply >= 0)
        action->apply = apply;
    return true;
}

struct fault_action *fault_action_read(json_t *json, unsigned rule_id, char why[FAULT_WHY_BYTES])
{
    if (!json_is_object(json)) {
        snprintf(why, FAULT_WHY_BYTES, "a rule needs an \"action\" object");
        return NULL;
    }
    struct fault_action *action = calloc(1, sizeof *action);
    json_t *copy = json_deep_copy(json);
    if (!action || !copy) {
        json_decref(copy);
        free(action);
        snprintf(why, FAULT_WHY_BYTES, "out of memory");
        return NULL;
    }
    atomic_init(&action->holders, 1);
    action->json = copy;
    action->rule_id = rule_id;

    if (!read_kind(action, why) || !read_rest(action, why)) {
        fault_action_release(action);
        return NULL;
    }
    return action;
}

void fault_action_hold(struct fault_action *action)
{
    atomic_fetch_add(&action->holders, 1);
}

void fault_action_release(struct fault_action *action)
{
    if (!action || atomic_fetch_sub(&action->holders, 1) != 1)
        return;
    json_decref(action->json);
    free(action);
}

const char *fault_action_name(const struct fault_action *action)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].kind == action->kind)
            return kinds[i].name;
    if (action->status)
        return "status";
    if (action->body)
        return "body";
    if (action->headers)
        return "headers";
    return "delay";
}
