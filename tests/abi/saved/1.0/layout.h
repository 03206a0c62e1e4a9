/* SPDX-License-Identifier: Apache-2.0
 *
 * The shapes and numbers of the ABI, as hosts were compiled against them. A line that no longer holds means that those
 * hosts break: put the header right, not the line. What is added at an end gets lines of its own.
 *
 * saved/ has this file as it was at each release, to be held against the header of today; with LAYOUT_MAY_HAVE_GROWN
 * structs may have come to be larger, and nothing else. Include behind the header that it is to be held against. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>
#include <stdint.h>

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
VALUE(KLP_E_OUTBOX, 14);
VALUE(KLP_E_OUTBOX_FULL, 15);
VALUE(KLP_E_TRUNCATED, 16);
VALUE(KLP_E_NOT_FINAL, 17);
VALUE(KLP_E_ROSTER, 18);

VALUE(KLP_OP_PUSH, 1);
VALUE(KLP_OP_READ, 2);
VALUE(KLP_OP_PING, 3);
VALUE(KLP_OP_AWAIT, 4);
VALUE(KLP_OP_CALL, 5);

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
VALUE(KLP_GATE_KEY_REFUSED, 4);

VALUE(KLP_SYNC_FULL, 0);
VALUE(KLP_SYNC_NORMAL, 1);
VALUE(KLP_OUTBOX_REQUIRED, 0);
VALUE(KLP_OUTBOX_BEST_EFFORT, 1);
VALUE(KLP_DAMAGED_REFUSE, 0);
VALUE(KLP_DAMAGED_REPLACE, 1);
VALUE(KLP_ADOPT_NONE, UINT32_MAX);
VALUE(KLP_PUSH_DURABLE, 1);

VALUE(KLP_LOG_ERROR, 1);
VALUE(KLP_LOG_WARNING, 2);
VALUE(KLP_LOG_INFO, 3);

VALUE(KLP_LATENCY_QUEUE, 1);
VALUE(KLP_LATENCY_TOTAL, 2);
VALUE(KLP_HISTOGRAM_BUCKETS, 160);

VALUE(KLP_ALLOW_INSECURE, 1);
VALUE(KLP_PROXY_FROM_ENVIRONMENT, 2);

VALUE(KLP_ABI, 1);
VALUE(KLP_WAIT_FOREVER, 0xffffffff);
VALUE(KLP_GRACE_NONE, 0xffffffff);
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
VALUE(KLP_MAX_SEGMENTS, 16);
VALUE(KLP_MAX_PATH_BYTES, 6144);
VALUE(KLP_MAX_DOCUMENT_BYTES, 1048576);
VALUE(KLP_MAX_ATTRIBUTES, 16);

/* ─── Shapes ────────────────────────────────────────────────────────────────────────────────────── */

_Static_assert(_Generic((klp_status)0, int32_t : 1, default : 0), "klp_status is an int32_t");
_Static_assert(_Generic((klp_ticket)0, uint64_t : 1, default : 0), "klp_ticket is a uint64_t");

#ifdef __x86_64__

#ifdef LAYOUT_MAY_HAVE_GROWN
#define SIZE(type, bytes) _Static_assert(sizeof(type) >= (bytes), #type " has lost its end")
#else
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")
#endif
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

SIZE(klp_attempt, 216);
AT(klp_attempt, struct_size, 0, 4);
AT(klp_attempt, op, 4, 4);
AT(klp_attempt, ticket, 8, 8);
AT(klp_attempt, cookie, 16, 8);
AT(klp_attempt, method, 24, 16);
AT(klp_attempt, path_template, 40, 16);
AT(klp_attempt, idempotency_key, 56, 16);
AT(klp_attempt, trace_parent, 72, 16);
AT(klp_attempt, attempt, 88, 4);
AT(klp_attempt, sends, 92, 4);
AT(klp_attempt, ok, 96, 4);
AT(klp_attempt, http_status, 100, 4);
AT(klp_attempt, curl_code, 104, 4);
AT(klp_attempt, reserved, 108, 4);
AT(klp_attempt, error_code, 112, 16);
AT(klp_attempt, request_id, 128, 16);
AT(klp_attempt, retry_in_ms, 144, 8);
AT(klp_attempt, queue_us, 152, 8);
AT(klp_attempt, name_us, 160, 8);
AT(klp_attempt, connect_us, 168, 8);
AT(klp_attempt, tls_us, 176, 8);
AT(klp_attempt, first_byte_us, 184, 8);
AT(klp_attempt, total_us, 192, 8);
AT(klp_attempt, bytes_sent, 200, 8);
AT(klp_attempt, bytes_received, 208, 8);

