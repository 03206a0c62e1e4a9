/* SPDX-License-Identifier: Apache-2.0
 * Faults that the sandbox makes when it is told to. */
#include "fault_bench.h"

struct script {
    uint32_t attempt_timeout_ms;
    const char *rules;
    size_t lobbies, arrivals;
    struct fault_verdict verdict;
};

static void prove(struct fault_bench *bench)
{
    const struct script *script = bench->given;

    bench->config.attempt_timeout_ms = script->attempt_timeout_ms;
    sandbox_script(bench->rig->sandbox, script->rules);
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, script->lobbies, script->arrivals);
    fault_assert_verdict(event, &script->verdict);
}

#define SLOW(timeout_ms, sentence, fault, ...)                                                                         \
    {                                                                                                                  \
        sentence, fault, prove, &(const struct script)                                                                 \
        {                                                                                                              \
            timeout_ms, __VA_ARGS__                                                                                    \
        }                                                                                                              \
    }
#define SCRIPT(sentence, fault, ...) SLOW(8000, sentence, fault, __VA_ARGS__)

/* sentence, fault, rules, lobbies, arrivals, verdict (error, status, attempts) */
const struct fault_test fault_script_tests[] = {
    SCRIPT("a_reset_before_it_is_applied_is_tried_again", "reset before applying, once",
           FAULT_ONCE("\"reset_before\":true"), 1, 2, FAULT_APPLIED(2)),
    SCRIPT("resets_before_it_is_applied_leave_the_outcome_open", "reset before applying, always",
           FAULT_ALWAYS("\"reset_before\":true"), 0, 4, FAULT_POSSIBLY("network_error", 0, 4)),
    SCRIPT("a_close_before_it_is_applied_is_tried_again", "close before applying, once",
           FAULT_ONCE("\"close_before\":true"), 1, 2, FAULT_APPLIED(2)),
    SCRIPT("a_reply_lost_in_a_reset_is_found_again", "reset after applying, once", FAULT_ONCE("\"reset_after\":true"),
           1, 2, FAULT_REPLAYED(2)),
    SCRIPT("replies_lost_in_resets_leave_one_lobby_and_the_outcome_open", "reset after applying, always",
           FAULT_ALWAYS("\"reset_after\":true"), 1, 4, FAULT_POSSIBLY("network_error", 0, 4)),
    SCRIPT("a_reply_lost_in_a_close_is_found_again", "close after applying, once", FAULT_ONCE("\"close_after\":true"),
           1, 2, FAULT_REPLAYED(2)),
    SCRIPT("replies_lost_in_closes_leave_one_lobby_and_the_outcome_open", "close after applying, always",
           FAULT_ALWAYS("\"close_after\":true"), 1, 4, FAULT_POSSIBLY("network_error", 0, 4)),
    SCRIPT("a_reply_that_was_cut_is_found_again", "cut body, once", FAULT_ONCE("\"cut_body\":true"), 1, 2,
           FAULT_REPLAYED(2)),
    SCRIPT("replies_that_are_cut_leave_one_lobby_and_the_outcome_open", "cut body, always",
           FAULT_ALWAYS("\"cut_body\":true"), 1, 4, FAULT_POSSIBLY("invalid_response", 200, 4)),
    SLOW(1000, "a_reply_that_drips_past_the_timeout_is_found_again", "slow drip, once",
         FAULT_ONCE("\"slow_drip\":true,\"drip_ms\":400"), 1, 2, FAULT_REPLAYED(2)),
    SLOW(1200, "replies_that_drip_past_the_timeout_leave_one_lobby_and_the_outcome_open", "slow drip, always",
         FAULT_ALWAYS("\"slow_drip\":true,\"drip_ms\":400"), 1, 4, FAULT_POSSIBLY("timeout", 200, 4)),
    SCRIPT("a_reply_of_100_mb_is_found_again_when_it_is_short", "100 MB body, once",
           FAULT_ONCE("\"big_body\":100000000"), 1, 2, FAULT_REPLAYED(2)),
    SCRIPT("headers_without_end_are_tried_again", "endless headers, once", FAULT_ONCE("\"endless_headers\":true"), 1, 2,
           FAULT_APPLIED(2)),
    SCRIPT("headers_without_end_leave_the_outcome_open", "endless headers, always",
           FAULT_ALWAYS("\"endless_headers\":true"), 0, 4, FAULT_POSSIBLY("invalid_response", 200, 4)),
    SCRIPT("what_is_no_http_is_tried_again", "garbage after applying, once",
           FAULT_ONCE("\"garbage\":true,\"apply\":true"), 1, 2, FAULT_REPLAYED(2)),
    SCRIPT("what_is_no_http_leaves_the_outcome_open", "garbage, always", FAULT_ALWAYS("\"garbage\":true"), 0, 4,
           FAULT_POSSIBLY("network_error", 0, 4)),

    SCRIPT("the_body_counts_and_not_its_content_type", "201 with a lobby as text/html",
           FAULT_ONCE("\"headers\":{\"Content-Type\":\"text/html\"}"), 1, 1, FAULT_APPLIED(1)),
    SCRIPT("a_page_with_status_200_is_tried_again", "200 with a text/html page, once",
           FAULT_ONCE("\"status\":200,\"headers\":{\"Content-Type\":\"text/html\"},\"body\":\"<h1>Sign in</h1>\""), 1,
           2, FAULT_APPLIED(2)),
    SCRIPT("a_page_with_status_200_is_no_success", "200 with a text/html page, always",
           FAULT_ALWAYS("\"status\":200,\"headers\":{\"Content-Type\":\"text/html\"},\"body\":\"<h1>Sign in</h1>\""), 0,
           4, FAULT_POSSIBLY("invalid_response", 200, 4)),
    SCRIPT("an_error_with_status_200_is_an_error", "200 with an error envelope",
           FAULT_ALWAYS("\"status\":200,\"code\":\"conflict\""), 0, 1, FAULT_POSSIBLY("conflict", 200, 1)),
    SCRIPT("a_success_that_carries_an_error_leaves_the_outcome_open", "202 lobby_forming, applied",
           FAULT_ALWAYS("\"status\":202,\"code\":\"lobby_forming\",\"apply\":true"), 1, 1,
           FAULT_POSSIBLY("lobby_forming", 202, 1)),
    SCRIPT("an_empty_success_is_found_again", "204 empty after applying, once",
           FAULT_ONCE("\"status\":204,\"body\":\"\",\"apply\":true"), 1, 2, FAULT_REPLAYED(2)),
    SCRIPT("an_empty_success_leaves_the_outcome_open", "204 empty after applying, always",
           FAULT_ALWAYS("\"status\":204,\"body\":\"\",\"apply\":true"), 1, 4,
           FAULT_POSSIBLY("invalid_response", 204, 4)),
    SCRIPT("a_success_that_is_no_json_leaves_the_outcome_open", "2xx that is no JSON, always",
           FAULT_ALWAYS("\"body\":\"lobby created\""), 1, 4, FAULT_POSSIBLY("invalid_response", 200, 4)),
    SCRIPT("a_success_with_half_of_its_json_leaves_the_outcome_open", "2xx with half of its JSON, always",
           FAULT_ALWAYS("\"body\":\"{\\\"data\\\":{\\\"id\\\":\\\"lob\""), 1, 4,
           FAULT_POSSIBLY("invalid_response", 200, 4)),
    SCRIPT("fields_that_come_twice_or_are_unknown_do_not_matter", "JSON with duplicate, unknown fields",
           FAULT_ONCE("\"body\":\"{\\\"new\\\":[{\\\"a\\\":null}],\\\"data\\\":{\\\"id\\\":\\\"lob_1\\\","
                      "\\\"status\\\":\\\"active\\\",\\\"id\\\":\\\"lob_1\\\",\\\"new\\\":{},\\\"capacity\\\":8,"
                      "\\\"capacity\\\":8,\\\"participantCount\\\":2,\\\"new\\\":1e9}}\""),
           1, 1, FAULT_APPLIED(1)),
    SCRIPT("what_was_applied_before_a_500_is_found_again", "500 after applying, once",
           FAULT_ONCE("\"status\":500,\"apply\":true"), 1, 2, FAULT_REPLAYED(2)),
    SCRIPT("what_500s_follow_leaves_one_lobby_and_the_outcome_open", "500 after applying, always",
           FAULT_ALWAYS("\"status\":500,\"apply\":true"), 1, 4, FAULT_POSSIBLY("internal_error", 500, 4)),
    SCRIPT("a_lone_push_spends_its_attempts_on_503s", "503, always", FAULT_ALWAYS("\"status\":503"), 0, 4,
           FAULT_POSSIBLY("internal_error", 503, 4)),
    SCRIPT("what_a_408_follows_is_tried_again", "408, once", FAULT_ONCE("\"status\":408"), 1, 2, FAULT_APPLIED(2)),
    SCRIPT("what_408s_follow_leaves_the_outcome_open", "408, always",
           FAULT_ALWAYS("\"status\":408,\"code\":\"too_slow\""), 0, 4, FAULT_POSSIBLY("too_slow", 408, 4)),
    SCRIPT("what_is_too_large_is_not_applied", "413", FAULT_ALWAYS("\"status\":413,\"code\":\"too_large\""), 0, 1,
           FAULT_REFUSED("too_large", 413)),
    SCRIPT("a_refusal_without_an_envelope_is_an_internal_error", "413 with a page",
           FAULT_ALWAYS("\"status\":413,\"body\":\"<h1>413</h1>\""), 0, 1, FAULT_REFUSED("internal_error", 413)),
    {0},
};
