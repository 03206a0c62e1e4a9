/* SPDX-License-Identifier: Apache-2.0
 * Faults of a reply that no honest server gives: too much, compressed, not text, or that one should go elsewhere. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "memory_peak.h"
#include "process.h"

static const struct fault_reply a_lobby = {201, KLP_TEXT_NONE, KLP_LIT(FAULT_LOBBY_JSON)};

/* ─── Too much ──────────────────────────────────────────────────────────────────────────────────── */

enum { MOST_GROWTH_KB = 32 * 1024 }; /* of the 100 MB; a sanitizer keeps what was freed */

static void a_body_of_100_mb_is_not_taken_in(struct fault_bench *bench)
{
    sandbox_script(bench->rig->sandbox, FAULT_ALWAYS("\"big_body\":100000000"));
    memory_peak_forget();
    long before_kb = memory_peak_kb();
    const klp_event *event = fault_push(bench);
    long growth_kb = memory_peak_kb() - before_kb;
    fault_assert_effect(bench, 1, 4);
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_POSSIBLY("invalid_response", 200, 4));
    assert_true(growth_kb < MOST_GROWTH_KB);
}

/* 100 MiB of zeros, in some 100 kB. */
static struct process_result make_gzip_bomb(void)
{
    static const char *const argv[] = {"/bin/sh", "-c", "head -c 104857600 /dev/zero | gzip -9", NULL};
    struct process_result bomb = process_run(argv, NULL, NULL);

    assert_in_range(bomb.output_bytes, 50000, KLP_MAX_REPLY_BYTES - 1);
    return bomb;
}

static void a_compressed_body_is_neither_asked_for_nor_inflated(struct fault_bench *bench)
{
    struct process_result bomb = make_gzip_bomb();
    struct fault_reply reply = {201, KLP_LIT("Content-Encoding: gzip\r\n"), {bomb.output, bomb.output_bytes}};

    fault_open_server(bench, "http", FAULT_REPLIES, &reply, 1);
    memory_peak_forget();
    long before_kb = memory_peak_kb();
    const klp_event *event = fault_push(bench);
    long growth_kb = memory_peak_kb() - before_kb;
    fault_assert_arrivals(bench, 4);
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_POSSIBLY("invalid_response", 201, 4));
    assert_true(growth_kb < MOST_GROWTH_KB);
    assert_true(strcasestr(fault_server_arrivals(bench->server).first, "accept-encoding") == NULL);
    fault_close_server(bench); /* before what it says is gone */
    process_result_clear(&bomb);
}

/* ─── Not text ──────────────────────────────────────────────────────────────────────────────────── */

static void check_replies(struct fault_bench *bench, const struct fault_reply *replies, size_t count,
                          const struct fault_verdict *verdict)
{
    fault_open_server(bench, "http", FAULT_REPLIES, replies, count);
    const klp_event *event = fault_push(bench);
    fault_assert_arrivals(bench, verdict->attempts);
    fault_assert_verdict(event, verdict);
    fault_close_server(bench);
}

static void nuls_in_the_body_are_no_json(struct fault_bench *bench)
{
    static const struct fault_reply replies[] = {
        {201, KLP_TEXT_NONE, KLP_LIT(FAULT_LOBBY_JSON "\0")},
        {201, KLP_TEXT_NONE, KLP_LIT("\0" FAULT_LOBBY_JSON)},
        {201, KLP_TEXT_NONE,
         KLP_LIT("{\"data\":{\"id\":\"lob\0_1\",\"status\":\"active\",\"capacity\":8,\"participantCount\":2}}")},
        {201, KLP_TEXT_NONE, KLP_LIT("\0\0\0\0")},
    };
    check_replies(bench, replies, 4, &(struct fault_verdict)FAULT_POSSIBLY("invalid_response", 201, 4));
}

static void nuls_in_the_body_are_tried_again(struct fault_bench *bench)
{
    const struct fault_reply replies[] = {{201, KLP_TEXT_NONE, KLP_LIT("\0\0\0\0")}, a_lobby};
    check_replies(bench, replies, 2, &(struct fault_verdict)FAULT_APPLIED(2));
}

static void a_nul_in_a_header_leaves_the_outcome_open(struct fault_bench *bench)
{
    static const struct fault_reply reply = {201, KLP_LIT("X-A: b\0c\r\n"), KLP_LIT(FAULT_LOBBY_JSON)};
    check_replies(bench, &reply, 1, &(struct fault_verdict)FAULT_POSSIBLY("invalid_response", 201, 4));
}

/* ─── Elsewhere ─────────────────────────────────────────────────────────────────────────────────── */

/* The other origin would answer with a lobby: a push that went there would say that it is applied. */
static void is_not_followed(struct fault_bench *bench)
{
    const int *status = bench->given;
    char rule[256];

    fault_open_server(bench, NULL, FAULT_REPLIES, &a_lobby, 1);
    snprintf(rule, sizeof rule, FAULT_ALWAYS("\"status\":%d,\"headers\":{\"Location\":\"http://127.0.0.1:%u/\"}"),
             *status, fault_server_port(bench->server));
    sandbox_script(bench->rig->sandbox, rule);
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 0, 1);
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_REFUSED("internal_error", *status));
    rig_close(bench->rig); /* nothing comes after this */
    struct fault_arrivals elsewhere = fault_server_arrivals(bench->server);
    assert_int_equal(elsewhere.connections, 0);
    assert_int_equal(elsewhere.bytes, 0);
}

#define REDIRECT(status)                                                                                               \
    {                                                                                                                  \
        "a_" #status "_to_another_origin_is_not_followed", #status " to another origin", is_not_followed,              \
            (const int[])                                                                                              \
        {                                                                                                              \
            status                                                                                                     \
        }                                                                                                              \
    }

const struct fault_test fault_reply_tests[] = {
    FAULT_TEST(a_body_of_100_mb_is_not_taken_in, "100 MB body, always"),
    FAULT_TEST(a_compressed_body_is_neither_asked_for_nor_inflated, "gzip bomb"),
    FAULT_TEST(nuls_in_the_body_are_no_json, "NULs in the body, always"),
    FAULT_TEST(nuls_in_the_body_are_tried_again, "NULs in the body, once"),
    FAULT_TEST(a_nul_in_a_header_leaves_the_outcome_open, "NUL in a header"),
    REDIRECT(301),
    REDIRECT(302),
    REDIRECT(303),
    REDIRECT(307),
    REDIRECT(308),
    {0},
};
