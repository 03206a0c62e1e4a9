/* SPDX-License-Identifier: Apache-2.0
 * What the server knows of the API key: by a ping of the library's own, one attempt. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "doctor_checks.h"

#define PERMISSION_SET "server_integration"
#define SEE_URL        "See whether this is Kraty's URL: Kraty says it"

enum { LITTLE_MS = 2000, TEXT_MOST = 120 };

/* ─── The key that was taken ────────────────────────────────────────────────────────────────────── */

static const char *text_of(const json_t *key, const char *name)
{
    return json_string_value(json_object_get(key, name));
}

static void judge_permission(struct report *report, const char *set)
{
    if (!set)
        report_line(report, HEALTH_WARN, "permission", SEE_URL, "the server does not say which set the key has");
    else if (strcmp(set, PERMISSION_SET) != 0)
        report_line(report, HEALTH_FAIL, "permission", "Make a key of the set " PERMISSION_SET,
                    "the key's set is %.*s, which may not push", TEXT_MOST, set);
    else
        report_line(report, HEALTH_OK, "permission", NULL, PERMISSION_SET);
}

static void judge_environment(struct report *report, const char *environment, const char *expected)
{
    if (!environment)
        report_line(report, HEALTH_WARN, "environment", SEE_URL,
                    "the server does not say whether the key is live or test");
    else if (!expected)
        report_line(report, HEALTH_OK, "environment", NULL, "%.*s, and none was expected (--expect-environment)",
                    TEXT_MOST, environment);
    else if (strcmp(environment, expected) != 0)
        report_line(report, HEALTH_FAIL, "environment", "Use a key of the environment that is meant",
                    "the key is %.*s, and not %s", TEXT_MOST, environment, expected);
    else
        report_line(report, HEALTH_OK, "environment", NULL, "%s, as expected", expected);
}

static void judge_game(struct report *report, const char *game, const char *wanted)
{
    if (!game)
        report_line(report, HEALTH_WARN, "game", SEE_URL, "the server does not say which game the key is for");
    else if (!wanted)
        report_line(report, HEALTH_OK, "game", NULL, "the key is for %.*s, and none was named (--game)", TEXT_MOST,
                    game);
    else if (strcmp(game, wanted) != 0)
        report_line(report, HEALTH_FAIL, "game", "A key is for one game: use that game's id, or that game's key",
                    "the key is for %.*s, and not for the game of --game", TEXT_MOST, game);
    else
        report_line(report, HEALTH_OK, "game", NULL, "the key is for %.*s", TEXT_MOST, game);
}

static void tell_key(struct examination *examination, const klp_event *event)
{
    const struct options *options = examination->options;
    struct report *report = &examination->report;
    json_t *key = json_loadb(event->api_key_json.data, event->api_key_json.size, 0, NULL);
    const char *prefix = text_of(key, "prefix"), *studio = text_of(key, "studioId");

    report_line(report, HEALTH_OK, "ping", NULL, "the server takes the key (%.*s…, of %.*s), in %.1f ms", TEXT_MOST,
                prefix ? prefix : "?", TEXT_MOST, studio ? studio : "a studio", (double)event->elapsed_us / 1000);
    judge_permission(report, text_of(key, "permissionSet"));
    judge_environment(report, text_of(key, "environment"), options->environment);
    judge_game(report, text_of(key, "gameId"), options->game);
    json_decref(key);
}

/* ─── The key, or the way, that was refused ─────────────────────────────────────────────────────── */

static const char *advice_on(const klp_event *event)
{
    if (klp_event_is_session_invalid(event))
        return "The key is mistyped, revoked, or of another server than this URL's: copy it again, or make a new one";
    if (klp_event_is_unauthenticated(event))
        return "Something on the way takes the Authorization header out";
    if (klp_event_is_forbidden(event) || klp_event_is_tenant_mismatch(event))
        return "The key is of another kind: make one of the set " PERMISSION_SET;
    if (klp_event_is_rate_limited(event))
        return "Too many requests with this key: try again later";
    if (klp_event_is_invalid_response(event) || klp_event_is_not_found(event))
        return "This is not Kraty's URL, or something on the way answers in its place";
    if (event->error_origin == KLP_ORIGIN_TRANSPORT)
        return "See the way to the server above, and try again";
    return event->retryable ? "The server is in trouble: try again" : "See the server above";
}

static void tell_refusal(struct report *report, const klp_event *event)
{
    char status[32] = "";

    if (event->http_status)
        snprintf(status, sizeof status, " (%d)", event->http_status);
    report_line(report, HEALTH_FAIL, "ping", advice_on(event), "%.*s%s: %.*s", KLP_TEXT_ARG(event->error_code), status,
                KLP_TEXT_ARG(event->error_message));
}

/* ─── Asking ────────────────────────────────────────────────────────────────────────────────────── */

static klp_status open_pusher(const struct examination *examination, klp_pusher **pusher, klp_text_buffer *why)
{
    const struct options *options = examination->options;
    klp_config config = KLP_CONFIG_INIT;

    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.api_key_file = klp_cstr(options->key_file);
    config.max_attempts = 1;
    config.attempt_timeout_ms = config.deadline_ms = examination->timeout_ms;
    config.session_grace_ms = KLP_GRACE_NONE; /* nobody gives a new key here */
    return examination->klp->open(&config, pusher, why);
}

static void ping(struct examination *examination)
{
    const klp_api *klp = examination->klp;
    struct report *report = &examination->report;
    klp_text_buffer why = {0};
    const klp_event *event;
    klp_pusher *pusher;
    klp_status status = open_pusher(examination, &pusher, &why);

    if (!status)
        status = klp->ping(pusher, 0, NULL, &why);
    if (status)
        report_line(report, HEALTH_FAIL, "ping", NULL, "%s: %s", klp->status_text(status), why.data);
    else if ((status = klp->next_event(pusher, examination->timeout_ms + LITTLE_MS, &event)))
        report_line(report, HEALTH_FAIL, "ping", NULL, "no verdict in time: %s", klp->status_text(status));
    else if (event->ok)
        tell_key(examination, event);
    else
        tell_refusal(report, event);
    klp->close(pusher); /* NULL is nothing */
}

void check_ping(struct examination *examination)
{
    const struct probe *probe = &examination->probe;
    const char *why_not = !examination->opens                     ? "no pusher opens"
                          : examination->is_stub                  ? "the stub has no network"
                          : !examination->has_key                 ? "there is no API key"
                          : probe->is_done && !probe->http_status ? "the server is not reached"
                                                                  : NULL;

    if (why_not)
        report_line(&examination->report, HEALTH_SKIP, "ping", NULL, "%s", why_not);
    else
        ping(examination);
}
