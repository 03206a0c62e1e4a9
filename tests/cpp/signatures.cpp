/* SPDX-License-Identifier: Apache-2.0
 *
 * What a host in C++ compiles against: every function of the header with its type, what may be moved and what copied,
 * what never throws, and what is refused. It is compiled only, once for each compiler, standard and set of flags in
 * `check`, beside this file. A line that no longer holds means that hosts break. */
#include <kraty/lobby_pusher.hpp>
#include <kraty/lobby_pusher.hpp> /* twice, for the guard */

#include <array>
#include <string>
#include <vector>

namespace signatures
{

using namespace kraty;
using namespace std::chrono_literals;

#define IS(expression, type) static_assert(std::is_same_v<decltype(expression), type>, #expression " is no " #type)
#define IS_NOEXCEPT(expression, type)                                                                                  \
    IS(expression, type);                                                                                              \
    static_assert(noexcept(expression), #expression " may throw")

template <typename type> type &some() noexcept;
template <typename type> const type &some_const() noexcept;

/* Handlers. */
verdict acks(const event &);
verdict acks_quietly(const event &) noexcept;
verdict takes(event &);
verdict wants_its_own(event);

/* 5s itself may throw, says its literal operator. */
inline constexpr std::chrono::seconds five{5};

/* ─── What is moved, what is copied ─── */

template <typename type>
inline constexpr bool only_moves = !std::is_copy_constructible_v<type> && !std::is_copy_assignable_v<type> &&
                                   std::is_nothrow_move_constructible_v<type> &&
                                   std::is_nothrow_move_assignable_v<type> && !std::is_default_constructible_v<type>;
static_assert(only_moves<pusher>);
static_assert(only_moves<event>);
static_assert(only_moves<result<pusher>>);
static_assert(only_moves<result<event>>);
static_assert(std::is_nothrow_destructible_v<pusher> && std::is_nothrow_destructible_v<event>);
static_assert(!std::has_virtual_destructor_v<pusher> && !std::is_polymorphic_v<event>);
static_assert(sizeof(event) == 3 * sizeof(void *) && sizeof(pusher) == 2 * sizeof(void *));

static_assert(std::is_trivially_copyable_v<text> && std::is_trivially_copyable_v<texts> &&
              std::is_trivially_copyable_v<library> && std::is_trivially_copyable_v<timeout>);
static_assert(std::is_aggregate_v<config> && std::is_trivially_copyable_v<config>);
static_assert(std::is_aggregate_v<lobby> && std::is_trivially_copyable_v<lobby>);
static_assert(std::is_aggregate_v<kraty::await> && std::is_trivially_copyable_v<kraty::await>);
static_assert(std::is_aggregate_v<call> && std::is_trivially_copyable_v<call>);
static_assert(std::is_aggregate_v<webhook> && std::is_trivially_copyable_v<webhook>);
static_assert(std::is_nothrow_copy_constructible_v<result<void>> && std::is_nothrow_copy_assignable_v<result<void>>);
static_assert(std::is_nothrow_copy_constructible_v<result<klp_ticket>>);

/* ─── library ─── */

IS_NOEXCEPT(library::load(), result<library>);
IS_NOEXCEPT(library::load("path"), result<library>);
IS_NOEXCEPT(library(some<const klp_api *>()), library);
static_assert(!std::is_convertible_v<const klp_api *, library>);
IS_NOEXCEPT(some_const<library>().decode_event(std::string_view()), result<event>);
IS_NOEXCEPT(some_const<library>().verify_webhook(some_const<webhook>()), result<void>);
IS_NOEXCEPT(some_const<library>().parse_roster(std::string_view(), std::string_view()), result<roster>);
IS_NOEXCEPT(some_const<library>().parse_roster(std::string_view(), std::string_view(),
                                               some_const<klp_roster_options>()),
            result<roster>);
IS_NOEXCEPT(some_const<library>().status_text(KLP_OK), const char *);
IS_NOEXCEPT(some_const<library>().outcome_text(outcome::applied), const char *);
IS_NOEXCEPT(some_const<library>().version(), const char *);
IS_NOEXCEPT(some_const<library>().raw(), const klp_api *);

/* ─── pusher ─── */

IS_NOEXCEPT(pusher::open(some_const<config>()), result<pusher>);
IS_NOEXCEPT(pusher::open(some_const<config>(), some_const<library>()), result<pusher>);
IS_NOEXCEPT(pusher(some_const<library>(), some<klp_pusher *>()), pusher);
IS_NOEXCEPT(some<pusher>().push(some_const<lobby>()), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().push_document(std::string_view(), std::string_view(), some_const<klp_roster_options>()),
            result<klp_ticket>);
IS(some<pusher>().push({"event", "key", some_const<texts>()}), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().read(std::string_view()), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().read(std::string_view(), std::string_view(), std::uint64_t{7}), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().await(some_const<kraty::await>()), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().await({"lob_1"}), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().call(some_const<call>()), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().ping(), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().ping(std::uint64_t{7}), result<klp_ticket>);
IS_NOEXCEPT(some<pusher>().cancel(klp_ticket{1}), result<void>);
IS_NOEXCEPT(some<pusher>().next_event(five), result<event>);
IS_NOEXCEPT(some<pusher>().next_event(forever), result<event>);
IS(some<pusher>().poll(acks, 32), result<std::size_t>);
IS(some<pusher>().poll(takes, 32), result<std::size_t>);
static_assert(!noexcept(some<pusher>().poll(acks, 32)), "what its handler throws comes out of it");
IS_NOEXCEPT(some<pusher>().poll(acks_quietly, 32), result<std::size_t>);
static_assert(!std::is_invocable_r_v<verdict, decltype(wants_its_own) &, event &>);
IS_NOEXCEPT(some<pusher>().event_fd(), result<int>);
IS_NOEXCEPT(some<pusher>().flush(five), result<void>);
IS_NOEXCEPT(some<pusher>().stop(five), result<void>);
IS(some<pusher>().stop(five, acks), result<void>);
static_assert(!noexcept(some<pusher>().stop(five, acks)), "what its handler throws comes out of it");
IS_NOEXCEPT(some<pusher>().stop(five, acks_quietly), result<void>);
IS_NOEXCEPT(some<pusher>().close(), result<void>);
IS_NOEXCEPT(some<pusher>().stats(), result<klp_stats>);
IS_NOEXCEPT(some<pusher>().latencies(latency::total), result<klp_histogram>);
IS_NOEXCEPT(some<pusher>().metrics(some<char *>(), std::size_t{1}), result<std::size_t>);
IS(some<pusher>().metrics(some<std::string>()), result<void>);
IS_NOEXCEPT(some<pusher>().set_api_key(std::string_view()), result<void>);
IS_NOEXCEPT(some_const<pusher>().of(), const library &);
IS_NOEXCEPT(some_const<pusher>().raw(), klp_pusher *);

/* ─── event ─── */

IS_NOEXCEPT(event(some<const klp_api *>(), some<klp_pusher *>(), some<const klp_event *>()), event);
IS_NOEXCEPT(static_cast<bool>(some_const<event>()), bool);
static_assert(!std::is_convertible_v<event, bool>);
IS_NOEXCEPT(some<event>().ack(), result<void>);
IS_NOEXCEPT(some_const<event>().raw(), const klp_event *);
IS_NOEXCEPT(some_const<event>().op(), kraty::op);
IS_NOEXCEPT(some_const<event>().seq(), std::uint64_t);
IS_NOEXCEPT(some_const<event>().ticket(), klp_ticket);
IS_NOEXCEPT(some_const<event>().cookie(), std::uint64_t);
IS_NOEXCEPT(some_const<event>().pusher(), std::string_view);
IS_NOEXCEPT(some_const<event>().epoch(), std::string_view);
IS_NOEXCEPT(some_const<event>().game_id(), std::string_view);
IS_NOEXCEPT(some_const<event>().event_key(), std::string_view);
IS_NOEXCEPT(some_const<event>().key(), std::string_view);
IS_NOEXCEPT(some_const<event>().method(), std::string_view);
IS_NOEXCEPT(some_const<event>().path(), std::string_view);
IS_NOEXCEPT(some_const<event>().trace_parent(), std::string_view);
IS_NOEXCEPT(some_const<event>().ok(), bool);
IS_NOEXCEPT(some_const<event>().outcome(), kraty::outcome);
IS_NOEXCEPT(some_const<event>().outcome_text(), const char *);
IS_NOEXCEPT(some_const<event>().replayed(), bool);
IS_NOEXCEPT(some_const<event>().recovered(), bool);
IS_NOEXCEPT(some_const<event>().joined(), bool);
IS_NOEXCEPT(some_const<event>().attempts(), std::uint32_t);
IS_NOEXCEPT(some_const<event>().sends(), std::uint32_t);
IS_NOEXCEPT(some_const<event>().http_status(), std::int32_t);
IS_NOEXCEPT(some_const<event>().retryable(), bool);
IS_NOEXCEPT(some_const<event>().elapsed(), std::chrono::microseconds);
IS_NOEXCEPT(some_const<event>().retry_after(), std::optional<std::chrono::milliseconds>);
IS_NOEXCEPT(some_const<event>().request_id(), std::string_view);
IS_NOEXCEPT(some_const<event>().lobby_id(), std::string_view);
IS_NOEXCEPT(some_const<event>().lobby_status(), std::string_view);
IS_NOEXCEPT(some_const<event>().lobby_json(), std::string_view);
IS_NOEXCEPT(some_const<event>().capacity(), std::int64_t);
IS_NOEXCEPT(some_const<event>().participant_count(), std::int64_t);
IS_NOEXCEPT(some_const<event>().bot_slots(), std::int64_t);
IS_NOEXCEPT(some_const<event>().filled_slots(), std::int64_t);
IS_NOEXCEPT(some_const<event>().error_code(), std::string_view);
IS_NOEXCEPT(some_const<event>().has_code(std::string_view()), bool);
IS_NOEXCEPT(some_const<event>().error_message(), std::string_view);
IS_NOEXCEPT(some_const<event>().error_details_json(), std::string_view);
IS_NOEXCEPT(some_const<event>().error_origin(), origin);
IS_NOEXCEPT(some_const<event>().curl_code(), std::int32_t);
IS_NOEXCEPT(some_const<event>().truncated(), bool);
IS_NOEXCEPT(some_const<event>().truncated_bytes(), std::uint64_t);
IS_NOEXCEPT(some_const<event>().api_key_json(), std::string_view);
IS_NOEXCEPT(some_const<event>().data_json(), std::string_view);
IS_NOEXCEPT(some_const<event>().reply_json(), std::string_view);
IS_NOEXCEPT(some_const<event>().json(), std::string_view);

/* ─── result ─── */

IS_NOEXCEPT(some_const<result<klp_ticket>>().status(), klp_status);
IS_NOEXCEPT(some_const<result<klp_ticket>>().why(), const char *);
IS_NOEXCEPT(static_cast<bool>(some_const<result<klp_ticket>>()), bool);
IS_NOEXCEPT(*some<result<pusher>>(), pusher &);
IS_NOEXCEPT(*some_const<result<pusher>>(), const pusher &);
IS_NOEXCEPT(*std::move(some<result<pusher>>()), pusher &&);
IS_NOEXCEPT(some<result<pusher>>().operator->(), pusher *);
IS_NOEXCEPT(some_const<result<pusher>>().operator->(), const pusher *);
/* a success is neither true nor false without being asked, and main()'s 0 only where it returns one */
static_assert(!std::is_convertible_v<result<void>, bool> && std::is_convertible_v<result<void>, int>);
static_assert(!std::is_convertible_v<result<void>, unsigned> && !std::is_convertible_v<result<void>, long>);
static_assert(!std::is_convertible_v<result<klp_ticket>, bool> && !std::is_convertible_v<result<int>, int>);

/* ─── text, texts, timeout ─── */

static_assert(std::is_convertible_v<const char (&)[6], text> && std::is_convertible_v<const char *, text> &&
              std::is_convertible_v<char *&, text> && std::is_convertible_v<std::nullptr_t, text>);
static_assert(std::is_convertible_v<std::string &, text> && std::is_convertible_v<const std::string &, text>);
static_assert(std::is_convertible_v<std::string_view, text> && std::is_convertible_v<klp_text, text>);
static_assert(std::is_convertible_v<std::vector<char> &, text>);
static_assert(!std::is_convertible_v<std::string, text> && !std::is_convertible_v<std::vector<char>, text>);
static_assert(!std::is_constructible_v<text, const std::string> && !std::is_constructible_v<text, int>);
static_assert(std::is_convertible_v<text, klp_text>);
IS_NOEXCEPT(some_const<text>().view(), std::string_view);

static_assert(std::is_convertible_v<std::vector<std::string> &, texts>);
static_assert(std::is_convertible_v<const std::vector<std::string_view> &, texts>);
static_assert(std::is_convertible_v<std::vector<const char *> &, texts>);
static_assert(std::is_convertible_v<std::vector<text> &, texts> &&
              std::is_convertible_v<std::vector<klp_text> &, texts>);
static_assert(std::is_convertible_v<std::array<std::string, 2> &, texts>);
static_assert(std::is_convertible_v<const klp_text (&)[2], texts> && std::is_convertible_v<std::string (&)[2], texts>);
static_assert(std::is_constructible_v<texts, const std::string *, std::size_t>);
static_assert(!std::is_convertible_v<std::vector<std::string>, texts>);
static_assert(!std::is_constructible_v<texts, const std::vector<text>>);
static_assert(!std::is_constructible_v<texts, std::string &> && !std::is_constructible_v<texts, std::vector<int> &>);
IS_NOEXCEPT(texts(some<std::vector<std::string>>()), texts);
IS_NOEXCEPT(some_const<texts>().size(), std::size_t);
IS_NOEXCEPT(some_const<texts>()[0], klp_text);
IS_NOEXCEPT(some_const<texts>().is_raw(), bool);
IS_NOEXCEPT(some_const<texts>().raw(), const klp_text *);

static_assert(timeout(5s).ms() == 5000 && timeout(1500us).ms() == 2 && timeout(1ns).ms() == 1);
static_assert(timeout(0s).ms() == 0 && timeout(-1s).ms() == 0);
static_assert(timeout(std::chrono::duration<double>(0.25)).ms() == 250);
static_assert(timeout(std::chrono::hours::max()).ms() == KLP_WAIT_FOREVER - 1 &&
              timeout(4294967294ms).ms() == 4294967294);
static_assert(timeout(std::chrono::nanoseconds::max()).ms() == KLP_WAIT_FOREVER - 1);
static_assert(forever.ms() == KLP_WAIT_FOREVER);
static_assert(!std::is_convertible_v<int, timeout>, "a number has no unit");

/* ─── config, lobby, await, call, webhook ─── */

IS_NOEXCEPT(some_const<config>().raw(), klp_config);
IS_NOEXCEPT(some_const<lobby>().raw(), klp_lobby);
IS_NOEXCEPT(some_const<kraty::await>().raw(), klp_await);
IS_NOEXCEPT(some_const<call>().raw(), klp_call);
IS_NOEXCEPT(some_const<webhook>().raw(), klp_webhook);

struct ear {
    void on_attempt(const klp_attempt &);
    void on_log(log_level, std::string_view);
};
IS_NOEXCEPT(some<config>().tell(some<ear>()), void);

/* These shapes are all translated by raw(). One that has grown wants its new fields there, and then here. */
static_assert(sizeof(klp_config) == 288 && sizeof(klp_lobby) == 144 && sizeof(klp_await) == 72);
static_assert(sizeof(klp_call) == 88 && sizeof(klp_webhook) == 64 && sizeof(klp_event) == 440);
static_assert(sizeof(klp_api) == 8 + 26 * sizeof(void *));

/* Every template that a host instantiates, compiled whole. */
result<void> one_tick(pusher &pusher, std::vector<std::string> &players, std::string &page);
result<void> one_tick(pusher &pusher, std::vector<std::string> &players, std::string &page)
{
    const auto on_verdict = [](const event &event) { return event.ok() ? verdict::ack : verdict::keep; };
    ear ear;
    config config;
    config.tell(ear);
    lobby lobby{"quick_brawl", "match-1", players};
    lobby.capacity = 8;
    if (auto pushed = pusher.push(lobby); !pushed)
        return result<void>(pushed.status(), pushed.why());
    pusher.poll(on_verdict, 32);
    if (auto written = pusher.metrics(page); !written)
        return written;
    return pusher.stop(5s, on_verdict);
}

} // namespace signatures
