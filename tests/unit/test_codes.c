/* SPDX-License-Identifier: Apache-2.0
 * The predicates over error codes, which live in the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kraty/lobby_pusher.h"

static const struct {
    const char *code;
    int (*is_it)(const klp_event *event);
} codes[] = {
    {"validation_failed", klp_event_is_validation_failed},
    {"invalid_metric", klp_event_is_invalid_metric},
    {"unauthenticated", klp_event_is_unauthenticated},
    {"session_invalid", klp_event_is_session_invalid},
    {"forbidden", klp_event_is_forbidden},
    {"tenant_mismatch", klp_event_is_tenant_mismatch},
    {"not_found", klp_event_is_not_found},
    {"conflict", klp_event_is_conflict},
    {"idempotency_conflict", klp_event_is_idempotency_conflict},
    {"event_disabled", klp_event_is_event_disabled},
    {"rate_limited", klp_event_is_rate_limited},
    {"internal_error", klp_event_is_internal_error},
    {"network_error", klp_event_is_network_error},
    {"timeout", klp_event_is_timeout},
    {"tls_error", klp_event_is_tls_error},
    {"invalid_response", klp_event_is_invalid_response},
    {"deadline_exceeded", klp_event_is_deadline_exceeded},
    {"cancelled", klp_event_is_cancelled},
    {"shutdown", klp_event_is_shutdown},
};

enum { CODES = sizeof codes / sizeof *codes };

static klp_event event_of(const char *code)
{
    klp_event event = {.struct_size = sizeof event};
    event.error_code = klp_cstr(code);
    return event;
}

static void each_predicate_knows_its_code_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        klp_event event = event_of(codes[i].code);
        for (size_t j = 0; j < CODES; j++)
            assert_int_equal(codes[j].is_it(&event), i == j);
    }
}

static void a_code_of_the_future_is_asked_for_by_name(void **state)
{
    klp_event event = event_of("teapot"), ok = event_of("");

    (void)state;
    assert_true(klp_event_has_code(&event, "teapot"));
    assert_false(klp_event_has_code(&event, "tea"));
    assert_false(klp_event_has_code(&event, "teapots"));
    assert_false(klp_event_has_code(&ok, "teapot"));
    assert_true(klp_event_has_code(&ok, "")); /* no error */
    for (size_t i = 0; i < CODES; i++)
        assert_false(codes[i].is_it(&event) || codes[i].is_it(&ok));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_predicate_knows_its_code_and_no_other),
        cmocka_unit_test(a_code_of_the_future_is_asked_for_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
