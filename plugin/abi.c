/* SPDX-License-Identifier: Apache-2.0
 * The table behind the exported symbol. Here every entry point looks at what it was handed; what follows it may trust
 * its arguments' shape. */
#include "abi.h"

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "kraty/lobby_pusher.h"
#include "kraty/webhook.h"
#include "pusher/arguments.h"
#include "pusher/documents.h"
#include "pusher/fork_guard.h"
#include "pusher/libraries.h"
#include "pusher/pusher.h"
#include "results/event_json.h"
#include "results/event_names.h"
#include "roster/roster.h"
#include "why.h"

enum { DEFAULT_TOLERANCE_S = 300 };

/* What every call with a pusher begins with. In a child of the process that opened it nothing is touched. */
static klp_status enter(const klp_pusher *pusher, klp_text_buffer *why)
{
    why_clear(why);
    if (fork_guard_is_child())
        return why_say(why, KLP_E_FORKED, "this process is a child of the one that opened the pusher");
    if (!pusher)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "pusher is NULL");
    return KLP_OK;
}

/* The worker, in a callback, would wait for itself. */
static klp_status enter_to_wait(const klp_pusher *pusher)
{
    klp_status status = enter(pusher, NULL);
    return !status && pusher_is_worker(pusher) ? KLP_E_NOT_AVAILABLE : status;
}

static klp_status abi_open(const klp_config *given, klp_pusher **pusher, klp_text_buffer *why)
{
    klp_config config;

    why_clear(why);
    if (!pusher)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "pusher is NULL");
    *pusher = NULL;
    if (fork_guard_is_child())
        return why_say(why, KLP_E_FORKED, "this process is a child of one that opened a pusher");
    klp_status status = argument_copy(given, &config, sizeof config, "klp_config", why);
    return status ? status : pusher_open(&config, pusher, why);
}

static klp_status abi_close(klp_pusher *pusher)
{
    if (fork_guard_is_child())
        return KLP_E_FORKED;
    if (!pusher)
        return KLP_OK;
    if (pusher_is_worker(pusher))
        return KLP_E_NOT_AVAILABLE;
    pusher_close(pusher);
    return KLP_OK;
}

static klp_status abi_push(klp_pusher *pusher, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_push(pusher, lobby, ticket, why);
}

static klp_status abi_read(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie, klp_ticket *ticket,
                           klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_read(pusher, game_id, lobby_id, cookie, ticket, why);
}

static klp_status abi_await(klp_pusher *pusher, const klp_await *await, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_await(pusher, await, ticket, why);
}

static klp_status abi_call(klp_pusher *pusher, const klp_call *call, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_call(pusher, call, ticket, why);
}

static klp_status abi_ping(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_ping(pusher, cookie, ticket, why);
}

static klp_status abi_cancel(klp_pusher *pusher, klp_ticket ticket)
{
    klp_status status = enter(pusher, NULL);
    return status ? status : pusher_cancel(pusher, ticket);
}

static klp_status abi_next_event(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event)
{
    if (!event)
        return KLP_E_INVALID_ARGUMENT;
    *event = NULL;
    klp_status status = enter(pusher, NULL);
    if (!status && timeout_ms && pusher_is_worker(pusher))
        status = KLP_E_NOT_AVAILABLE;
    return status ? status : pusher_next_event(pusher, timeout_ms, event);
}

static klp_status abi_ack(klp_pusher *pusher, const klp_event *event)
{
    klp_status status = enter(pusher, NULL);
    return status ? status : pusher_acknowledge(pusher, event);
}

static klp_status abi_event_fd(klp_pusher *pusher, int *descriptor)
{
    klp_status status = enter(pusher, NULL);
    if (status)
        return status;
    if (!descriptor)
        return KLP_E_INVALID_ARGUMENT;
    *descriptor = pusher->event_descriptor;
    return KLP_OK;
}

