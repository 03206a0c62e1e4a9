/* SPDX-License-Identifier: Apache-2.0
 * From a matchmaker's document to the lobby that the server has. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"
#include "rig.h"

static klp_roster_options options_of(json_t *vector)
{
    json_t *given = json_object_get(vector, "options");
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    options.event_key = klp_cstr("battle_royale");
    options.capacity = (uint32_t)json_integer_value(json_object_get(given, "capacity"));
    options.player_id_path = klp_cstr(json_string_value(json_object_get(given, "player_id_path")));
    options.key_annotation = klp_cstr(json_string_value(json_object_get(given, "key_annotation")));
    return options;
}

static klp_status push_document(struct rig *rig, const char *format, const char *document,
                                const klp_roster_options *options, klp_ticket *ticket, klp_text_buffer *why)
{
    return rig->klp->push_document(rig->pusher, klp_cstr(format), document, strlen(document), options, ticket, why);
}

/* What the one push became on the server. */
static void assert_lobby(struct rig *rig, json_t *vector)
{
    json_t *lobbies = sandbox_lobbies(rig->sandbox), *lobby = json_array_get(lobbies, 0), *wanted;
    json_int_t capacity = json_integer_value(json_object_get(vector, "capacity"));
    const char *name;

    assert_int_equal(json_array_size(lobbies), 1);
    assert_string_equal(sandbox_text_at(lobby, "key"), sandbox_text_at(vector, "key"));
    assert_string_equal(sandbox_text_at(lobby, "event"), "battle_royale");
    assert_true(json_equal(json_object_get(lobby, "players"), json_object_get(vector, "player_ids")));
    assert_int_equal(json_integer_value(json_object_get(lobby, "capacity")), capacity ? capacity : 100);
    json_object_foreach(json_object_get(vector, "metadata"), name, wanted)
    {
        assert_true(json_equal(json_object_get(json_object_get(lobby, "metadata"), name), wanted));
    }
    json_decref(lobbies);
}

static void every_vector_becomes_its_lobby_or_nothing(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/rosters.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    size_t i;

    assert_true(json_array_size(cases) > 20);
    json_array_foreach(cases, i, vector)
    {
        klp_roster_options options = options_of(vector);
        klp_text_buffer why = {0};
        klp_ticket ticket = 0;

        print_message("  %s\n", sandbox_text_at(vector, "name"));
        sandbox_reset(rig->sandbox);
        rig_open(rig, NULL);
        options.cookie = i;
        klp_status status = push_document(rig, sandbox_text_at(vector, "format"), sandbox_text_at(vector, "document"),
                                          &options, &ticket, &why);
        if (json_object_get(vector, "error_names")) {
            assert_int_not_equal(status, KLP_OK);
            assert_non_null(strstr(why.data, sandbox_text_at(vector, "error_names")));
            assert_int_equal(rig_stats(rig).accepted, 0);
            assert_int_equal(sandbox_lobby_count(rig->sandbox), 0);
        } else {
            if (status)
                fail_msg("%s", why.data);
            const klp_event *event = rig_take(rig);
            assert_int_equal(event->outcome, KLP_APPLIED);
            assert_int_equal(event->ticket, ticket);
            assert_int_equal(event->cookie, i);
            assert_text(event->key, sandbox_text_at(vector, "key"));
            rig_ack(rig, event);
            assert_lobby(rig, vector);
        }
        rig_close(rig);
    }
    json_decref(vectors);
}

/* An event of SNS may come again. */
static void the_same_document_again_is_the_same_lobby(void **state)
{
    struct rig *rig = *state;
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    static const char document[] = "{\"key\":\"m\",\"players\":[\"a\",\"b\"]}";

    rig_open(rig, NULL);
    options.event_key = klp_cstr("duel");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(push_document(rig, "plain", document, &options, NULL, NULL), KLP_OK);
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_APPLIED);
        assert_int_equal(event->replayed, i);
        rig_ack(rig, event);
    }
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void the_options_of_a_push_go_with_it(void **state)
{
    static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct rig *rig = *state;
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_config config = rig_config(rig);

    config.game_id = klp_cstr("another");
    rig_open(rig, &config);
    options.game_id = klp_cstr("game_1");
    options.event_key = klp_cstr("battle_royale");
    options.fill_bots = KLP_FILL_BOTS_YES;
    options.idempotency_key = klp_cstr("of-the-host");
    options.trace_parent = klp_cstr(trace);
    assert_int_equal(
        push_document(rig, "plain", "{\"key\":\"m\",\"players\":[\"a\"],\"fill_bots\":false}", &options, NULL, NULL),
        KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_text(event->game_id, "game_1");
    assert_text(event->event_key, "battle_royale");
    assert_text(event->trace_parent, trace);
    rig_ack(rig, event);
    json_t *lobbies = sandbox_lobbies(rig->sandbox), *log = sandbox_log(rig->sandbox);
    assert_true(json_is_true(sandbox_at(lobbies, "0.fillBots")));
    assert_non_null(strstr(sandbox_text_at(log, "0.body"), "\"idempotencyKey\":\"of-the-host\""));
    json_decref(lobbies);
    json_decref(log);

    /* a plain document's own event goes before the one that the options have for all */
    assert_int_equal(
        push_document(rig, "plain", "{\"key\":\"n\",\"players\":[\"a\"],\"event\":\"duel\"}", &options, NULL, NULL),
        KLP_OK);
    event = rig_take(rig);
    assert_text(event->event_key, "duel");
    rig_ack(rig, event);
}

/* What is refused by push() is refused here, and by the same name. */
static void what_a_push_refuses_is_refused(void **state)
{
    static const char document[] = "{\"key\":\"m\",\"players\":[\"a\"]}";
    struct rig *rig = *state;
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_text_buffer why = {0};

    rig_open(rig, NULL);
    assert_int_equal(push_document(rig, "plain", document, NULL, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "event_key is empty");
    options.event_key = klp_cstr("duel");
    options.flags = 4;
    assert_int_equal(push_document(rig, "plain", document, &options, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "flags 0x4 are not known to this library");
    options.flags = 0;
    options.deadline_ms = UINT32_MAX;
    assert_int_equal(push_document(rig, "plain", document, &options, NULL, &why), KLP_E_INVALID_ARGUMENT);
    options.deadline_ms = 0;
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(push_document(rig, "plain", document, &options, NULL, &why), KLP_E_STOPPED);
    assert_int_equal(rig_stats(rig).accepted, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_vector_becomes_its_lobby_or_nothing),
        test(the_same_document_again_is_the_same_lobby),
        test(the_options_of_a_push_go_with_it),
        test(what_a_push_refuses_is_refused),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
