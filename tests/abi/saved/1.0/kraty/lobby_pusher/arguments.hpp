/* SPDX-License-Identifier: Apache-2.0
 *
 * What a host fills: aggregates, with the names, the units, the bounds and, where a field is left as it is, the
 * defaults that the structs of lobby_pusher.h have, which says what each means. They own nothing (see kraty::text):
 * what they point at has to stay until the call that is given them has returned, and no longer. Part of
 * <kraty/lobby_pusher.hpp>.
 *
 *     kraty::lobby lobby{"quick_brawl", match.id, match.players};
 *     lobby.capacity = 8; */
#ifndef KRATY_LOBBY_PUSHER_ARGUMENTS_HPP
#define KRATY_LOBBY_PUSHER_ARGUMENTS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../lobby_pusher.h"
#include "text.hpp"

namespace kraty
{

/* The numbers of the C header under names of their own, each of the type that its field has. New ones may come. */
enum class fill_bots : std::int32_t {
    by_default = KLP_FILL_BOTS_DEFAULT,
    no = KLP_FILL_BOTS_NO,
    yes = KLP_FILL_BOTS_YES
};
enum class outbox_sync : std::int32_t { full = KLP_SYNC_FULL, normal = KLP_SYNC_NORMAL };
enum class outbox_mode : std::int32_t { required = KLP_OUTBOX_REQUIRED, best_effort = KLP_OUTBOX_BEST_EFFORT };
enum class outbox_damaged : std::int32_t { refuse = KLP_DAMAGED_REFUSE, replace = KLP_DAMAGED_REPLACE };
enum class log_level : std::int32_t {
    by_default = 0,
    error = KLP_LOG_ERROR,
    warning = KLP_LOG_WARNING,
    info = KLP_LOG_INFO
};
enum class latency : std::int32_t { queue = KLP_LATENCY_QUEUE, total = KLP_LATENCY_TOTAL };

/* How long a call may wait: any duration, rounded up to whole milliseconds. Below zero it is none; what is longer than
 * 49 days is 49 days; kraty::forever has no end. */
class timeout
{
  public:
    template <typename count, typename period> constexpr timeout(std::chrono::duration<count, period> given) noexcept
    {
        using namespace std::chrono;
        if (!(given > given.zero()))
            ms_ = 0;
        else if (duration<double, std::milli>(given).count() >= KLP_WAIT_FOREVER - 1.0)
            ms_ = KLP_WAIT_FOREVER - 1;
        else
            ms_ = static_cast<std::uint32_t>(ceil<milliseconds>(given).count());
    }

    static constexpr timeout without_end() noexcept
    {
        timeout endless{std::chrono::milliseconds::zero()};
        endless.ms_ = KLP_WAIT_FOREVER;
        return endless;
    }

    constexpr std::uint32_t ms() const noexcept
    {
        return ms_;
    }

  private:
    std::uint32_t ms_ = 0;
};

inline constexpr timeout forever = timeout::without_end();

namespace detail
{

template <typename listener, typename = void> struct hears_attempts : std::false_type {
};
template <typename listener>
struct hears_attempts<listener,
                      std::void_t<decltype(std::declval<listener &>().on_attempt(std::declval<const klp_attempt &>()))>>
    : std::true_type {
};

template <typename listener, typename = void> struct hears_lines : std::false_type {
};
template <typename listener>
struct hears_lines<
    listener, std::void_t<decltype(std::declval<listener &>().on_log(log_level{}, std::declval<std::string_view>()))>>
    : std::true_type {
};

} // namespace detail

/* How a pusher is set up; see klp_config. */
struct config {
    std::uint32_t flags = 0;
    text name = {};
    text base_url = {};
    text game_id = {};
    text api_key = {};
    text api_key_file = {};
    text ca_file = {};
    text proxy = {};
    text results_url = {};
    std::uint32_t max_in_flight = 0;
    std::uint32_t max_queued = 0;
    std::uint32_t max_unread_events = 0;
    std::uint32_t attempt_timeout_ms = 0;
    std::uint32_t deadline_ms = 0;
    std::uint32_t max_attempts = 0;
    std::uint64_t max_queued_bytes = 0;
    std::uint64_t max_reply_bytes = 0;
    std::uint32_t backoff_initial_ms = 0;
    std::uint32_t backoff_max_ms = 0;
    std::uint32_t jitter_permille = 0;
    std::uint32_t session_grace_ms = 0;
    text expect_environment = {};
    klp_attempt_callback on_attempt = nullptr;
    klp_log_callback on_log = nullptr;
    void *callback_user = nullptr;
    kraty::log_level log_level = kraty::log_level::by_default;
    text outbox_dir = {};
    kraty::outbox_sync outbox_sync = kraty::outbox_sync::full;
    kraty::outbox_mode outbox_mode = kraty::outbox_mode::required;
    kraty::outbox_damaged outbox_damaged = kraty::outbox_damaged::refuse;
    std::uint32_t outbox_adopt_ms = 0;
    std::uint64_t outbox_max_bytes = 0;
    std::uint32_t durable_timeout_ms = 0;