static klp_status abi_decode_event(const char *bytes, size_t size, klp_event **event, klp_text_buffer *why)
{
    why_clear(why);
    if (!event)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "event is NULL");
    *event = NULL;
    if (!bytes)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "bytes is NULL");
    return event_read(bytes, size, event, why);
}

static void abi_free_event(klp_event *event)
{
    event_free(event);
}

static klp_status abi_flush(klp_pusher *pusher, uint32_t timeout_ms)
{
    klp_status status = enter_to_wait(pusher);
    return status ? status : pusher_flush(pusher, timeout_ms);
}

static klp_status abi_stop(klp_pusher *pusher, uint32_t drain_ms)
{
    klp_status status = enter_to_wait(pusher);
    if (status)
        return status;
    pusher_request_stop(pusher, drain_ms);
    pusher_join(pusher, CLOCK_NEVER_US);
    return KLP_OK;
}

/* No struct of ours will ever be so large: it was not initialised. */
static bool is_sized(uint32_t struct_size)
{
    enum { MAX_STRUCT_BYTES = 4096 };
    return struct_size >= sizeof struct_size && struct_size <= MAX_STRUCT_BYTES;
}

static klp_status abi_stats(klp_pusher *pusher, klp_stats *stats)
{
    klp_status status = enter(pusher, NULL);
    if (status)
        return status;
    if (!stats || !is_sized(stats->struct_size))
        return KLP_E_INVALID_ARGUMENT;
    pusher_stats(pusher, stats);
    return KLP_OK;
}

static klp_status abi_latencies(klp_pusher *pusher, int32_t which, klp_histogram *histogram)
{
    klp_status status = enter(pusher, NULL);
    if (status)
        return status;
    if (!histogram || !is_sized(histogram->struct_size) || (which != KLP_LATENCY_QUEUE && which != KLP_LATENCY_TOTAL))
        return KLP_E_INVALID_ARGUMENT;
    pusher_latencies(pusher, which == KLP_LATENCY_QUEUE, histogram);
    return KLP_OK;
}

static klp_status abi_metrics(klp_pusher *pusher, char *out, size_t capacity, size_t *size)
{
    klp_status status = enter(pusher, NULL);
    if (status)
        return status;
    if (!size || (capacity && !out))
        return KLP_E_INVALID_ARGUMENT;
    return pusher_metrics(pusher, out, capacity, size);
}

static klp_status abi_set_api_key(klp_pusher *pusher, klp_text api_key, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    if (status)
        return status;
    if (api_key.size && !api_key.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key has a size of %zu and no data", api_key.size);
    return pusher_set_api_key(pusher, api_key, why);
}

static klp_status check_webhook(const klp_webhook *webhook, klp_text_buffer *why)
{
    if (webhook->signature.size && !webhook->signature.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "signature has a size and no data");
    if (webhook->body.size && !webhook->body.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "body has a size and no data");
    if (!webhook->secrets || webhook->secret_count == 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "secrets is empty");
    if (webhook->secret_count > KLP_MAX_WEBHOOK_SECRETS)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "secret_count is %zu, more than %u", webhook->secret_count,
                       KLP_MAX_WEBHOOK_SECRETS);
    for (size_t i = 0; i < webhook->secret_count; i++)
        if (!webhook->secrets[i].data || webhook->secrets[i].size == 0)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "secrets[%zu] is empty", i);
    return KLP_OK;
}

static klp_status abi_verify_webhook(const klp_webhook *given, klp_text_buffer *why)
{
    klp_webhook webhook;

    why_clear(why);
    klp_status status = argument_copy(given, &webhook, sizeof webhook, "klp_webhook", why);
    if (!status)
        status = check_webhook(&webhook, why);
    if (!status)
        status = libraries_init(why); /* it is OpenSSL's HMAC that must be OpenSSL's */
    if (status)
        return status;

    struct webhook signed_webhook = {
        .signature = webhook.signature,
        .secrets = webhook.secrets,
        .secret_count = webhook.secret_count,
        .body = webhook.body,
        .tolerance_s = webhook.tolerance_s ? webhook.tolerance_s : DEFAULT_TOLERANCE_S,
        .now_unix_s = webhook.now_unix_s ? webhook.now_unix_s : clock_unix_s(),
    };
    enum webhook_result result = webhook_verify(&signed_webhook);
    if (result == WEBHOOK_VALID)
        return KLP_OK;
    return why_say(why, result == WEBHOOK_NO_MEMORY ? KLP_E_NO_MEMORY : KLP_E_SIGNATURE, "%s",
                   webhook_result_text(result));
}

