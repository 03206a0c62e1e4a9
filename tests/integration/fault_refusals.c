/* SPDX-License-Identifier: Apache-2.0
 * Refusals that the sandbox means: none of them is tried again, or did anything. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_refusal(struct fault_bench *bench, const char *code, int http_status)
{
    const klp_event *event = fault_push(bench);

    fault_assert_effect(bench, 0, 1);
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_REFUSED(code, http_status));
}

static void a_key_that_is_not_known_is_not_tried_again(struct fault_bench *bench)
{
    bench->config.api_key = klp_cstr("sandbox.was-revoked");
    check_refusal(bench, "session_invalid", 401);
}

static void a_key_that_may_not_push_is_not_tried_again(struct fault_bench *bench)
{
    sandbox_change_keys(bench->rig->sandbox, "{\"add\":[{\"key\":\"client.may-read\",\"permissionSet\":\"client\"}]}");
    bench->config.api_key = klp_cstr("client.may-read");
    check_refusal(bench, "forbidden", 403);
}

static void an_event_that_is_not_there_is_not_tried_again(struct fault_bench *bench)
{
    bench->lobby.event_key = klp_cstr("no_such_event");
    check_refusal(bench, "not_found", 404);
}

static void an_event_of_another_mode_is_not_tried_again(struct fault_bench *bench)
{
    bench->lobby.event_key = klp_cstr("weekly");
    check_refusal(bench, "conflict", 409);
}

static void another_roster_under_the_same_key_is_not_tried_again(struct fault_bench *bench)
{
    static const klp_text others[] = {KLP_LIT("alice"), KLP_LIT("carol")};

    rig_open(bench->rig, &bench->config);
    rig_ack(bench->rig, rig_push_and_take(bench->rig, FAULT_KEY));
    rig_close(bench->rig);
    bench->lobby.player_ids = others;
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 1, 2); /* both of the first push, but for one arrival */
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_REFUSED("idempotency_conflict", 409));
}

const struct fault_test fault_refusal_tests[] = {
    FAULT_TEST(a_key_that_is_not_known_is_not_tried_again, "401 key not known"),
    FAULT_TEST(a_key_that_may_not_push_is_not_tried_again, "403 key may not push"),
    FAULT_TEST(an_event_that_is_not_there_is_not_tried_again, "404 no such event"),
    FAULT_TEST(an_event_of_another_mode_is_not_tried_again, "409 event of another mode"),
    FAULT_TEST(another_roster_under_the_same_key_is_not_tried_again, "409 key taken by another roster"),
    {0},
};