    /* Sets callback_user, and on_attempt and on_log as far as it has them, so that
     *
     *     who.on_attempt(const klp_attempt &)            of every attempt, and
     *     who.on_log(kraty::log_level, std::string_view) of what an operator should read
     *
     * are called: on the pusher's own thread, under the rules that [worker] has in the C header (on_log within open()
     * and close() too). `who` stays until the pusher is closed; what it is told lives until it returns; one that throws
     * ends the process. */
    template <typename listener> void tell(listener &who) noexcept
    {
        static_assert(detail::hears_attempts<listener>::value || detail::hears_lines<listener>::value,
                      "it has neither on_attempt(const klp_attempt &) nor on_log(kraty::log_level, std::string_view)");
        callback_user = &who;
        if constexpr (detail::hears_attempts<listener>::value)
            on_attempt = [](void *user, const klp_attempt *attempt) noexcept {
                static_cast<listener *>(user)->on_attempt(*attempt);
            };
        if constexpr (detail::hears_lines<listener>::value)
            on_log = [](void *user, std::int32_t level, klp_text line) noexcept {
                static_cast<listener *>(user)->on_log(static_cast<kraty::log_level>(level), detail::to_view(line));
            };
    }

    /* The same for the C table; points where this points. */
    klp_config raw() const noexcept;
};

/* One finished roster; see klp_lobby. */
struct lobby {
    text event_key = {};
    text key = {};
    texts player_ids = {};
    text game_id = {};
    std::uint32_t flags = 0; /* KLP_PUSH_DURABLE */
    std::uint32_t capacity = 0;
    kraty::fill_bots fill_bots = kraty::fill_bots::by_default;
    text metadata_json = {};
    text idempotency_key = {};
    std::uint64_t cookie = 0;
    std::uint32_t deadline_ms = 0;
    text trace_parent = {};

    /* The same for the C table, but for its players, which push() hands over. */
    klp_lobby raw() const noexcept;
};

/* A lobby to be watched until it no longer forms; see klp_await. */
struct await {
    text lobby_id = {};
    text game_id = {};
    std::uint32_t flags = 0;
    std::uint32_t poll_interval_ms = 0;
    std::uint32_t timeout_ms = 0;
    std::uint64_t cookie = 0;
    text trace_parent = {};

    klp_await raw() const noexcept;
};

/* Any other request to the server API; see klp_call.
 *
 *     const kraty::text path[] = {"players", player, "wallet", "gold", "credit"};
 *     kraty::call credit{"POST", path, R"({"amount": 500})"}; */
struct call {
    text method = {};
    texts segments = {};
    text body_json = {};
    std::uint32_t flags = 0; /* KLP_PUSH_DURABLE */
    std::uint64_t cookie = 0;
    std::uint32_t deadline_ms = 0;
    text trace_parent = {};

    /* The same for the C table, but for its segments, which pusher::call() hands over. */
    klp_call raw() const noexcept;
};

/* A webhook as it came in; see klp_webhook. */
struct webhook {
    text signature = {};
    text body = {};
    texts secrets = {};
    std::uint32_t tolerance_s = 0;
    std::int64_t now_unix_s = 0;