SIZE(klp_config, 288);
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
AT(klp_config, session_grace_ms, 188, 4);
AT(klp_config, expect_environment, 192, 16);
AT(klp_config, on_attempt, 208, 8);
AT(klp_config, on_log, 216, 8);
AT(klp_config, callback_user, 224, 8);
AT(klp_config, log_level, 232, 4);
AT(klp_config, reserved, 236, 4);
AT(klp_config, outbox_dir, 240, 16);
AT(klp_config, outbox_sync, 256, 4);
AT(klp_config, outbox_mode, 260, 4);
AT(klp_config, outbox_damaged, 264, 4);
AT(klp_config, outbox_adopt_ms, 268, 4);
AT(klp_config, outbox_max_bytes, 272, 8);
AT(klp_config, durable_timeout_ms, 280, 4);
AT(klp_config, reserved_too, 284, 4);

SIZE(klp_lobby, 144);
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
AT(klp_lobby, trace_parent, 128, 16);

SIZE(klp_await, 72);
AT(klp_await, struct_size, 0, 4);
AT(klp_await, flags, 4, 4);
AT(klp_await, game_id, 8, 16);
AT(klp_await, lobby_id, 24, 16);
AT(klp_await, poll_interval_ms, 40, 4);
AT(klp_await, timeout_ms, 44, 4);
AT(klp_await, cookie, 48, 8);
AT(klp_await, trace_parent, 56, 16);

SIZE(klp_call, 88);
AT(klp_call, struct_size, 0, 4);
AT(klp_call, flags, 4, 4);
AT(klp_call, method, 8, 16);
AT(klp_call, segments, 24, 8);
AT(klp_call, segment_count, 32, 8);
AT(klp_call, body_json, 40, 16);
AT(klp_call, cookie, 56, 8);
AT(klp_call, deadline_ms, 64, 4);
AT(klp_call, reserved, 68, 4);
AT(klp_call, trace_parent, 72, 16);

SIZE(klp_webhook, 64);
AT(klp_webhook, struct_size, 0, 4);
AT(klp_webhook, tolerance_s, 4, 4);
AT(klp_webhook, signature, 8, 16);
AT(klp_webhook, body, 24, 16);
AT(klp_webhook, secrets, 40, 8);
AT(klp_webhook, secret_count, 48, 8);
AT(klp_webhook, now_unix_s, 56, 8);

SIZE(klp_roster_options, 144);
AT(klp_roster_options, struct_size, 0, 4);
AT(klp_roster_options, flags, 4, 4);
AT(klp_roster_options, capacity, 8, 4);
AT(klp_roster_options, fill_bots, 12, 4);
AT(klp_roster_options, player_id_path, 16, 16);
AT(klp_roster_options, key_annotation, 32, 16);
AT(klp_roster_options, attributes, 48, 8);
AT(klp_roster_options, attribute_count, 56, 8);
AT(klp_roster_options, game_id, 64, 16);
AT(klp_roster_options, event_key, 80, 16);
AT(klp_roster_options, idempotency_key, 96, 16);
AT(klp_roster_options, cookie, 112, 8);
AT(klp_roster_options, deadline_ms, 120, 4);
AT(klp_roster_options, reserved, 124, 4);
AT(klp_roster_options, trace_parent, 128, 16);

SIZE(klp_roster, 80);
AT(klp_roster, struct_size, 0, 4);
AT(klp_roster, fill_bots, 4, 4);
AT(klp_roster, key, 8, 16);
AT(klp_roster, event_key, 24, 16);
AT(klp_roster, player_ids, 40, 8);
AT(klp_roster, player_count, 48, 8);
AT(klp_roster, capacity, 56, 4);
AT(klp_roster, reserved, 60, 4);
AT(klp_roster, metadata_json, 64, 16);

