/* SPDX-License-Identifier: Apache-2.0
 * Faults of a connection: there is none, or it leads nowhere. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_refused_connection_is_not_applied(struct fault_bench *bench)
{
    fault_point_at(bench, "http", "127.0.0.1", rig_closed_port());
    fault_assert_verdict(fault_push(bench), &(struct fault_verdict){KLP_NOT_APPLIED, false, "network_error", 0, 4, 0});
}

static void a_name_that_does_not_resolve_is_not_applied(struct fault_bench *bench)
{
    bench->config.base_url = klp_cstr("https://no-such-host.invalid");
    fault_assert_verdict(fault_push(bench), &(struct fault_verdict){KLP_NOT_APPLIED, false, "network_error", 0, 4, 0});
}

/* The reset may come before the request is written, or after: which it was is for the plugin to say. */
static void connections_reset_upon_accept_are_never_applied(struct fault_bench *bench)
{
    sandbox_script(bench->rig->sandbox, "{\"accept_reset\":4}");
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 0, 0);
    assert_in_range(event->sends, 0, 4);
    int32_t outcome = event->sends > 0 ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED;
    fault_assert_verdict(event, &(struct fault_verdict){outcome, false, "network_error", 0, 4, event->sends});
    assert_int_equal(sandbox_stat(bench->rig->sandbox, "connections_reset_on_accept"), 4);
}

static void connections_reset_upon_accept_are_tried_again(struct fault_bench *bench)
{
    sandbox_script(bench->rig->sandbox, "{\"accept_reset\":2}");
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 1, 1);
    assert_in_range(event->sends, 1, 3);
    fault_assert_verdict(event, &(struct fault_verdict){KLP_APPLIED, false, NULL, 201, 3, event->sends});
}

static void a_server_that_never_answers_leaves_the_outcome_open(struct fault_bench *bench)
{
    fault_open_server(bench, "http", FAULT_SILENT, NULL, 0);
    bench->config.attempt_timeout_ms = 1200;
    const klp_event *event = fault_push(bench);
    fault_assert_arrivals(bench, 4);
    fault_assert_verdict(event, &(struct fault_verdict)FAULT_POSSIBLY("timeout", 0, 4));
    assert_true(event->elapsed_us >= 4 * 1200000);
}

const struct fault_test fault_connection_tests[] = {
    FAULT_TEST(a_refused_connection_is_not_applied, "refused connection"),
    FAULT_TEST(a_name_that_does_not_resolve_is_not_applied, "DNS failure"),
    FAULT_TEST(connections_reset_upon_accept_are_never_applied, "reset upon accept, always"),
    FAULT_TEST(connections_reset_upon_accept_are_tried_again, "reset upon accept, twice"),
    FAULT_TEST(a_server_that_never_answers_leaves_the_outcome_open, "never an answer"),
    {0},
};