    /* The same for the C table, but for its secrets, which verify_webhook() hands over. */
    klp_webhook raw() const noexcept;
};

/* ─── For the C table ───────────────────────────────────────────────────────────────────────────── */

inline klp_config config::raw() const noexcept
{
    klp_config raw = {};
    raw.struct_size = static_cast<std::uint32_t>(sizeof raw);
    raw.flags = flags;
    raw.name = name;
    raw.base_url = base_url;
    raw.game_id = game_id;
    raw.api_key = api_key;
    raw.api_key_file = api_key_file;
    raw.ca_file = ca_file;
    raw.proxy = proxy;
    raw.results_url = results_url;
    raw.max_in_flight = max_in_flight;
    raw.max_queued = max_queued;
    raw.max_unread_events = max_unread_events;
    raw.attempt_timeout_ms = attempt_timeout_ms;
    raw.deadline_ms = deadline_ms;
    raw.max_attempts = max_attempts;
    raw.max_queued_bytes = max_queued_bytes;
    raw.max_reply_bytes = max_reply_bytes;
    raw.backoff_initial_ms = backoff_initial_ms;
    raw.backoff_max_ms = backoff_max_ms;
    raw.jitter_permille = jitter_permille;
    raw.session_grace_ms = session_grace_ms;
    raw.expect_environment = expect_environment;
    raw.on_attempt = on_attempt;
    raw.on_log = on_log;
    raw.callback_user = callback_user;
    raw.log_level = static_cast<std::int32_t>(log_level);
    raw.outbox_dir = outbox_dir;
    raw.outbox_sync = static_cast<std::int32_t>(outbox_sync);
    raw.outbox_mode = static_cast<std::int32_t>(outbox_mode);
    raw.outbox_damaged = static_cast<std::int32_t>(outbox_damaged);
    raw.outbox_adopt_ms = outbox_adopt_ms;
    raw.outbox_max_bytes = outbox_max_bytes;
    raw.durable_timeout_ms = durable_timeout_ms;
    return raw;
}

inline klp_lobby lobby::raw() const noexcept
{
    klp_lobby raw = {};
    raw.struct_size = static_cast<std::uint32_t>(sizeof raw);
    raw.flags = flags;
    raw.game_id = game_id;
    raw.event_key = event_key;
    raw.key = key;
    raw.player_count = player_ids.size();
    raw.capacity = capacity;
    raw.fill_bots = static_cast<std::int32_t>(fill_bots);
    raw.metadata_json = metadata_json;
    raw.idempotency_key = idempotency_key;
    raw.cookie = cookie;
    raw.deadline_ms = deadline_ms;
    raw.trace_parent = trace_parent;
    return raw;
}

inline klp_await await::raw() const noexcept
{
    klp_await raw = {};
    raw.struct_size = static_cast<std::uint32_t>(sizeof raw);
    raw.flags = flags;
    raw.game_id = game_id;
    raw.lobby_id = lobby_id;
    raw.poll_interval_ms = poll_interval_ms;
    raw.timeout_ms = timeout_ms;
    raw.cookie = cookie;
    raw.trace_parent = trace_parent;
    return raw;
}

inline klp_call call::raw() const noexcept
{
    klp_call raw = {};
    raw.struct_size = static_cast<std::uint32_t>(sizeof raw);
    raw.flags = flags;
    raw.method = method;
    raw.segment_count = segments.size();
    raw.body_json = body_json;
    raw.cookie = cookie;
    raw.deadline_ms = deadline_ms;
    raw.trace_parent = trace_parent;
    return raw;
}

inline klp_webhook webhook::raw() const noexcept
{
    klp_webhook raw = {};
    raw.struct_size = static_cast<std::uint32_t>(sizeof raw);
    raw.tolerance_s = tolerance_s;
    raw.signature = signature;
    raw.body = body;
    raw.secret_count = secrets.size();
    raw.now_unix_s = now_unix_s;
    return raw;
}

} // namespace kraty
#endif