SIZE(klp_event, 440);
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
AT(klp_event, method, 112, 16);
AT(klp_event, path, 128, 16);
AT(klp_event, trace_parent, 144, 16);
AT(klp_event, ok, 160, 4);
AT(klp_event, outcome, 164, 4);
AT(klp_event, replayed, 168, 4);
AT(klp_event, recovered, 172, 4);
AT(klp_event, attempts, 176, 4);
AT(klp_event, sends, 180, 4);
AT(klp_event, http_status, 184, 4);
AT(klp_event, retryable, 188, 4);
AT(klp_event, elapsed_us, 192, 8);
AT(klp_event, retry_after_ms, 200, 8);
AT(klp_event, request_id, 208, 16);
AT(klp_event, lobby_id, 224, 16);
AT(klp_event, lobby_status, 240, 16);
AT(klp_event, lobby_json, 256, 16);
AT(klp_event, capacity, 272, 8);
AT(klp_event, participant_count, 280, 8);
AT(klp_event, bot_slots, 288, 8);
AT(klp_event, filled_slots, 296, 8);
AT(klp_event, error_code, 304, 16);
AT(klp_event, error_message, 320, 16);
AT(klp_event, error_details_json, 336, 16);
AT(klp_event, error_origin, 352, 4);
AT(klp_event, curl_code, 356, 4);
AT(klp_event, truncated, 360, 4);
AT(klp_event, joined, 364, 4);
AT(klp_event, truncated_bytes, 368, 8);
AT(klp_event, api_key_json, 376, 16);
AT(klp_event, data_json, 392, 16);
AT(klp_event, reply_json, 408, 16);
AT(klp_event, json, 424, 16);

SIZE(klp_stats, 288);
AT(klp_stats, struct_size, 0, 4);
AT(klp_stats, reserved, 4, 4);
AT(klp_stats, accepted, 8, 8);
AT(klp_stats, refused_full, 16, 8);
AT(klp_stats, applied, 24, 8);
AT(klp_stats, replayed, 32, 8);
AT(klp_stats, not_applied, 40, 8);
AT(klp_stats, possibly_applied, 48, 8);
AT(klp_stats, joined, 56, 8);
AT(klp_stats, queries_ok, 64, 8);
AT(klp_stats, queries_failed, 72, 8);
AT(klp_stats, calls_ok, 80, 8);
AT(klp_stats, calls_failed, 88, 8);
AT(klp_stats, attempts, 96, 8);
AT(klp_stats, retries, 104, 8);
AT(klp_stats, sends, 112, 8);
AT(klp_stats, connections, 120, 8);
AT(klp_stats, events_acknowledged, 128, 8);
AT(klp_stats, messages_sent, 136, 8);
AT(klp_stats, replies_ignored, 144, 8);
AT(klp_stats, replies_left_out, 152, 8);
AT(klp_stats, queued, 160, 8);
AT(klp_stats, in_flight, 168, 8);
AT(klp_stats, unread_events, 176, 8);
AT(klp_stats, queued_bytes, 184, 8);
AT(klp_stats, reply_bytes, 192, 8);
AT(klp_stats, gate, 200, 8);
AT(klp_stats, gate_opens_in_ms, 208, 8);
AT(klp_stats, awaiting, 216, 8);
AT(klp_stats, oldest_push_age_ms, 224, 8);
AT(klp_stats, api_key_generation, 232, 8);
AT(klp_stats, journaled, 240, 8);
AT(klp_stats, recovered, 248, 8);
AT(klp_stats, adopted, 256, 8);
AT(klp_stats, set_aside, 264, 8);
AT(klp_stats, outbox_bytes, 272, 8);
AT(klp_stats, degraded, 280, 8);

SIZE(klp_histogram, 1312);
AT(klp_histogram, struct_size, 0, 4);
AT(klp_histogram, reserved, 4, 4);
AT(klp_histogram, count, 8, 8);
AT(klp_histogram, sum_us, 16, 8);
AT(klp_histogram, max_us, 24, 8);
AT(klp_histogram, buckets, 32, 1280);

