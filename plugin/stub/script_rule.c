/* SPDX-License-Identifier: Apache-2.0
 * A script's rules. */
#include <string.h>
#include <strings.h>

#include "stub/script_reader.h"

enum { MOST_DELAY_MS = 1000000000, MOST_REPEATS = 1000, MOST_ATTEMPT = 1000000 };

/* ─── match ─────────────────────────────────────────────────────────────────────────────────────── */

static void take_op(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct {
        const char *name;
        int32_t op;
    } ops[] = {{"push", KLP_OP_PUSH},
               {"read", KLP_OP_READ},
               {"ping", KLP_OP_PING},
               {"await", KLP_OP_AWAIT},
               {"call", KLP_OP_CALL}};
    struct rule *rule = into;

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (script_text_is(reader, value, ops[i].name))
            rule->match.ops = 1u << ops[i].op;
    if (!rule->match.ops && !script_text_is(reader, value, "any"))
        script_refuse(reader, name, "is none of push, read, ping, await, call and any");
}

static void take_game(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.game = script_text(reader, name, value);
}

static void take_event(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.event = script_text(reader, name, value);
}

static void take_key(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.key = script_text(reader, name, value);
}

static void take_player(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.player = script_text(reader, name, value);
}

static void take_ticket(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.ticket = script_number(reader, name, value, 1, UINT64_MAX);
}

static void take_cookie(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;

    rule->match.cookie = script_number(reader, name, value, 0, UINT64_MAX);
    rule->match.has_cookie = true;
}

static void take_attempt(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->match.attempt = (uint32_t)script_number(reader, name, value, 1, MOST_ATTEMPT);
}

static void take_nth(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;
    size_t count = json_length(&reader->document, value);

    if (json_kind(&reader->document, value) != '[' || count == 0 || count > RULE_MOST_NTH) {
        script_refuse(reader, name, "is no list of 1 to %d numbers", RULE_MOST_NTH);
        return;
    }
    for (int element = json_first(&reader->document, value); element != JSON_NONE;
         element = json_next(&reader->document, element))
        rule->match.nth[rule->match.nth_count++] = script_number(reader, name, element, 1, UINT64_MAX);
}

static void take_match(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct script_member members[] = {
        {"op", take_op},         {"game", take_game},       {"event", take_event},
        {"key", take_key},       {"player", take_player},   {"ticket", take_ticket},
        {"cookie", take_cookie}, {"attempt", take_attempt}, {"nth", take_nth},
    };

    reader->sub = name;
    script_take_members(reader, value, members, sizeof members / sizeof *members, into);
    reader->sub = NULL;
}

/* ─── action ────────────────────────────────────────────────────────────────────────────────────── */

static void take_status(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;

    if (rule->action.status || rule->action.failure)
        script_refuse(reader, name, "and an outcome or a failure cannot both be");
    rule->action.status = (int)script_number(reader, name, value, 200, 599);
}

static void take_code(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->action.code = script_text(reader, name, value);
}

static void take_message(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->action.message = script_text(reader, name, value);
}

static void take_details(struct script_reader *reader, const char *name, int value, void *into)
{
    if (json_kind(&reader->document, value) != '{')
        script_refuse(reader, name, "is no object");
    ((struct rule *)into)->action.details = script_raw(reader, value);
}

static void take_body(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;

    rule->action.body = script_any_text(reader, name, value);
    rule->action.has_body = true;
}

static void take_headers(struct script_reader *reader, const char *name, int value, void *into)
{
    const struct json_document *document = &reader->document;
    struct rule_action *action = &((struct rule *)into)->action;
    char header[16];

    if (json_kind(document, value) != '{') {
        script_refuse(reader, name, "is no object");
        return;
    }
    for (int key = json_first(document, value); key != JSON_NONE; key = json_next(document, key)) {
        if (json_text(document, key, header, sizeof header) >= sizeof header)
            header[0] = '\0';
        klp_text text = script_text(reader, name, json_value_of_key(document, key));
        if (strcasecmp(header, "Retry-After") == 0)
            action->retry_after = text;
        else if (strcasecmp(header, "Date") == 0)
            action->date = text;
        else if (strcasecmp(header, "X-Request-Id") == 0)
            action->request_id = text;
        else
            script_refuse(reader, name, "has another header than Retry-After, Date and X-Request-Id");
    }
}

static void take_apply(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->action.apply = script_bool(reader, name, value) ? APPLY_YES : APPLY_NO;
}

static void take_delay(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->action.delay_ms = script_number(reader, name, value, 0, MOST_DELAY_MS);
}

static void take_repeat(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct rule *)into)->action.repeats = (uint32_t)script_number(reader, name, value, 0, MOST_REPEATS);
}

