/* SPDX-License-Identifier: Apache-2.0
 *
 * What the C++ header hands to the C table, and what it makes of what comes back: a table of the test's own writes down
 * what it is given. */
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <kraty/lobby_pusher.hpp>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
}

using namespace std::chrono_literals;

/* ─── The table ─── */

static struct {
    klp_config config;
    klp_lobby lobby;
    klp_call call;
    klp_webhook webhook;
    std::vector<std::string> texts; /* players, segments, secrets */
    const klp_text *first;          /* where they stood */
    unsigned calls;
    klp_status answer;
    const char *says;
} seen;

static klp_status answer(klp_text_buffer *why)
{
    seen.calls++;
    if (why && seen.says) {
        why->size = std::strlen(seen.says) < why->capacity ? std::strlen(seen.says) : why->capacity - 1;
        std::memcpy(why->data, seen.says, why->size);
        why->data[why->size] = '\0';
    }
    return seen.answer;
}

static void note(const klp_text *texts, std::size_t count)
{
    seen.first = texts;
    seen.texts.clear();
    for (std::size_t i = 0; i < count; i++)
        seen.texts.emplace_back(texts[i].data ? std::string(texts[i].data, texts[i].size) : "(none)");
}

static klp_api make_table()
{
    klp_api table = {};
    table.struct_size = sizeof table;
    table.open = [](const klp_config *config, klp_pusher **pusher, klp_text_buffer *why) {
        seen.config = *config;
        *pusher = seen.answer ? nullptr : reinterpret_cast<klp_pusher *>(&seen);
        return answer(why);
    };
    table.close = [](klp_pusher *) { return klp_status{KLP_OK}; };
    table.push = [](klp_pusher *, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why) {
        seen.lobby = *lobby;
        note(lobby->player_ids, lobby->player_count);
        *ticket = seen.answer == KLP_OK || seen.answer == KLP_E_TIMEOUT ? 42 : 0;
        return answer(why);
    };
    table.call = [](klp_pusher *, const klp_call *call, klp_ticket *ticket, klp_text_buffer *why) {
        seen.call = *call;
        note(call->segments, call->segment_count);
        *ticket = 43;
        return answer(why);
    };
    table.verify_webhook = [](const klp_webhook *webhook, klp_text_buffer *why) {
        seen.webhook = *webhook;
        note(webhook->secrets, webhook->secret_count);
        return answer(why);
    };
    table.status_text = [](klp_status status) -> const char * { return status ? "KLP_E_OF_A_TEST" : "KLP_OK"; };
    return table;
}

static const klp_api table = make_table();

static int forget(void **)
{
    seen = {};
    return 0;
}

static kraty::pusher open_pusher(const kraty::config &config = {})
{
    auto opened = kraty::pusher::open(config, kraty::library(&table));
    assert_true(static_cast<bool>(opened));
    return *std::move(opened);
}

static void assert_text_is(klp_text found, const char *expected)
{
    assert_int_equal(found.size, std::strlen(expected));
    assert_memory_equal(found.data, expected, found.size);
}

/* ─── Structs ─── */