SIZE(klp_api, 216);
AT(klp_api, struct_size, 0, 4);
AT(klp_api, abi, 4, 4);
AT(klp_api, open, 8, 8);
AT(klp_api, push, 16, 8);
AT(klp_api, read, 24, 8);
AT(klp_api, await, 32, 8);
AT(klp_api, call, 40, 8);
AT(klp_api, ping, 48, 8);
AT(klp_api, cancel, 56, 8);
AT(klp_api, next_event, 64, 8);
AT(klp_api, ack, 72, 8);
AT(klp_api, event_fd, 80, 8);
AT(klp_api, decode_event, 88, 8);
AT(klp_api, free_event, 96, 8);
AT(klp_api, flush, 104, 8);
AT(klp_api, stop, 112, 8);
AT(klp_api, close, 120, 8);
AT(klp_api, stats, 128, 8);
AT(klp_api, latencies, 136, 8);
AT(klp_api, metrics, 144, 8);
AT(klp_api, set_api_key, 152, 8);
AT(klp_api, verify_webhook, 160, 8);
AT(klp_api, status_text, 168, 8);
AT(klp_api, outcome_text, 176, 8);
AT(klp_api, version, 184, 8);
AT(klp_api, parse_roster, 192, 8);
AT(klp_api, free_roster, 200, 8);
AT(klp_api, push_document, 208, 8);

#ifdef KRATY_LOBBY_PUSHER_STUB_H
VALUE(KLP_STUB_ABI, 1);
VALUE(KLP_STUB_MAX_SCRIPT_BYTES, 1048576);
VALUE(KLP_STUB_MAX_TOLD, 1024);

SIZE(klp_stub_request, 160);
AT(klp_stub_request, struct_size, 0, 4);
AT(klp_stub_request, op, 4, 4);
AT(klp_stub_request, ticket, 8, 8);
AT(klp_stub_request, cookie, 16, 8);
AT(klp_stub_request, at_us, 24, 8);
AT(klp_stub_request, attempt, 32, 4);
AT(klp_stub_request, http_status, 36, 4);
AT(klp_stub_request, applied, 40, 4);
AT(klp_stub_request, struck, 44, 4);
AT(klp_stub_request, method, 48, 16);
AT(klp_stub_request, path, 64, 16);
AT(klp_stub_request, body, 80, 16);
AT(klp_stub_request, game_id, 96, 16);
AT(klp_stub_request, event_key, 112, 16);
AT(klp_stub_request, key, 128, 16);
AT(klp_stub_request, lobby_id, 144, 16);

SIZE(klp_stub_lobby, 112);
AT(klp_stub_lobby, struct_size, 0, 4);
AT(klp_stub_lobby, capacity, 4, 4);
AT(klp_stub_lobby, id, 8, 16);
AT(klp_stub_lobby, game_id, 24, 16);
AT(klp_stub_lobby, event_key, 40, 16);
AT(klp_stub_lobby, key, 56, 16);
AT(klp_stub_lobby, player_ids, 72, 8);
AT(klp_stub_lobby, player_count, 80, 8);
AT(klp_stub_lobby, metadata_json, 88, 16);
AT(klp_stub_lobby, fill_bots, 104, 4);
AT(klp_stub_lobby, times_pushed, 108, 4);

SIZE(klp_stub_api, 96);
AT(klp_stub_api, struct_size, 0, 4);
AT(klp_stub_api, abi, 4, 4);
AT(klp_stub_api, script, 8, 8);
AT(klp_stub_api, hold_time, 16, 8);
AT(klp_stub_api, run_time, 24, 8);
AT(klp_stub_api, advance_ms, 32, 8);
AT(klp_stub_api, elapsed_us, 40, 8);
AT(klp_stub_api, refuse, 48, 8);
AT(klp_stub_api, repeat_event, 56, 8);
AT(klp_stub_api, recover, 64, 8);
AT(klp_stub_api, request, 72, 8);
AT(klp_stub_api, lobby, 80, 8);
AT(klp_stub_api, reset, 88, 8);
#endif

#endif

#endif
