/* SPDX-License-Identifier: Apache-2.0
 * What a host in C++ is told: in its own tick, acknowledged, kept, moved away; and what becomes of a pusher that goes.
 */
#include "cpp_rig.hpp"

#include <stdexcept>

using namespace std::chrono_literals;

/* A handler that writes down what it is told. */
struct listener {
    kraty::verdict says = kraty::verdict::ack;
    std::vector<std::string> keys, identities;

    kraty::verdict operator()(const kraty::event &event)
    {
        keys.emplace_back(event.key());
        identities.push_back(std::string(event.pusher()) + " " + std::string(event.epoch()) + " " +
                             std::to_string(event.seq()));
        return says;
    }
};

static kraty::config config_with(const struct rig *rig, const folder &outbox)
{
    kraty::config config = cpp_config(rig);
    config.outbox_dir = outbox.path();
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    return config;
}

static kraty::verdict must_not_be_told(const kraty::event &event)
{
    fail_msg("told of %s", event.key().data());
    return kraty::verdict::keep;
}

/* ─── poll ─── */

static void a_tick_tells_at_most_so_many_and_never_waits(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const auto nothing = pusher.poll(must_not_be_told, 32);
    assert_true(static_cast<bool>(nothing));
    assert_int_equal(*nothing, 0);

    for (const char *key : {"m-1", "m-2", "m-3", "m-4", "m-5"})
        cpp_push(pusher, key);
    assert_true(static_cast<bool>(pusher.flush(long_enough())));
    listener listener;
    assert_int_equal(*pusher.poll(must_not_be_told, 0), 0);
    assert_int_equal(*pusher.poll(listener, 2), 2);
    assert_int_equal(*pusher.poll(listener, 2), 2);
    assert_int_equal(*pusher.poll(listener, 2), 1);
    assert_int_equal(*pusher.poll(must_not_be_told, 2), 0);
    assert_int_equal(listener.keys.size(), 5);
    assert_int_equal(pusher.stats()->unread_events, 0);
}

static void stop_tells_what_is_left(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    for (const char *key : {"m-1", "m-2", "m-3"})
        cpp_push(pusher, key);
    listener listener;
    assert_true(static_cast<bool>(pusher.stop(long_enough(), listener)));
    assert_int_equal(listener.keys.size(), 3);
    assert_int_equal(pusher.poll(must_not_be_told, 32).status(), KLP_E_DRAINED);
    assert_true(static_cast<bool>(pusher.stop(0s, must_not_be_told)));
    const kraty::text players[] = {"alice"};
    assert_int_equal(pusher.push({"quick_brawl", "m-4", players}).status(), KLP_E_STOPPED);
}

static void a_handler_that_pushes_again_is_told_of_that_in_a_later_tick(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    std::vector<std::string> keys;
    const auto on_verdict = [&](const kraty::event &event) {
        keys.emplace_back(event.key());
        if (event.key() == "m-1")
            cpp_push(pusher, "m-2");
        return kraty::verdict::ack;
    };
    cpp_push(pusher, "m-1");
    while (keys.size() < 2) {
        assert_true(static_cast<bool>(pusher.poll(on_verdict, 1)));
        rig_blink();
    }
    assert_string_equal(keys[1].c_str(), "m-2");
}

static void an_event_that_is_moved_away_is_acknowledged_later(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    std::vector<kraty::event> later;
    cpp_push(pusher, "m-1");
    assert_true(static_cast<bool>(pusher.flush(long_enough())));
    const auto on_verdict = [&](kraty::event &event) {
        later.push_back(std::move(event));
        return kraty::verdict::ack;
    };
    assert_int_equal(*pusher.poll(on_verdict, 32), 1);
    assert_int_equal(pusher.stats()->unread_events, 1);
    assert_view(later[0].key(), "m-1");
    assert_true(static_cast<bool>(later[0].ack()));
    assert_int_equal(pusher.stats()->unread_events, 0);
}