static void take_refuse(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct {
        const char *name;
        klp_status status;
    } statuses[] = {{"KLP_E_QUEUE_FULL", KLP_E_QUEUE_FULL},
                    {"KLP_E_RESULTS_FULL", KLP_E_RESULTS_FULL},
                    {"KLP_E_OUTBOX_FULL", KLP_E_OUTBOX_FULL},
                    {"KLP_E_OUTBOX", KLP_E_OUTBOX},
                    {"KLP_E_NO_MEMORY", KLP_E_NO_MEMORY}};
    struct rule *rule = into;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (script_text_is(reader, value, statuses[i].name))
            rule->action.refuses = statuses[i].status;
    if (!rule->action.refuses)
        script_refuse(reader, name,
                      "is none of KLP_E_QUEUE_FULL, KLP_E_RESULTS_FULL, KLP_E_OUTBOX_FULL, KLP_E_OUTBOX, "
                      "KLP_E_NO_MEMORY");
}

static void take_outcome(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;

    if (rule->action.status || rule->action.failure)
        script_refuse(reader, name, "and a status or a failure cannot both be");
    if (script_text_is(reader, value, "not_applied"))
        rule->action.status = 409;
    else if (script_text_is(reader, value, "possibly_applied"))
        rule->action.failure = FAILS_RESET_BEFORE;
    else
        script_refuse(reader, name, "is neither not_applied nor possibly_applied");
    if (rule->match.nth_count == 0)
        rule->times = RULE_ALWAYS;
}

static void take_failure(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct {
        const char *name;
        enum rule_failure failure;
    } failures[] = {
        {"refused", FAILS_REFUSED},         {"unresolved", FAILS_UNRESOLVED},     {"tls_error", FAILS_TLS},
        {"certificate", FAILS_CERTIFICATE}, {"reset_before", FAILS_RESET_BEFORE}, {"close_before", FAILS_CLOSE_BEFORE},
        {"silent", FAILS_SILENT},           {"garbage", FAILS_GARBAGE},           {"reset_after", FAILS_RESET_AFTER},
        {"close_after", FAILS_CLOSE_AFTER}, {"cut_body", FAILS_CUT_BODY}};
    struct rule *rule = into;

    if (!script_bool(reader, name, value))
        return;
    if (rule->action.failure || rule->action.status)
        script_refuse(reader, name, "and another failure, a status or an outcome cannot both be");
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (strcmp(name, failures[i].name) == 0)
            rule->action.failure = failures[i].failure;
}

/* What can be said together. */
static void check_action(struct script_reader *reader, const struct rule_action *action)
{
    bool has_answer = action->status || action->has_body;
    bool has_error = action->code.size || action->message.size || action->details.size;

    if (action->refuses && (has_answer || has_error || action->failure || action->delay_ms || action->repeats))
        script_refuse(reader, NULL, "refuses, and says what becomes of what it refuses");
    else if (action->failure && (has_answer || has_error))
        script_refuse(reader, NULL, "has an answer and a failure");
    else if (has_error && (!action->status || action->has_body))
        script_refuse(reader, NULL, "has an error's code, message or details, and no status of its own for it");
    else if (action->apply == APPLY_NO && !has_answer && !action->failure)
        script_refuse(reader, NULL, "applies nothing, and has no answer to say so");
    else if (action->failure && action->failure <= FAILS_CERTIFICATE && action->apply == APPLY_YES)
        script_refuse(reader, NULL, "applies what is never sent");
}

static void take_action(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct script_member members[] = {
        {"outcome", take_outcome},      {"status", take_status},        {"code", take_code},
        {"message", take_message},      {"details", take_details},      {"body", take_body},
        {"headers", take_headers},      {"apply", take_apply},          {"delay_ms", take_delay},
        {"repeat", take_repeat},        {"refuse", take_refuse},        {"refused", take_failure},
        {"unresolved", take_failure},   {"tls_error", take_failure},    {"certificate", take_failure},
        {"reset_before", take_failure}, {"close_before", take_failure}, {"silent", take_failure},
        {"garbage", take_failure},      {"reset_after", take_failure},  {"close_after", take_failure},
        {"cut_body", take_failure},
    };

    reader->sub = name;
    script_take_members(reader, value, members, sizeof members / sizeof *members, into);
    check_action(reader, &((struct rule *)into)->action);
    reader->sub = NULL;
}

/* ─── rule ──────────────────────────────────────────────────────────────────────────────────────── */

static void take_times(struct script_reader *reader, const char *name, int value, void *into)
{
    struct rule *rule = into;

    if (!json_signed(&reader->document, value, &rule->times) || rule->times < RULE_ALWAYS)
        script_refuse(reader, name, "is no whole number, nor -1");
}

void script_take_rule(struct script_reader *reader, int value, struct rule *rule)
{
    /* in this order they stand in no need of one another's */
    static const struct script_member members[] = {
        {"match", take_match}, {"action", take_action}, {"times", take_times}};
    int times = json_member(&reader->document, value, "times");

    *rule = (struct rule){.times = 1};
    script_take_members(reader, value, members, sizeof members / sizeof *members, rule);
    if (json_member(&reader->document, value, "action") == JSON_NONE)
        script_refuse(reader, "action", "is missing");
    if (rule->action.refuses && (rule->match.ticket || rule->match.attempt))
        script_refuse(reader, "match", "has a ticket or an attempt, which what is refused never gets");
    if (times == JSON_NONE && rule->match.nth_count)
        rule->times = RULE_ALWAYS;
    else if (times != JSON_NONE && !reader->status)
        take_times(reader, "times", times, rule); /* overrules what an outcome has set */
}
