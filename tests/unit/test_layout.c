/* SPDX-License-Identifier: Apache-2.0
 *
 * The shapes and numbers of the ABI, as hosts were compiled against them. A line that no longer holds means that those
 * hosts break: put the header right, not the line. What is added at an end gets lines of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/lobby_pusher.h"

#define VALUE(name, value) _Static_assert((name) == (value), #name " has another value")

/* ─── Numbers ───────────────────────────────────────────────────────────────────────────────────── */

VALUE(KLP_OK, 0);
VALUE(KLP_E_INVALID_ARGUMENT, 1);
VALUE(KLP_E_NO_MEMORY, 2);
VALUE(KLP_E_QUEUE_FULL, 3);
VALUE(KLP_E_RESULTS_FULL, 4);
VALUE(KLP_E_STOPPED, 5);
VALUE(KLP_E_TIMEOUT, 6);
VALUE(KLP_E_DRAINED, 7);
VALUE(KLP_E_FORKED, 8);
VALUE(KLP_E_NOT_AVAILABLE, 9);
VALUE(KLP_E_LIBRARY, 10);
VALUE(KLP_E_SYSTEM, 11);
VALUE(KLP_E_MALFORMED, 12);
VALUE(KLP_E_SIGNATURE, 13);

VALUE(KLP_OP_PUSH, 1);
VALUE(KLP_OP_READ, 2);
VALUE(KLP_OP_PING, 3);

VALUE(KLP_OUTCOME_NONE, 0);
VALUE(KLP_APPLIED, 1);
VALUE(KLP_NOT_APPLIED, 2);
VALUE(KLP_POSSIBLY_APPLIED, 3);

VALUE(KLP_ORIGIN_NONE, 0);
VALUE(KLP_ORIGIN_SERVER, 1);
VALUE(KLP_ORIGIN_TRANSPORT, 2);
VALUE(KLP_ORIGIN_LOCAL, 3);

VALUE(KLP_FILL_BOTS_DEFAULT, 0);
VALUE(KLP_FILL_BOTS_NO, 1);
VALUE(KLP_FILL_BOTS_YES, 2);

VALUE(KLP_GATE_OPEN, 0);
VALUE(KLP_GATE_RAMPING, 1);
VALUE(KLP_GATE_HELD, 2);
VALUE(KLP_GATE_PROBING, 3);

VALUE(KLP_ALLOW_INSECURE, 1);

VALUE(KLP_ABI, 1);
VALUE(KLP_WAIT_FOREVER, 0xffffffff);
VALUE(KLP_JITTER_NONE, 0xffffffff);
VALUE(KLP_NO_RETRY_AFTER, -1);
VALUE(KLP_MAX_ID_BYTES, 1024);
VALUE(KLP_MAX_PLAYERS, 10000);
VALUE(KLP_MAX_METADATA_BYTES, 262144);
VALUE(KLP_MAX_METADATA_DEPTH, 30);
VALUE(KLP_MAX_BODY_BYTES, 1048576);
VALUE(KLP_MAX_REPLY_BYTES, 1048576);
VALUE(KLP_MAX_EVENT_BYTES, 262144);
VALUE(KLP_MAX_MESSAGE_BYTES, 524288);
VALUE(KLP_MAX_WEBHOOK_SECRETS, 16);
VALUE(KLP_MAX_KEY_BYTES, 512);

/* ─── Shapes ────────────────────────────────────────────────────────────────────────────────────── */

_Static_assert(_Generic((klp_status)0, int32_t : 1, default : 0), "klp_status is an int32_t");
_Static_assert(_Generic((klp_ticket)0, uint64_t : 1, default : 0), "klp_ticket is a uint64_t");