static void what_a_handler_throws_comes_out_and_its_event_is_kept(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    cpp_push(pusher, "m-1");
    cpp_push(pusher, "m-2");
    assert_true(static_cast<bool>(pusher.flush(long_enough())));
    bool was_thrown = false;
    try {
        pusher.poll([](const kraty::event &) -> kraty::verdict { throw std::runtime_error("no database"); }, 32);
    } catch (const std::runtime_error &) {
        was_thrown = true;
    }
    assert_true(was_thrown);
    assert_int_equal(pusher.stats()->unread_events, 2);
    listener listener;
    assert_int_equal(*pusher.poll(listener, 32), 1); /* on with the next */
    assert_int_equal(pusher.stats()->unread_events, 1);
}

/* ─── The outbox ─── */

static void what_is_kept_is_told_again_after_the_next_open(void **state)
{
    const folder outbox;
    listener first, second, third;
    {
        kraty::pusher pusher = cpp_open(config_with(rig_of(state), outbox));
        first.says = kraty::verdict::keep;
        cpp_push(pusher, "m-1");
        cpp_push(pusher, "m-2");
        assert_true(static_cast<bool>(pusher.stop(long_enough(), first)));
        assert_int_equal(first.keys.size(), 2);
    }
    {
        kraty::pusher pusher = cpp_open(config_with(rig_of(state), outbox));
        const auto keeps_one = [&](const kraty::event &event) {
            second(event);
            return event.key() == "m-1" ? kraty::verdict::keep : kraty::verdict::ack;
        };
        assert_true(static_cast<bool>(pusher.stop(long_enough(), keeps_one)));
        assert_true(second.identities == first.identities); /* by which a reader drops repeats */
    }
    {
        kraty::pusher pusher = cpp_open(config_with(rig_of(state), outbox));
        assert_true(static_cast<bool>(pusher.stop(long_enough(), third)));
        assert_true(third.keys == std::vector<std::string>{"m-1"});
    }
    kraty::pusher pusher = cpp_open(config_with(rig_of(state), outbox));
    assert_true(static_cast<bool>(pusher.stop(long_enough(), must_not_be_told)));
    assert_int_equal(sandbox_lobby_count(rig_of(state)->sandbox), 2);
}

