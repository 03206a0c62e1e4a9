/* SPDX-License-Identifier: Apache-2.0
 * Every function of the C++ header, over the library itself and a sandbox. */
#include "cpp_rig.hpp"

#include <openssl/hmac.h>
#include <poll.h>
#include <thread>

using namespace std::chrono_literals;

static void a_push_has_its_verdict(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const std::vector<std::string> players{"alice", "bob", "carol"};
    kraty::lobby lobby{"quick_brawl", "match-1", players};
    lobby.capacity = 8;
    lobby.cookie = 7;
    lobby.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const auto pushed = pusher.push(lobby);
    assert_true(static_cast<bool>(pushed));

    kraty::event event = cpp_take(pusher);
    assert_true(event.op() == kraty::op::push && event.outcome() == kraty::outcome::applied && event.ok());
    assert_string_equal(event.outcome_text(), "applied");
    assert_int_equal(event.ticket(), *pushed);
    assert_int_equal(event.cookie(), 7);
    assert_view(event.pusher(), "rig");
    assert_true(event.seq() > 0 && !event.epoch().empty());
    assert_view(event.game_id(), "game_1");
    assert_view(event.event_key(), "quick_brawl");
    assert_view(event.key(), "match-1");
    assert_view(event.trace_parent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_int_equal(event.capacity(), 8);
    assert_int_equal(event.participant_count(), 3);
    assert_int_equal(event.filled_slots(), 3 + event.bot_slots());
    assert_false(event.lobby_id().empty() || event.lobby_status().empty() || event.lobby_json().empty());
    assert_int_equal(event.http_status(), 201);
    assert_int_equal(event.attempts(), 1);
    assert_int_equal(event.sends(), 1);
    assert_true(event.elapsed() > 0us);
    assert_false(event.replayed() || event.recovered() || event.joined() || event.retryable() || event.truncated());
    assert_false(event.retry_after().has_value());
    assert_true(event.error_code().empty() && event.error_origin() == kraty::origin::none);
    assert_true(static_cast<bool>(event.ack()));
    assert_false(static_cast<bool>(event));
    assert_int_equal(event.ack().status(), KLP_E_INVALID_ARGUMENT); /* once is all there is */
    assert_int_equal(sandbox_lobby_count(rig_of(state)->sandbox), 1);
}

static void a_document_is_read_and_pushed(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const std::string_view document = R"({"key": "m-1", "players": ["alice", "bob"], "capacity": 4})";
    auto read = pusher.of().parse_roster(KLP_FORMAT_PLAIN, document);
    assert_true(static_cast<bool>(read));
    kraty::roster roster = std::move(*read);
    assert_false(static_cast<bool>(*read));
    assert_view(roster.key(), "m-1");
    assert_int_equal(roster.player_count(), 2);
    assert_view(roster.player_id(1), "bob");
    assert_int_equal(roster.capacity(), 4);
    assert_true(roster.event_key().empty() && roster.metadata_json().empty());

    auto refused = pusher.of().parse_roster(KLP_FORMAT_PLAIN, R"({"key": "m-1", "players": []})");
    assert_int_equal(refused.status(), KLP_E_ROSTER);
    assert_true(strlen(refused.why()) > 0);

    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    options.event_key = klp_cstr("quick_brawl");
    const auto pushed = pusher.push_document(KLP_FORMAT_PLAIN, document, options);
    assert_true(static_cast<bool>(pushed));
    kraty::event event = cpp_take(pusher);
    assert_true(event.outcome() == kraty::outcome::applied);
    assert_int_equal(event.ticket(), *pushed);
    assert_view(event.key(), "m-1");
    assert_int_equal(event.participant_count(), 2);
    assert_int_equal(pusher.push_document("no_such", document, options).status(), KLP_E_INVALID_ARGUMENT);
}

static void a_refusal_has_its_error(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const kraty::text players[] = {"alice"};
    assert_true(static_cast<bool>(pusher.push({"no_such_event", "match-1", players})));
    kraty::event event = cpp_take(pusher);
    assert_true(event.outcome() == kraty::outcome::not_applied && !event.ok());
    assert_true(event.has_code(KLP_CODE_NOT_FOUND) && event.error_origin() == kraty::origin::server);
    assert_false(event.has_code("not") || event.error_message().empty());
    assert_int_equal(event.http_status(), 404);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const char *players[] = {"alice", nullptr};
    const auto pushed = pusher.push({"quick_brawl", "match-1", players});
    assert_int_equal(pushed.status(), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(pushed.why(), "player_ids[1] is empty");
    assert_string_equal(pusher.push({"quick_brawl", "match-1", {}}).why(), "player_ids is empty");
    assert_string_equal(pusher.of().status_text(pushed.status()), "KLP_E_INVALID_ARGUMENT");

    kraty::config config = cpp_config(rig_of(state));
    config.base_url = "ftp://example.com";
    const auto opened = kraty::pusher::open(config, pusher.of());
    assert_int_equal(opened.status(), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(opened.why(), "base_url"));
}

static void reads_awaits_calls_and_pings_have_their_events(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    cpp_push(pusher, "match-1");
    kraty::event pushed = cpp_take(pusher);
    const std::string lobby_id(pushed.lobby_id());

    assert_true(static_cast<bool>(pusher.read(lobby_id, {}, 1)));
    kraty::event event = cpp_take(pusher);
    assert_true(event.op() == kraty::op::read && event.ok() && event.outcome() == kraty::outcome::none);
    assert_view(event.lobby_id(), lobby_id.c_str());
    assert_int_equal(event.cookie(), 1);

    kraty::await await{lobby_id};
    await.poll_interval_ms = 10;
    assert_true(static_cast<bool>(pusher.await(await)));
    event = cpp_take(pusher);
    assert_true(event.op() == kraty::op::await && event.ok());

    const kraty::text path[] = {"games", "game_1", "events", "quick_brawl", "lobbies", lobby_id};
    assert_true(static_cast<bool>(pusher.call({"GET", path})));
    event = cpp_take(pusher);
    assert_true(event.op() == kraty::op::call && event.ok());
    assert_view(event.method(), "GET");
    assert_false(event.path().empty() || event.data_json().empty());

    assert_true(static_cast<bool>(pusher.ping(5)));
    event = cpp_take(pusher);
    assert_true(event.op() == kraty::op::ping && event.ok() && !event.api_key_json().empty());
    assert_int_equal(event.cookie(), 5);
}

static void a_push_that_is_cancelled_says_so(void **state)
{
    rig_script(static_cast<struct rig *>(*state), -1, "{\"delay_ms\": 60000}");
    kraty::pusher pusher = cpp_open(rig_of(state));
    const klp_ticket ticket = cpp_push(pusher, "match-1");
    assert_true(static_cast<bool>(pusher.cancel(ticket)));
    kraty::event event = cpp_take(pusher);
    assert_true(event.has_code(KLP_CODE_CANCELLED) && event.error_origin() == kraty::origin::local);
    assert_int_equal(pusher.cancel(ticket + 1).status(), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(pusher.cancel(ticket + 1).why(), "KLP_E_INVALID_ARGUMENT");
}

static void figures_are_of_what_was_done(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    cpp_push(pusher, "match-1");
    assert_true(static_cast<bool>(pusher.flush(long_enough())));

    const auto stats = pusher.stats();
    assert_true(static_cast<bool>(stats));
    assert_int_equal(stats->accepted, 1);
    assert_int_equal(stats->applied, 1);
    const auto latencies = pusher.latencies(kraty::latency::total);
    assert_int_equal(latencies->count, 1);
    assert_true(klp_histogram_quantile_us(&*latencies, 990) > 0);

    std::string page = "what was there before";
    assert_true(static_cast<bool>(pusher.metrics(page)));
    assert_non_null(strstr(page.c_str(), "pusher=\"rig\""));
    assert_int_equal(strlen(page.c_str()), page.size());
    std::vector<char> room(page.size() + 1000);
    const auto written = pusher.metrics(room.data(), room.size());
    assert_true(static_cast<bool>(written));
    assert_int_equal(strlen(room.data()), *written);
    const auto too_small = pusher.metrics(room.data(), 10);
    assert_int_equal(too_small.status(), KLP_E_INVALID_ARGUMENT);
    assert_true(*too_small > 10);
}

static void the_descriptor_is_readable_while_there_is_something_to_say(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const auto descriptor = pusher.event_fd();
    assert_true(static_cast<bool>(descriptor));
    pollfd ready = {*descriptor, POLLIN, 0};
    assert_int_equal(poll(&ready, 1, 0), 0);
    cpp_push(pusher, "match-1");
    assert_int_equal(poll(&ready, 1, static_cast<int>(long_enough().ms())), 1);
    assert_true(static_cast<bool>(cpp_take(pusher).ack()));
    assert_int_equal(poll(&ready, 1, 0), 0);
}

static void a_line_of_the_result_socket_is_an_event_of_its_own(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    cpp_push(pusher, "match-1");
    kraty::event told = cpp_take(pusher);
    auto decoded = pusher.of().decode_event(told.json());
    assert_true(static_cast<bool>(decoded));
    assert_true(static_cast<bool>(told.ack())); /* which it does not need any more */
    kraty::event event = *std::move(decoded);
    assert_view(event.key(), "match-1");
    assert_true(event.outcome() == kraty::outcome::applied);
    assert_int_equal(event.ack().status(), KLP_E_INVALID_ARGUMENT);
    assert_true(static_cast<bool>(event));

    const auto malformed = pusher.of().decode_event("{\"v\":1");
    assert_int_equal(malformed.status(), KLP_E_MALFORMED);
    assert_true(strlen(malformed.why()) > 0);
}

static std::string signature_of(const std::string &secret, const std::string &body, long long at)
{
    unsigned char tag[32];
    char hex[65];
    const std::string signed_text = std::to_string(at) + "." + body;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char *>(signed_text.data()), signed_text.size(), tag, nullptr);
    for (std::size_t i = 0; i < sizeof tag; i++)
        snprintf(hex + 2 * i, 3, "%02x", tag[i]);
    return "t=" + std::to_string(at) + ",v1=" + hex;
}

static void a_webhook_is_checked(void **)
{
    const auto library = kraty::library::load(rig_library());
    assert_true(static_cast<bool>(library));
    const std::string secrets[] = {"whsec_old", "whsec_new"}, body = "{\"id\":\"evt_1\"}";
    const std::string signature = signature_of("whsec_new", body, 1780920000);
    kraty::webhook webhook{signature, body, secrets};
    webhook.now_unix_s = 1780920010;
    assert_true(static_cast<bool>(library->verify_webhook(webhook)));
    webhook.now_unix_s += 1000;
    assert_int_equal(library->verify_webhook(webhook).status(), KLP_E_SIGNATURE);
    assert_true(strlen(library->verify_webhook(webhook).why()) > 0);
}

static void a_new_key_ends_the_wait_for_one(void **state)
{
    kraty::config config = cpp_config(rig_of(state));
    config.api_key = "sandbox.of-nobody";
    config.max_attempts = 4;
    config.session_grace_ms = 60000;
    config.deadline_ms = 60000;
    kraty::pusher pusher = cpp_open(config);
    cpp_push(pusher, "match-1");
    assert_true(cpp_take(pusher).has_code(KLP_CODE_SESSION_INVALID));
    cpp_push(pusher, "match-2");
    assert_int_equal(pusher.set_api_key("with a space").status(), KLP_E_INVALID_ARGUMENT);
    assert_true(static_cast<bool>(pusher.set_api_key(SANDBOX_KEY)));
    assert_true(cpp_take(pusher).outcome() == kraty::outcome::applied);
}

static void numbers_have_texts(void **)
{
    const auto library = kraty::library::load(rig_library());
    assert_string_equal(library->version(), KLP_VERSION);
    assert_string_equal(library->status_text(KLP_E_QUEUE_FULL), "KLP_E_QUEUE_FULL");
    assert_string_equal(library->outcome_text(kraty::outcome::possibly_applied), "possibly_applied");
    assert_ptr_equal(library->raw(), rig_load());
}

struct listener {
    unsigned attempts = 0;
    std::string said;

    void on_attempt(const klp_attempt &attempt)
    {
        attempts++;
        said.assign(attempt.method.data, attempt.method.size);
    }
};

static void a_listener_is_told_of_every_attempt(void **state)
{
    listener listener; /* outlives its pusher */
    kraty::config config = cpp_config(rig_of(state));
    config.tell(listener);
    kraty::pusher pusher = cpp_open(config);
    cpp_push(pusher, "match-1");
    assert_true(static_cast<bool>(pusher.stop(long_enough())));
    assert_int_equal(listener.attempts, 1);
    assert_string_equal(listener.said.c_str(), "POST");
}

static void the_library_is_found_by_the_environment(void **state)
{
    setenv("KLP_LIBRARY", rig_library(), 1);
    auto opened = kraty::pusher::open(cpp_config(rig_of(state)));
    unsetenv("KLP_LIBRARY");
    assert_true(static_cast<bool>(opened));
    assert_true(static_cast<bool>(opened->close()));
}

int main()
{
#define WITH_SANDBOX(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const CMUnitTest tests[] = {
        WITH_SANDBOX(a_push_has_its_verdict),
        WITH_SANDBOX(a_document_is_read_and_pushed),
        WITH_SANDBOX(a_refusal_has_its_error),
        WITH_SANDBOX(what_is_wrong_is_refused_by_name),
        WITH_SANDBOX(reads_awaits_calls_and_pings_have_their_events),
        WITH_SANDBOX(a_push_that_is_cancelled_says_so),
        WITH_SANDBOX(figures_are_of_what_was_done),
        WITH_SANDBOX(the_descriptor_is_readable_while_there_is_something_to_say),
        WITH_SANDBOX(a_line_of_the_result_socket_is_an_event_of_its_own),
        cmocka_unit_test(a_webhook_is_checked),
        WITH_SANDBOX(a_new_key_ends_the_wait_for_one),
        cmocka_unit_test(numbers_have_texts),
        WITH_SANDBOX(a_listener_is_told_of_every_attempt),
        WITH_SANDBOX(the_library_is_found_by_the_environment),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