static void every_field_of_a_config_arrives(void **)
{
    int user = 0;
    kraty::config config;
    config.flags = KLP_ALLOW_INSECURE;
    config.name = "name";
    config.base_url = "base_url";
    config.game_id = "game_id";
    config.api_key = "api_key";
    config.api_key_file = "api_key_file";
    config.ca_file = "ca_file";
    config.proxy = "proxy";
    config.results_url = "results_url";
    config.max_in_flight = 1;
    config.max_queued = 2;
    config.max_unread_events = 3;
    config.attempt_timeout_ms = 4;
    config.deadline_ms = 5;
    config.max_attempts = 6;
    config.max_queued_bytes = 7;
    config.max_reply_bytes = 8;
    config.backoff_initial_ms = 9;
    config.backoff_max_ms = 10;
    config.jitter_permille = 11;
    config.session_grace_ms = 12;
    config.expect_environment = "test";
    config.on_attempt = [](void *, const klp_attempt *) {};
    config.on_log = [](void *, std::int32_t, klp_text) {};
    config.callback_user = &user;
    config.log_level = kraty::log_level::warning;
    config.outbox_dir = "outbox_dir";
    config.outbox_sync = kraty::outbox_sync::normal;
    config.outbox_mode = kraty::outbox_mode::best_effort;
    config.outbox_damaged = kraty::outbox_damaged::replace;
    config.outbox_adopt_ms = 13;
    config.outbox_max_bytes = 14;
    config.durable_timeout_ms = 15;
    open_pusher(config);

    assert_int_equal(seen.config.struct_size, sizeof(klp_config));
    assert_int_equal(seen.config.flags, KLP_ALLOW_INSECURE);
    assert_text_is(seen.config.name, "name");
    assert_text_is(seen.config.base_url, "base_url");
    assert_text_is(seen.config.game_id, "game_id");
    assert_text_is(seen.config.api_key, "api_key");
    assert_text_is(seen.config.api_key_file, "api_key_file");
    assert_text_is(seen.config.ca_file, "ca_file");
    assert_text_is(seen.config.proxy, "proxy");
    assert_text_is(seen.config.results_url, "results_url");
    assert_int_equal(seen.config.max_in_flight, 1);
    assert_int_equal(seen.config.max_queued, 2);
    assert_int_equal(seen.config.max_unread_events, 3);
    assert_int_equal(seen.config.attempt_timeout_ms, 4);
    assert_int_equal(seen.config.deadline_ms, 5);
    assert_int_equal(seen.config.max_attempts, 6);
    assert_int_equal(seen.config.max_queued_bytes, 7);
    assert_int_equal(seen.config.max_reply_bytes, 8);
    assert_int_equal(seen.config.backoff_initial_ms, 9);
    assert_int_equal(seen.config.backoff_max_ms, 10);
    assert_int_equal(seen.config.jitter_permille, 11);
    assert_int_equal(seen.config.session_grace_ms, 12);
    assert_text_is(seen.config.expect_environment, "test");
    assert_true(seen.config.on_attempt == config.on_attempt && seen.config.on_log == config.on_log);
    assert_ptr_equal(seen.config.callback_user, &user);
    assert_int_equal(seen.config.log_level, KLP_LOG_WARNING);
    assert_text_is(seen.config.outbox_dir, "outbox_dir");
    assert_int_equal(seen.config.outbox_sync, KLP_SYNC_NORMAL);
    assert_int_equal(seen.config.outbox_mode, KLP_OUTBOX_BEST_EFFORT);
    assert_int_equal(seen.config.outbox_damaged, KLP_DAMAGED_REPLACE);
    assert_int_equal(seen.config.outbox_adopt_ms, 13);
    assert_int_equal(seen.config.outbox_max_bytes, 14);
    assert_int_equal(seen.config.durable_timeout_ms, 15);
}

static void what_is_left_as_it_is_is_the_init_of_the_c_header(void **)
{
    const klp_config config = KLP_CONFIG_INIT;
    const klp_lobby lobby = KLP_LOBBY_INIT;
    const klp_await await = KLP_AWAIT_INIT;
    const klp_call call = KLP_CALL_INIT;
    const klp_webhook webhook = KLP_WEBHOOK_INIT;
    const klp_config raw_config = kraty::config().raw();
    const klp_lobby raw_lobby = kraty::lobby().raw();
    const klp_await raw_await = kraty::await().raw();
    const klp_call raw_call = kraty::call().raw();
    const klp_webhook raw_webhook = kraty::webhook().raw();
    assert_memory_equal(&raw_config, &config, sizeof config);
    assert_memory_equal(&raw_lobby, &lobby, sizeof lobby);
    assert_memory_equal(&raw_await, &await, sizeof await);
    assert_memory_equal(&raw_call, &call, sizeof call);
    assert_memory_equal(&raw_webhook, &webhook, sizeof webhook);
}