static void ticks_with_an_outbox_tell_what_the_last_process_did_not(void **state)
{
    const folder outbox;
    struct rig *rig = static_cast<struct rig *>(*state);
    rig_script(rig, -1, "{\"delay_ms\": 600000}");
    {
        kraty::pusher pusher = cpp_open(config_with(rig, outbox));
        const kraty::text players[] = {"alice", "bob"};
        kraty::lobby lobby{"quick_brawl", "m-1", players};
        lobby.flags = KLP_PUSH_DURABLE;
        lobby.cookie = 77;
        const auto pushed = pusher.push(lobby);
        assert_true(static_cast<bool>(pushed));
        assert_true(static_cast<bool>(pusher.stop(0s, must_not_be_told))); /* no verdict: it stays there */
    }
    sandbox_unscript(rig->sandbox);

    kraty::pusher pusher = cpp_open(config_with(rig, outbox));
    bool was_told = false;
    const auto on_verdict = [&](const kraty::event &event) {
        assert_true(event.recovered());
        assert_int_equal(event.cookie(), 77);
        was_told = true;
        return kraty::verdict::ack;
    };
    const uint64_t until_ms = rig_now_ms() + long_enough().ms();
    while (!was_told && rig_now_ms() < until_ms) { /* ticks */
        assert_true(static_cast<bool>(pusher.poll(on_verdict, 32)));
        rig_blink();
    }
    assert_true(was_told);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void an_outbox_that_cannot_be_opened_says_why(void **state)
{
    kraty::pusher other = cpp_open(rig_of(state));
    kraty::config config = cpp_config(rig_of(state));
    config.outbox_dir = "/nowhere/at/all";
    const auto opened = kraty::pusher::open(config, other.of());
    assert_int_equal(opened.status(), KLP_E_OUTBOX);
    assert_non_null(strstr(opened.why(), "/nowhere/at/all"));
}

/* ─── Ends ─── */

static void a_pusher_is_moved_and_closes_once(void **state)
{
    kraty::pusher first = cpp_open(rig_of(state));
    cpp_push(first, "m-1");
    kraty::pusher second = std::move(first);
    assert_null(first.raw());
    assert_int_equal(first.ping().status(), KLP_E_INVALID_ARGUMENT); /* it has none, and says so */
    assert_int_equal(first.stop(0s, must_not_be_told).status(), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(first.stats().status(), KLP_E_INVALID_ARGUMENT);
    std::string page;
    assert_int_equal(first.metrics(page).status(), KLP_E_INVALID_ARGUMENT);
    assert_true(page.empty());
    assert_view(cpp_take(second).key(), "m-1");

    first = std::move(second);
    first = cpp_open(rig_of(state)); /* the one that it had is closed */
    cpp_push(first, "m-2");
    assert_true(static_cast<bool>(first.close()));
    assert_true(static_cast<bool>(first.close()));
    assert_null(first.raw());
}

static void a_pusher_that_goes_with_work_to_do_takes_it_along(void **state)
{
    rig_script(static_cast<struct rig *>(*state), -1, "{\"delay_ms\": 600000}");
    kraty::pusher pusher = cpp_open(rig_of(state));
    for (const char *key : {"m-1", "m-2", "m-3"})
        cpp_push(pusher, key);
}

static void an_event_is_moved_and_acknowledged_once(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    cpp_push(pusher, "m-1");
    cpp_push(pusher, "m-2");
    kraty::event first = cpp_take(pusher), second = cpp_take(pusher);
    kraty::event moved = std::move(first);
    assert_false(static_cast<bool>(first));
    assert_true(static_cast<bool>(moved.ack()));
    moved = std::move(second);
    assert_int_equal(pusher.stats()->unread_events, 1);
    assert_true(static_cast<bool>(moved.ack()));
    assert_int_equal(pusher.stats()->unread_events, 0);
}

static void within_a_result_socket_there_is_nothing_to_poll(void **state)
{
    const folder sockets;
    const std::string url = "ipc://" + sockets.path() + "/results.ipc";
    kraty::config config = cpp_config(rig_of(state));
    config.results_url = url;
    kraty::pusher pusher = cpp_open(config);
    cpp_push(pusher, "m-1");
    assert_int_equal(pusher.poll(must_not_be_told, 32).status(), KLP_E_NOT_AVAILABLE);
    assert_true(static_cast<bool>(pusher.flush(long_enough())));
    listener listener;
    assert_true(static_cast<bool>(pusher.stop(100ms, listener))); /* what no reader acknowledged */
    assert_true(listener.keys == std::vector<std::string>{"m-1"});
}

int main()
{
#define WITH_SANDBOX(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const CMUnitTest tests[] = {
        WITH_SANDBOX(a_tick_tells_at_most_so_many_and_never_waits),
        WITH_SANDBOX(stop_tells_what_is_left),
        WITH_SANDBOX(a_handler_that_pushes_again_is_told_of_that_in_a_later_tick),
        WITH_SANDBOX(an_event_that_is_moved_away_is_acknowledged_later),
        WITH_SANDBOX(what_a_handler_throws_comes_out_and_its_event_is_kept),
        WITH_SANDBOX(what_is_kept_is_told_again_after_the_next_open),
        WITH_SANDBOX(ticks_with_an_outbox_tell_what_the_last_process_did_not),
        WITH_SANDBOX(an_outbox_that_cannot_be_opened_says_why),
        WITH_SANDBOX(a_pusher_is_moved_and_closes_once),
        WITH_SANDBOX(a_pusher_that_goes_with_work_to_do_takes_it_along),
        WITH_SANDBOX(an_event_is_moved_and_acknowledged_once),
        WITH_SANDBOX(within_a_result_socket_there_is_nothing_to_poll),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