#ifdef __x86_64__

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")
#define AT(type, field, offset, bytes)                                                                                 \
    _Static_assert(offsetof(type, field) == (offset) && sizeof(((type *)NULL)->field) == (bytes),                      \
                   #type "." #field " has moved")

SIZE(klp_text, 16);
AT(klp_text, data, 0, 8);
AT(klp_text, size, 8, 8);

SIZE(klp_text_buffer, 24);
AT(klp_text_buffer, data, 0, 8);
AT(klp_text_buffer, capacity, 8, 8);
AT(klp_text_buffer, size, 16, 8);

SIZE(klp_config, 192);
AT(klp_config, struct_size, 0, 4);
AT(klp_config, flags, 4, 4);
AT(klp_config, name, 8, 16);
AT(klp_config, base_url, 24, 16);
AT(klp_config, game_id, 40, 16);
AT(klp_config, api_key, 56, 16);
AT(klp_config, api_key_file, 72, 16);
AT(klp_config, ca_file, 88, 16);
AT(klp_config, proxy, 104, 16);
AT(klp_config, results_url, 120, 16);
AT(klp_config, max_in_flight, 136, 4);
AT(klp_config, max_queued, 140, 4);
AT(klp_config, max_unread_events, 144, 4);
AT(klp_config, attempt_timeout_ms, 148, 4);
AT(klp_config, deadline_ms, 152, 4);
AT(klp_config, max_attempts, 156, 4);
AT(klp_config, max_queued_bytes, 160, 8);
AT(klp_config, max_reply_bytes, 168, 8);
AT(klp_config, backoff_initial_ms, 176, 4);
AT(klp_config, backoff_max_ms, 180, 4);
AT(klp_config, jitter_permille, 184, 4);
AT(klp_config, reserved, 188, 4);

SIZE(klp_lobby, 128);
AT(klp_lobby, struct_size, 0, 4);
AT(klp_lobby, flags, 4, 4);
AT(klp_lobby, game_id, 8, 16);
AT(klp_lobby, event_key, 24, 16);
AT(klp_lobby, key, 40, 16);
AT(klp_lobby, player_ids, 56, 8);
AT(klp_lobby, player_count, 64, 8);
AT(klp_lobby, capacity, 72, 4);
AT(klp_lobby, fill_bots, 76, 4);
AT(klp_lobby, metadata_json, 80, 16);
AT(klp_lobby, idempotency_key, 96, 16);
AT(klp_lobby, cookie, 112, 8);
AT(klp_lobby, deadline_ms, 120, 4);
AT(klp_lobby, reserved, 124, 4);

SIZE(klp_event, 352);
AT(klp_event, struct_size, 0, 4);
AT(klp_event, op, 4, 4);
AT(klp_event, seq, 8, 8);
AT(klp_event, ticket, 16, 8);
AT(klp_event, cookie, 24, 8);
AT(klp_event, pusher, 32, 16);
AT(klp_event, epoch, 48, 16);
AT(klp_event, game_id, 64, 16);
AT(klp_event, event_key, 80, 16);
AT(klp_event, key, 96, 16);
AT(klp_event, ok, 112, 4);
AT(klp_event, outcome, 116, 4);
AT(klp_event, replayed, 120, 4);
AT(klp_event, recovered, 124, 4);
AT(klp_event, attempts, 128, 4);
AT(klp_event, sends, 132, 4);
AT(klp_event, http_status, 136, 4);
AT(klp_event, retryable, 140, 4);
AT(klp_event, elapsed_us, 144, 8);
AT(klp_event, retry_after_ms, 152, 8);
AT(klp_event, request_id, 160, 16);
AT(klp_event, lobby_id, 176, 16);
AT(klp_event, lobby_status, 192, 16);
AT(klp_event, lobby_json, 208, 16);
AT(klp_event, capacity, 224, 8);
AT(klp_event, participant_count, 232, 8);
AT(klp_event, bot_slots, 240, 8);
AT(klp_event, filled_slots, 248, 8);
AT(klp_event, error_code, 256, 16);
AT(klp_event, error_message, 272, 16);
AT(klp_event, error_details_json, 288, 16);
AT(klp_event, error_origin, 304, 4);
AT(klp_event, truncated, 308, 4);
AT(klp_event, truncated_bytes, 312, 8);
AT(klp_event, api_key_json, 320, 16);
AT(klp_event, json, 336, 16);

SIZE(klp_webhook, 64);
AT(klp_webhook, struct_size, 0, 4);
AT(klp_webhook, tolerance_s, 4, 4);
AT(klp_webhook, signature, 8, 16);
AT(klp_webhook, body, 24, 16);
AT(klp_webhook, secrets, 40, 8);
AT(klp_webhook, secret_count, 48, 8);
AT(klp_webhook, now_unix_s, 56, 8);

SIZE(klp_stats, 192);
AT(klp_stats, struct_size, 0, 4);
AT(klp_stats, reserved, 4, 4);
AT(klp_stats, accepted, 8, 8);
AT(klp_stats, refused_full, 16, 8);
AT(klp_stats, applied, 24, 8);
AT(klp_stats, replayed, 32, 8);
AT(klp_stats, not_applied, 40, 8);
AT(klp_stats, possibly_applied, 48, 8);
AT(klp_stats, queries_ok, 56, 8);
AT(klp_stats, queries_failed, 64, 8);
AT(klp_stats, attempts, 72, 8);
AT(klp_stats, retries, 80, 8);
AT(klp_stats, sends, 88, 8);
AT(klp_stats, connections, 96, 8);
AT(klp_stats, events_acknowledged, 104, 8);
AT(klp_stats, messages_sent, 112, 8);
AT(klp_stats, replies_ignored, 120, 8);
AT(klp_stats, replies_left_out, 128, 8);
AT(klp_stats, queued, 136, 8);
AT(klp_stats, in_flight, 144, 8);
AT(klp_stats, unread_events, 152, 8);
AT(klp_stats, queued_bytes, 160, 8);
AT(klp_stats, reply_bytes, 168, 8);
AT(klp_stats, gate, 176, 8);
AT(klp_stats, gate_opens_in_ms, 184, 8);

SIZE(klp_api, 152);
AT(klp_api, struct_size, 0, 4);
AT(klp_api, abi, 4, 4);
AT(klp_api, open, 8, 8);
AT(klp_api, push, 16, 8);
AT(klp_api, read, 24, 8);
AT(klp_api, ping, 32, 8);
AT(klp_api, cancel, 40, 8);
AT(klp_api, next_event, 48, 8);
AT(klp_api, ack, 56, 8);
AT(klp_api, event_fd, 64, 8);
AT(klp_api, decode_event, 72, 8);
AT(klp_api, free_event, 80, 8);
AT(klp_api, flush, 88, 8);
AT(klp_api, stop, 96, 8);
AT(klp_api, close, 104, 8);
AT(klp_api, stats, 112, 8);
AT(klp_api, verify_webhook, 120, 8);
AT(klp_api, status_text, 128, 8);
AT(klp_api, outcome_text, 136, 8);
AT(klp_api, version, 144, 8);

#endif

/* ─── What is told at run time ──────────────────────────────────────────────────────────────────── */

static const klp_api *table(void)
{
    uint32_t abi = KLP_ABI;
    const klp_api *api = klp_get_api(&abi);

    assert_non_null(api);
    return api;
}

static void the_newest_abi_that_both_know_is_agreed_on(void **state)
{
    uint32_t abi = 1;
    const klp_api *api = klp_get_api(&abi);

    (void)state;
    assert_non_null(api);
    assert_int_equal(abi, 1);
    assert_int_equal(api->abi, 1);

    abi = 999; /* a host of later days */
    assert_ptr_equal(klp_get_api(&abi), api);
    assert_int_equal(abi, 1);

    abi = UINT32_MAX;
    assert_ptr_equal(klp_get_api(&abi), api);
    assert_int_equal(abi, 1);
}

static void without_a_common_abi_there_is_no_table(void **state)
{
    uint32_t abi = 0;

    (void)state;
    assert_null(klp_get_api(&abi));
    assert_int_equal(abi, KLP_ABI); /* so that the host can say what it would need */
    assert_null(klp_get_api(NULL));
}

static void the_table_says_its_size_and_has_no_gap(void **state)
{
    const klp_api *api = table();
    const unsigned char *bytes = (const unsigned char *)api;
    static const unsigned char nothing[sizeof(void (*)(void))];

    (void)state;
    assert_int_equal(api->struct_size, sizeof *api);
    for (size_t at = offsetof(klp_api, open); at < sizeof *api; at += sizeof nothing)
        assert_memory_not_equal(bytes + at, nothing, sizeof nothing);
}

/* Whether it compiles is the test. */
static void every_function_is_of_its_type(void **state)
{
    const klp_api *api = table();
    klp_status (*open)(const klp_config *, klp_pusher **, klp_text_buffer *) = api->open;
    klp_status (*push)(klp_pusher *, const klp_lobby *, klp_ticket *, klp_text_buffer *) = api->push;
    klp_status (*read)(klp_pusher *, klp_text, klp_text, uint64_t, klp_ticket *, klp_text_buffer *) = api->read;
    klp_status (*ping)(klp_pusher *, uint64_t, klp_ticket *, klp_text_buffer *) = api->ping;
    klp_status (*next_event)(klp_pusher *, uint32_t, const klp_event **) = api->next_event;
    klp_status (*ack)(klp_pusher *, const klp_event *) = api->ack;
    klp_status (*event_fd)(klp_pusher *, int *) = api->event_fd;
    klp_status (*decode_event)(const char *, size_t, klp_event **, klp_text_buffer *) = api->decode_event;
    void (*free_event)(klp_event *) = api->free_event;
    klp_status (*flush)(klp_pusher *, uint32_t) = api->flush;
    klp_status (*stop)(klp_pusher *, uint32_t) = api->stop;
    klp_status (*close)(klp_pusher *) = api->close;
    klp_status (*stats)(klp_pusher *, klp_stats *) = api->stats;
    klp_status (*verify_webhook)(const klp_webhook *, klp_text_buffer *) = api->verify_webhook;
    const char *(*status_text)(klp_status) = api->status_text;
    const char *(*outcome_text)(int32_t) = api->outcome_text;
    const char *(*version)(void) = api->version;

    (void)state;
    assert_true(open && push && read && ping && next_event && ack && event_fd && decode_event && free_event);
    assert_true(flush && stop && close && stats && verify_webhook && status_text && outcome_text && version);
}

static void initialisers_set_the_size_and_nothing_else(void **state)
{
    klp_config config = KLP_CONFIG_INIT, no_config;
    klp_lobby lobby = KLP_LOBBY_INIT, no_lobby;
    klp_stats stats = KLP_STATS_INIT, no_stats;

    (void)state;
    memset(&no_config, 0, sizeof no_config);
    memset(&no_lobby, 0, sizeof no_lobby);
    memset(&no_stats, 0, sizeof no_stats);
    no_config.struct_size = sizeof no_config;
    no_lobby.struct_size = sizeof no_lobby;
    no_stats.struct_size = sizeof no_stats;
    assert_memory_equal(&config, &no_config, sizeof config); /* none of them has padding */
    assert_memory_equal(&lobby, &no_lobby, sizeof lobby);
    assert_memory_equal(&stats, &no_stats, sizeof stats);
}

static void texts_of_numbers_are_never_null(void **state)
{
    const klp_api *api = table();

    (void)state;
    assert_string_equal(api->version(), KLP_VERSION);
    assert_string_equal(api->status_text(KLP_E_QUEUE_FULL), "KLP_E_QUEUE_FULL");
    assert_string_equal(api->outcome_text(KLP_POSSIBLY_APPLIED), "possibly_applied");
    assert_string_equal(api->outcome_text(KLP_OUTCOME_NONE), "");
    for (int32_t number = -2; number < 100; number++) {
        assert_non_null(api->status_text(number));
        assert_non_null(api->outcome_text(number));
        if (number >= KLP_OK && number <= KLP_E_MALFORMED)
            assert_memory_equal(api->status_text(number), "KLP_", 4);
    }
    assert_non_null(api->status_text(INT32_MIN));
    assert_non_null(api->status_text(INT32_MAX));
    assert_non_null(api->outcome_text(INT32_MIN));
    assert_non_null(api->outcome_text(INT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_abi_that_both_know_is_agreed_on),
        cmocka_unit_test(without_a_common_abi_there_is_no_table),
        cmocka_unit_test(the_table_says_its_size_and_has_no_gap),
        cmocka_unit_test(every_function_is_of_its_type),
        cmocka_unit_test(initialisers_set_the_size_and_nothing_else),
        cmocka_unit_test(texts_of_numbers_are_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
