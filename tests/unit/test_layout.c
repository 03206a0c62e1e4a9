/* SPDX-License-Identifier: Apache-2.0
 * The table and the initialisers. The shapes and numbers of the ABI are held by tests/abi/layout.h, when it compiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/lobby_pusher_stub.h"

#include "../abi/layout.h" /* behind the headers that it holds */

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
    klp_status (*await)(klp_pusher *, const klp_await *, klp_ticket *, klp_text_buffer *) = api->await;
    klp_status (*call)(klp_pusher *, const klp_call *, klp_ticket *, klp_text_buffer *) = api->call;
    klp_status (*latencies)(klp_pusher *, int32_t, klp_histogram *) = api->latencies;
    klp_status (*metrics)(klp_pusher *, char *, size_t, size_t *) = api->metrics;
    klp_status (*set_api_key)(klp_pusher *, klp_text, klp_text_buffer *) = api->set_api_key;
    klp_status (*verify_webhook)(const klp_webhook *, klp_text_buffer *) = api->verify_webhook;
    const char *(*status_text)(klp_status) = api->status_text;
    const char *(*outcome_text)(int32_t) = api->outcome_text;
    const char *(*version)(void) = api->version;
    klp_status (*parse_roster)(klp_text, const char *, size_t, const klp_roster_options *, klp_roster **,
                               klp_text_buffer *) = api->parse_roster;
    void (*free_roster)(klp_roster *) = api->free_roster;
    klp_status (*push_document)(klp_pusher *, klp_text, const char *, size_t, const klp_roster_options *, klp_ticket *,
                                klp_text_buffer *) = api->push_document;

    (void)state;
    assert_true(open && push && read && ping && next_event && ack && event_fd && decode_event && free_event);
    assert_true(await && call && latencies && metrics && set_api_key);
    assert_true(parse_roster && free_roster && push_document);
    assert_true(flush && stop && close && stats && verify_webhook && status_text && outcome_text && version);
}

static void initialisers_set_the_size_and_nothing_else(void **state)
{
    klp_config config = KLP_CONFIG_INIT, no_config;
    klp_lobby lobby = KLP_LOBBY_INIT, no_lobby;
    klp_await await = KLP_AWAIT_INIT, no_await;
    klp_call call = KLP_CALL_INIT, no_call;
    klp_stats stats = KLP_STATS_INIT, no_stats;
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT, no_options;

    (void)state;
    memset(&no_config, 0, sizeof no_config);
    memset(&no_lobby, 0, sizeof no_lobby);
    memset(&no_await, 0, sizeof no_await);
    memset(&no_call, 0, sizeof no_call);
    memset(&no_stats, 0, sizeof no_stats);
    memset(&no_options, 0, sizeof no_options);
    no_config.struct_size = sizeof no_config;
    no_lobby.struct_size = sizeof no_lobby;
    no_await.struct_size = sizeof no_await;
    no_call.struct_size = sizeof no_call;
    no_stats.struct_size = sizeof no_stats;
    no_options.struct_size = sizeof no_options;
    assert_memory_equal(&config, &no_config, sizeof config); /* none of them has padding */
    assert_memory_equal(&lobby, &no_lobby, sizeof lobby);
    assert_memory_equal(&await, &no_await, sizeof await);
    assert_memory_equal(&call, &no_call, sizeof call);
    assert_memory_equal(&stats, &no_stats, sizeof stats);
    assert_memory_equal(&options, &no_options, sizeof options);
}

static void texts_of_numbers_are_never_null(void **state)
{
    const klp_api *api = table();
    char version[16];

    (void)state;

    assert_string_equal(api->version(), KLP_VERSION);
    snprintf(version, sizeof version, "%d.%d.%d", KLP_VERSION_NUMBER / 10000, KLP_VERSION_NUMBER / 100 % 100,
             KLP_VERSION_NUMBER % 100);
    assert_string_equal(version, KLP_VERSION);
    assert_string_equal(api->status_text(KLP_E_QUEUE_FULL), "KLP_E_QUEUE_FULL");
    assert_string_equal(api->outcome_text(KLP_POSSIBLY_APPLIED), "possibly_applied");
    assert_string_equal(api->outcome_text(KLP_OUTCOME_NONE), "");
    for (int32_t number = -2; number < 100; number++) {
        assert_non_null(api->status_text(number));
        assert_non_null(api->outcome_text(number));
        if (number >= KLP_OK && number <= KLP_E_ROSTER)
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