static void every_field_of_a_lobby_arrives(void **)
{
    const std::vector<std::string> players{"alice", "bob"};
    kraty::lobby lobby{"event", "key", players};
    lobby.game_id = "game";
    lobby.flags = KLP_PUSH_DURABLE;
    lobby.capacity = 8;
    lobby.fill_bots = kraty::fill_bots::yes;
    lobby.metadata_json = "{}";
    lobby.idempotency_key = "idempotency";
    lobby.cookie = 7;
    lobby.deadline_ms = 9;
    lobby.trace_parent = "trace";
    assert_int_equal(*open_pusher().push(lobby), 42);

    assert_int_equal(seen.lobby.struct_size, sizeof(klp_lobby));
    assert_int_equal(seen.lobby.flags, KLP_PUSH_DURABLE);
    assert_text_is(seen.lobby.game_id, "game");
    assert_text_is(seen.lobby.event_key, "event");
    assert_text_is(seen.lobby.key, "key");
    assert_true(seen.texts == players);
    assert_int_equal(seen.lobby.capacity, 8);
    assert_int_equal(seen.lobby.fill_bots, KLP_FILL_BOTS_YES);
    assert_text_is(seen.lobby.metadata_json, "{}");
    assert_text_is(seen.lobby.idempotency_key, "idempotency");
    assert_int_equal(seen.lobby.cookie, 7);
    assert_int_equal(seen.lobby.deadline_ms, 9);
    assert_text_is(seen.lobby.trace_parent, "trace");
}

static void every_field_of_an_await_a_call_and_a_webhook_arrives(void **)
{
    const klp_await await = kraty::await{"lobby", "game", 1, 2, 3, 4, "trace"}.raw();
    assert_text_is(await.lobby_id, "lobby");
    assert_text_is(await.game_id, "game");
    assert_int_equal(await.flags, 1);
    assert_int_equal(await.poll_interval_ms, 2);
    assert_int_equal(await.timeout_ms, 3);
    assert_int_equal(await.cookie, 4);
    assert_text_is(await.trace_parent, "trace");

    const char *path[] = {"players", "alice"};
    assert_int_equal(*open_pusher().call({"POST", path, "{}", KLP_PUSH_DURABLE, 4, 5, "trace"}), 43);
    assert_text_is(seen.call.method, "POST");
    assert_true((seen.texts == std::vector<std::string>{"players", "alice"}));
    assert_text_is(seen.call.body_json, "{}");
    assert_int_equal(seen.call.flags, KLP_PUSH_DURABLE);
    assert_int_equal(seen.call.cookie, 4);
    assert_int_equal(seen.call.deadline_ms, 5);
    assert_text_is(seen.call.trace_parent, "trace");

    const std::string secrets[] = {"old", "new"};
    const std::string body("b\0dy", 4);
    assert_true(static_cast<bool>(kraty::library(&table).verify_webhook({"signature", body, secrets, 60, 1700000000})));
    assert_text_is(seen.webhook.signature, "signature");
    assert_ptr_equal(seen.webhook.body.data, body.data());
    assert_int_equal(seen.webhook.body.size, 4);
    assert_true((seen.texts == std::vector<std::string>{"old", "new"}));
    assert_int_equal(seen.webhook.tolerance_s, 60);
    assert_int_equal(seen.webhook.now_unix_s, 1700000000);
}

/* ─── Texts ─── */

/* As strings are that are not the standard's. */
struct engine_string {
    const char *characters;
    unsigned count;

    const char *data() const
    {
        return characters;
    }
    unsigned size() const
    {
        return count;
    }
};

template <typename range> static void arrives(const range &players)
{
    seen.texts.clear();
    assert_true(static_cast<bool>(open_pusher().push({"event", "key", players})));
    assert_true((seen.texts == std::vector<std::string>{"alice", "bob"}));
}

static void a_roster_is_any_contiguous_range_of_texts(void **)
{
    arrives(std::vector<std::string>{"alice", "bob"});
    arrives(std::vector<std::string_view>{"alice", "bob"});
    arrives(std::vector<const char *>{"alice", "bob"});
    arrives(std::vector<kraty::text>{"alice", "bob"});
    arrives(std::vector<klp_text>{klp_cstr("alice"), klp_cstr("bob")});
    arrives(std::vector<engine_string>{{"alice!", 5}, {"bob!", 3}});
    arrives(std::array<std::string, 2>{"alice", "bob"});
    const std::string array[] = {"alice", "bob"};
    arrives(array);
    const std::string longer[] = {"alice", "bob", "carol"};
    arrives(kraty::texts(longer, 2));
}

