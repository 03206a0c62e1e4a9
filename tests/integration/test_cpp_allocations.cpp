/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes through the C++ header allocates what the C table does by itself, and nothing more. Counted is every malloc
 * of the calling thread, the library's too, where no sanitizer has malloc for itself; and every operator new. */
#include "cpp_rig.hpp"

#include <cstring>
#include <dlfcn.h>
#include <memory>
#include <new>

static thread_local unsigned long allocations, news;

#if !IS_SANITIZED
template <typename function> static function *next(const char *name) noexcept
{
    void *symbol = dlsym(RTLD_NEXT, name);
    function *found;
    std::memcpy(&found, &symbol, sizeof found);
    return found;
}

/* They stand in the program, and so before the C library's, for everybody. */
extern "C" void *malloc(size_t size) noexcept
{
    static void *(*const next_malloc)(size_t) = next<void *(size_t)>("malloc");
    allocations++;
    return next_malloc(size);
}

extern "C" void *calloc(size_t count, size_t size) noexcept
{
    static void *(*const next_calloc)(size_t, size_t) = next<void *(size_t, size_t)>("calloc");
    allocations++;
    return next_calloc(count, size);
}

extern "C" void *realloc(void *memory, size_t size) noexcept
{
    static void *(*const next_realloc)(void *, size_t) = next<void *(void *, size_t)>("realloc");
    allocations++;
    return next_realloc(memory, size);
}
#endif

/* Not inlined: where one of a pair is and the other is not, gcc and valgrind take them for mismatched. */
[[gnu::noinline]] void *operator new(std::size_t size)
{
    void *memory = std::malloc(size);
    if (!memory)
        std::abort();
    news++;
    return memory;
}

[[gnu::noinline]] void operator delete(void *memory) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

/* ─── Counting ─── */

struct cost {
    unsigned long allocations, news;
};

template <typename body> static cost cost_of(body &&act)
{
    const cost before = {allocations, news};
    act();
    return {allocations - before.allocations, news - before.news};
}

/* Of the third push of three, for the first ones fill what is kept of a thread. `push` returns a klp_status. */
template <typename body> static cost cost_of_a_push(body &&push)
{
    static unsigned number;
    cost last = {};
    for (int i = 0; i < 3; i++) {
        const std::string key = "a-key-that-is-no-short-string-" + std::to_string(++number);
        klp_status status = KLP_OK;
        last = cost_of([&] { status = push(key); });
        assert_int_equal(status, KLP_OK);
    }
    return last;
}

static void what_is_counted_is_counted(void **)
{
    const cost cost = cost_of([] {
        volatile char *memory = static_cast<volatile char *>(std::malloc(10));
        *memory = 1;
        std::free(const_cast<char *>(memory));
        const std::vector<std::string> more(10, "that is no short string, and goes to the heap");
        assert_int_equal(more.size(), 10);
    });
    assert_int_equal(cost.news, is_under_valgrind() ? 0 : 12); /* ten, the one they are copies of, and their array */
    assert_int_equal(cost.allocations, IS_SANITIZED || is_under_valgrind() ? 0 : 13);
}

/* ─── What a push costs ─── */

static cost cost_in_c(kraty::pusher &pusher, const std::vector<klp_text> &players)
{
    return cost_of_a_push([&](const std::string &key) {
        klp_lobby lobby = KLP_LOBBY_INIT;
        klp_text_buffer why = {};
        klp_ticket ticket;
        lobby.event_key = klp_cstr("quick_brawl");
        lobby.key = klp_cstr(key.c_str());
        lobby.player_ids = players.data();
        lobby.player_count = players.size();
        return pusher.of().raw()->push(pusher.raw(), &lobby, &ticket, &why);
    });
}

template <typename range> static cost cost_in_cpp(kraty::pusher &pusher, const range &players)
{
    return cost_of_a_push([&](const std::string &key) {
        kraty::lobby lobby{"quick_brawl", key, players};
        lobby.cookie = 7;
        return pusher.push(lobby).status();
    });
}

static void a_push_allocates_what_the_library_does(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    for (std::size_t count : {1u, 8u, 64u, 65u, 1024u, 1025u, 5000u}) {
        std::vector<std::string> strings;
        for (std::size_t i = 0; i < count; i++)
            strings.push_back("a-player-that-is-no-short-string-" + std::to_string(i));
        const std::vector<std::string_view> views(strings.begin(), strings.end());
        std::vector<const char *> pointers;
        std::vector<klp_text> texts;
        for (const std::string &string : strings) {
            pointers.push_back(string.c_str());
            texts.push_back(kraty::text(string));
        }

        const cost in_c = cost_in_c(pusher, texts);
        for (const cost &in_cpp : {cost_in_cpp(pusher, strings), cost_in_cpp(pusher, views),
                                   cost_in_cpp(pusher, pointers), cost_in_cpp(pusher, texts)}) {
            assert_int_equal(in_cpp.allocations, in_c.allocations);
            assert_int_equal(in_cpp.news, 0);
        }
    }
}

static void a_push_that_is_refused_allocates_nothing(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const std::vector<std::string> nobody(4);
    for (int i = 0; i < 2; i++) {
        const cost cost = cost_of([&] {
            const auto pushed = pusher.push({"quick_brawl", "a-key", nobody});
            assert_string_equal(pushed.why(), "player_ids[0] is empty");
        });
        assert_int_equal(cost.news, 0);
        if (i > 0)
            assert_int_equal(cost.allocations, 0);
    }
}

static void other_calls_and_ticks_allocate_no_more_than_the_library(void **state)
{
    kraty::pusher pusher = cpp_open(rig_of(state));
    const std::string path[] = {"players", "a-player-that-is-no-short-string-1"};
    unsigned told = 0;
    const auto on_verdict = [&](const kraty::event &event) noexcept {
        told += event.key().empty() ? 0 : 1;
        return kraty::verdict::ack;
    };
    const cost cost = cost_of([&] {
        assert_true(static_cast<bool>(pusher.read("lob_1", "game_1", 7)));
        assert_true(static_cast<bool>(pusher.await({"lob_1"})));
        assert_true(static_cast<bool>(pusher.call({"GET", path})));
        assert_true(static_cast<bool>(pusher.ping(7)));
        for (int i = 0; i < 10; i++)
            assert_true(static_cast<bool>(pusher.poll(on_verdict, 32)));
        assert_true(static_cast<bool>(pusher.stats()));
        assert_true(static_cast<bool>(pusher.latencies(kraty::latency::queue)));
        assert_true(static_cast<bool>(pusher.stop(long_enough(), on_verdict)));
    });
    assert_int_equal(cost.news, 0);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_counted_is_counted),
        cmocka_unit_test_setup_teardown(a_push_allocates_what_the_library_does, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_push_that_is_refused_allocates_nothing, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(other_calls_and_ticks_allocate_no_more_than_the_library, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