static klp_status abi_parse_roster(klp_text format, const char *bytes, size_t size, const klp_roster_options *options,
                                   klp_roster **roster, klp_text_buffer *why)
{
    why_clear(why);
    if (!roster)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "roster is NULL");
    return document_parse(format, (klp_text){bytes, size}, options, roster, why);
}

static void abi_free_roster(klp_roster *roster)
{
    roster_free(roster);
}

static klp_status abi_push_document(klp_pusher *pusher, klp_text format, const char *bytes, size_t size,
                                    const klp_roster_options *options, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_status status = enter(pusher, why);
    return status ? status : pusher_push_document(pusher, format, (klp_text){bytes, size}, options, ticket, why);
}

static const char *abi_status_text(klp_status status)
{
    static const char *const names[] = {
        [KLP_OK] = "KLP_OK",
        [KLP_E_INVALID_ARGUMENT] = "KLP_E_INVALID_ARGUMENT",
        [KLP_E_NO_MEMORY] = "KLP_E_NO_MEMORY",
        [KLP_E_QUEUE_FULL] = "KLP_E_QUEUE_FULL",
        [KLP_E_RESULTS_FULL] = "KLP_E_RESULTS_FULL",
        [KLP_E_STOPPED] = "KLP_E_STOPPED",
        [KLP_E_TIMEOUT] = "KLP_E_TIMEOUT",
        [KLP_E_DRAINED] = "KLP_E_DRAINED",
        [KLP_E_FORKED] = "KLP_E_FORKED",
        [KLP_E_NOT_AVAILABLE] = "KLP_E_NOT_AVAILABLE",
        [KLP_E_LIBRARY] = "KLP_E_LIBRARY",
        [KLP_E_SYSTEM] = "KLP_E_SYSTEM",
        [KLP_E_MALFORMED] = "KLP_E_MALFORMED",
        [KLP_E_SIGNATURE] = "KLP_E_SIGNATURE",
        [KLP_E_OUTBOX] = "KLP_E_OUTBOX",
        [KLP_E_OUTBOX_FULL] = "KLP_E_OUTBOX_FULL",
        [KLP_E_TRUNCATED] = "KLP_E_TRUNCATED",
        [KLP_E_NOT_FINAL] = "KLP_E_NOT_FINAL",
        [KLP_E_ROSTER] = "KLP_E_ROSTER",
    };

    if (status < 0 || (size_t)status >= sizeof names / sizeof *names)
        return "unknown klp_status";
    return names[status];
}

static const char *abi_version(void)
{
    return KLP_VERSION;
}

const klp_api abi_table = {
    .struct_size = sizeof abi_table,
    .abi = KLP_ABI,
    .open = abi_open,
    .push = abi_push,
    .read = abi_read,
    .await = abi_await,
    .call = abi_call,
    .ping = abi_ping,
    .cancel = abi_cancel,
    .next_event = abi_next_event,
    .ack = abi_ack,
    .event_fd = abi_event_fd,
    .decode_event = abi_decode_event,
    .free_event = abi_free_event,
    .flush = abi_flush,
    .stop = abi_stop,
    .close = abi_close,
    .stats = abi_stats,
    .latencies = abi_latencies,
    .metrics = abi_metrics,
    .set_api_key = abi_set_api_key,
    .verify_webhook = abi_verify_webhook,
    .status_text = abi_status_text,
    .outcome_text = event_outcome_name,
    .version = abi_version,
    .parse_roster = abi_parse_roster,
    .free_roster = abi_free_roster,
    .push_document = abi_push_document,
};