static void klp_texts_go_as_they_are(void **)
{
    const kraty::text ours[] = {"alice", "bob"};
    const klp_text theirs[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    kraty::pusher pusher = open_pusher();
    assert_true(static_cast<bool>(pusher.push({"event", "key", ours})));
    assert_ptr_equal(seen.first, ours);
    assert_true(static_cast<bool>(pusher.push({"event", "key", theirs})));
    assert_ptr_equal(seen.first, theirs);
}

static void no_text_is_none(void **)
{
    const char *nobody[] = {"alice", nullptr};
    kraty::config config;
    config.api_key = std::getenv("KLP_NO_SUCH_VARIABLE");
    config.name = std::string_view();
    kraty::pusher pusher = open_pusher(config);
    assert_null(seen.config.api_key.data);
    assert_int_equal(seen.config.name.size, 0);
    assert_true(static_cast<bool>(pusher.push({"event", "key", nobody})));
    assert_string_equal(seen.texts[1].c_str(), "(none)");
    assert_true(static_cast<bool>(pusher.push({})));
    assert_null(seen.lobby.player_ids);
    assert_int_equal(seen.lobby.player_count, 0);
}

static void rosters_of_every_size_arrive_whole(void **)
{
    kraty::pusher pusher = open_pusher();
    for (std::size_t count : {0u, 1u, 63u, 64u, 65u, 1023u, 1024u, 1025u, KLP_MAX_PLAYERS}) {
        std::vector<std::string> players;
        for (std::size_t i = 0; i < count; i++)
            players.push_back("player-" + std::to_string(i));
        assert_true(static_cast<bool>(pusher.push({"event", "key", players})));
        assert_int_equal(seen.lobby.player_count, count);
        assert_true(seen.texts == players);
    }
}

static void what_is_past_a_bound_is_refused_by_name(void **)
{
    const std::vector<std::string> players(KLP_MAX_PLAYERS + 1), segments(KLP_MAX_SEGMENTS + 1),
        secrets(KLP_MAX_WEBHOOK_SECRETS + 1);
    kraty::pusher pusher = open_pusher();
    seen.calls = 0;

    const auto pushed = pusher.push({"event", "key", players});
    assert_int_equal(pushed.status(), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(pushed.why(), "player_ids are more than KLP_MAX_PLAYERS");
    assert_int_equal(*pushed, 0);
    assert_string_equal(pusher.call({"GET", segments}).why(), "segments are more than KLP_MAX_SEGMENTS");
    assert_string_equal(pusher.of().verify_webhook({"", "", secrets}).why(),
                        "secrets are more than KLP_MAX_WEBHOOK_SECRETS");
    assert_int_equal(seen.calls, 0);
}

/* ─── What comes back ─── */

static void a_result_holds_its_own_sentence(void **)
{
    kraty::pusher pusher = open_pusher();
    seen.answer = KLP_E_INVALID_ARGUMENT;
    seen.says = "key is empty";
    const auto first = pusher.push({});
    seen.says = "event_key is empty";
    auto second = pusher.push({});
    assert_false(static_cast<bool>(first));
    assert_string_equal(first.why(), "key is empty");
    assert_string_equal(second.why(), "event_key is empty");
    second = first;
    assert_string_equal(second.why(), "key is empty");
    const auto moved = std::move(second);
    assert_string_equal(moved.why(), "key is empty");
    assert_int_equal(moved.status(), KLP_E_INVALID_ARGUMENT);

    seen.says = nullptr;
    seen.answer = KLP_E_STOPPED;
    assert_string_equal(pusher.push({}).why(), "KLP_E_OF_A_TEST");
    seen.answer = KLP_OK;
    assert_string_equal(pusher.push({}).why(), "");
}

static void an_accepted_push_that_is_not_written_down_has_its_ticket(void **)
{
    kraty::pusher pusher = open_pusher();
    seen.answer = KLP_E_TIMEOUT;
    const auto pushed = pusher.push({});
    assert_false(static_cast<bool>(pushed));
    assert_int_equal(pushed.status(), KLP_E_TIMEOUT);
    assert_int_equal(*pushed, 42);
}

static void a_long_sentence_is_cut_at_a_character(void **)
{
    const std::string sentence = std::string(510, 'x') + "äö";
    const kraty::result<void> result(KLP_E_SYSTEM, sentence);
    assert_string_equal(result.why(), std::string(510, 'x').c_str());
    assert_string_equal(kraty::result<void>(KLP_E_SYSTEM, std::string(511, 'x')).why(), std::string(511, 'x').c_str());
}

static void a_success_is_the_zero_of_main(void **)
{
    const auto stopped = [](klp_status status) -> int { return kraty::result<void>(status, "why"); };
    assert_int_equal(stopped(KLP_OK), 0);
    assert_int_equal(stopped(KLP_E_FORKED), KLP_E_FORKED);
}

static void an_open_that_fails_says_why(void **)
{
    seen.answer = KLP_E_INVALID_ARGUMENT;
    seen.says = "game_id is not UTF-8";
    const auto opened = kraty::pusher::open({}, kraty::library(&table));
    assert_int_equal(opened.status(), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(opened.why(), "game_id is not UTF-8");
}

static void a_library_that_is_not_there_is_not_available(void **)
{
    const auto found = kraty::library::load("/nowhere/libkraty.so");
    assert_int_equal(found.status(), KLP_E_NOT_AVAILABLE);
    assert_non_null(std::strstr(found.why(), "/nowhere/libkraty.so"));
}

/* ─── Callbacks ─── */

struct ear {
    unsigned attempts;
    std::string line;
    kraty::log_level level;

    void on_attempt(const klp_attempt &attempt)
    {
        attempts += attempt.attempt;
    }
    void on_log(kraty::log_level of, std::string_view said)
    {
        level = of;
        line = said;
    }
};

struct half_an_ear {
    unsigned attempts;

    void on_attempt(const klp_attempt &)
    {
        attempts++;
    }
};

static void a_listener_is_told(void **)
{
    ear ear = {};
    half_an_ear half = {};
    klp_attempt attempt = {};
    attempt.attempt = 3;
    kraty::config config;

    config.tell(half);
    open_pusher(config);
    assert_null(seen.config.on_log);
    seen.config.on_attempt(seen.config.callback_user, &attempt);
    assert_int_equal(half.attempts, 1);

    config.tell(ear);
    open_pusher(config);
    seen.config.on_attempt(seen.config.callback_user, &attempt);
    seen.config.on_log(seen.config.callback_user, KLP_LOG_WARNING, klp_cstr("the server is away"));
    assert_int_equal(ear.attempts, 3);
    assert_string_equal(ear.line.c_str(), "the server is away");
    assert_true(ear.level == kraty::log_level::warning);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_field_of_a_config_arrives, forget),
        cmocka_unit_test_setup(what_is_left_as_it_is_is_the_init_of_the_c_header, forget),
        cmocka_unit_test_setup(every_field_of_a_lobby_arrives, forget),
        cmocka_unit_test_setup(every_field_of_an_await_a_call_and_a_webhook_arrives, forget),
        cmocka_unit_test_setup(a_roster_is_any_contiguous_range_of_texts, forget),
        cmocka_unit_test_setup(klp_texts_go_as_they_are, forget),
        cmocka_unit_test_setup(no_text_is_none, forget),
        cmocka_unit_test_setup(rosters_of_every_size_arrive_whole, forget),
        cmocka_unit_test_setup(what_is_past_a_bound_is_refused_by_name, forget),
        cmocka_unit_test_setup(a_result_holds_its_own_sentence, forget),
        cmocka_unit_test_setup(an_accepted_push_that_is_not_written_down_has_its_ticket, forget),
        cmocka_unit_test_setup(a_long_sentence_is_cut_at_a_character, forget),
        cmocka_unit_test_setup(a_success_is_the_zero_of_main, forget),
        cmocka_unit_test_setup(an_open_that_fails_says_why, forget),
        cmocka_unit_test_setup(a_library_that_is_not_there_is_not_available, forget),
        cmocka_unit_test_setup(a_listener_is_told, forget),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
