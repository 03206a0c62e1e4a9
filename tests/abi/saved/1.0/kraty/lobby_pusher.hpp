/* SPDX-License-Identifier: Apache-2.0
 *
 * kraty-lobby-pusher for C++17 and later, header-only, over the C table of lobby_pusher.h: RAII, no exceptions of its
 * own, no RTTI. The library is found at run time (lobby_pusher_load.h); nothing is linked, but libdl with older C
 * libraries.
 *
 *     auto opened = kraty::pusher::open(config);
 *     if (!opened)
 *         return warn(opened.why()), 1;
 *     kraty::pusher &pusher = *opened;
 *
 *     if (auto pushed = pusher.push(lobby); !pushed)
 *         warn(pushed.why());
 *     pusher.poll(on_verdict, 32);             // in every tick
 *     return pusher.stop(5s, on_verdict);
 *
 * What a call does, and the statuses that it ends with, stand at the slot of the same name in klp_api, and hold here;
 * below stands what there is beside that. Nothing in here allocates or locks (metrics() into a string of the host's
 * excepted); what the library does is its own. A result of a pusher has KLP_E_INVALID_ARGUMENT after it was moved from.
 *
 * Words used below
 *
 *   [any-thread], [one-thread], signals, fork   as in the C header. To move, to assign or to destroy a pusher is
 *                                               [one-thread].
 *   text in                                     a std::string_view or kraty::text: copied before the call returns.
 *   why                                         results hold the sentence: ending::why(). */
#ifndef KRATY_LOBBY_PUSHER_HPP
#define KRATY_LOBBY_PUSHER_HPP

#if __cplusplus < 201703L
#error "kraty/lobby_pusher.hpp needs C++17; lobby_pusher.h does with C++11"
#endif

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lobby_pusher.h"
#include "lobby_pusher/arguments.hpp"
#include "lobby_pusher/event.hpp"
#include "lobby_pusher/result.hpp"
#include "lobby_pusher/roster.hpp"
#include "lobby_pusher/text.hpp"
#include "lobby_pusher_load.h"

namespace kraty
{

namespace detail
{

/* `otherwise` is said of an argument that was refused on this side of the table. */
inline std::string_view sentence(const klp_api *api, klp_status status, const reason &why,
                                 const char *otherwise) noexcept
{
    if (status == KLP_OK || why.buffer.size > 0)
        return why.view();
    return status == KLP_E_INVALID_ARGUMENT && otherwise ? otherwise : api->status_text(status);
}

inline result<void> ended(const klp_api *api, klp_status status) noexcept
{
    return status ? result<void>(status, api->status_text(status)) : result<void>();
}

inline result<void> ended(const klp_api *api, klp_status status, const reason &why,
                          const char *otherwise = nullptr) noexcept
{
    return result<void>(status, sentence(api, status, why, otherwise));
}

template <typename value> result<value> ended_with(const klp_api *api, klp_status status, const value &is) noexcept
{
    return {status, status ? api->status_text(status) : "", value(is)};
}

} // namespace detail

/* The library: what of it needs no pusher. A value as cheap as a pointer, never unloaded. [any-thread] */
class library
{
  public:
    /* Loads it, as klp_load() does. path: its file; NULL: $KLP_LIBRARY, else KLP_SONAME where the dynamic loader looks.
     *
     * Legal any time; a second call is cheap. Fails with KLP_E_NOT_AVAILABLE, and a sentence, when there is none, or
     * none that this header knows the ABI of, or one that is older than this header. */
    [[nodiscard]] static result<library> load(const char *path = nullptr) noexcept
    {
        detail::reason why;
        const klp_api *api = klp_load(path, &why.buffer);
        if (!api)
            return {KLP_E_NOT_AVAILABLE, why.view()};
        if (api->struct_size < sizeof(klp_api))
            return {KLP_E_NOT_AVAILABLE, "the library is older than the header that this host was compiled with"};
        return library(api);
    }

    /* Of a table that was had otherwise, such as a test's own. It is whole, and outlives everything made of it. */
    explicit library(const klp_api *api) noexcept : api_(api)
    {
    }

    /* Reads one event as the result socket tells it: a line of a message. The event is the caller's, and has no
     * pusher. */
    [[nodiscard]] result<event> decode_event(std::string_view line) const noexcept
    {
        detail::reason why;
        klp_event *decoded = nullptr;
        const klp_status status = api_->decode_event(line.data(), line.size(), &decoded, &why.buffer);
        if (status)
            return {status, detail::sentence(api_, status, why, nullptr)};
        return event(api_, nullptr, decoded);
    }

    /* Reads a roster out of a matchmaker's document; `format` is one of KLP_FORMAT_…. The roster is the caller's.
     * [any-thread] */
    [[nodiscard]] result<roster>
    parse_roster(std::string_view format, std::string_view document,
                 const klp_roster_options &options = KLP_ROSTER_OPTIONS_INIT) const noexcept
    {
        detail::reason why;
        klp_roster *read = nullptr;
        const klp_status status = api_->parse_roster({format.data(), format.size()}, document.data(), document.size(),
                                                     &options, &read, &why.buffer);
        if (status)
            return {status, detail::sentence(api_, status, why, nullptr)};
        return roster(api_, read);
    }

    /* Checks that a webhook comes from Kraty, and lately. Not in a child of fork(). */
    [[nodiscard]] result<void> verify_webhook(const webhook &webhook) const noexcept
    {
        detail::reason why;
        klp_webhook raw = webhook.raw();
        const klp_status status = detail::hand_over_texts<KLP_MAX_WEBHOOK_SECRETS>(
            webhook.secrets, [&, this](const klp_text *secrets) noexcept {
                raw.secrets = secrets;
                return api_->verify_webhook(&raw, &why.buffer);
            });
        return detail::ended(api_, status, why, "secrets are more than KLP_MAX_WEBHOOK_SECRETS");
    }

    /* "KLP_E_QUEUE_FULL", "possibly_applied", "1.0.0". Constant; never NULL; an unknown number has a text too. */
    const char *status_text(klp_status status) const noexcept
    {
        return api_->status_text(status);
    }

    const char *outcome_text(outcome outcome) const noexcept
    {
        return api_->outcome_text(static_cast<std::int32_t>(outcome));
    }

    const char *version() const noexcept
    {
        return api_->version();
    }

    /* The C table. Constant, never freed. */
    const klp_api *raw() const noexcept
    {
        return api_;
    }

  private:
    const klp_api *api_;
};

/* One connection pool, one worker thread, one API key; move-only. Destroyed, it is closed: see close(). It outlives its
 * events. */
class pusher
{
  public:
    /* Opens one, of the library that library::load() finds, or of the one given. Waits for no network. What `config`
     * points at is copied; its callbacks, and what they are told through, stay until the pusher is closed.
     * [any-thread] */
    [[nodiscard]] static result<pusher> open(const config &config) noexcept
    {
        result<library> found = library::load();
        if (!found)
            return {found.status(), found.why()};
        return open(config, *found);
    }

    [[nodiscard]] static result<pusher> open(const config &config, const library &of) noexcept
    {
        detail::reason why;
        const klp_config raw = config.raw();
        klp_pusher *opened = nullptr;
        const klp_status status = of.raw()->open(&raw, &opened, &why.buffer);
        if (status)
            return {status, detail::sentence(of.raw(), status, why, nullptr)};
        return pusher(of, opened);
    }

    /* Takes over what open() of the C table gave; it is this one's to close from here on. */
    pusher(const library &of, klp_pusher *opened) noexcept : library_(of), pusher_(opened)
    {
    }

    pusher(const pusher &) = delete;
    pusher &operator=(const pusher &) = delete;

    pusher(pusher &&other) noexcept : library_(other.library_), pusher_(std::exchange(other.pusher_, nullptr))
    {
    }

    pusher &operator=(pusher &&other) noexcept
    {
        if (this != &other) {
            close();
            library_ = other.library_;
            pusher_ = std::exchange(other.pusher_, nullptr);
        }
        return *this;
    }

    ~pusher()
    {
        close();
    }

    /* Queues one finished roster to be pushed. Never waits, but with KLP_PUSH_DURABLE in lobby.flags.
     *
     * Allocates nothing beside the library's one block: player_ids of klp_text or kraty::text go as they are; others
     * take 16 bytes of this thread's stack for each, rounded up to 64, to 1,024 or to KLP_MAX_PLAYERS of them. A host
     * with small stacks and thousands of players in a lobby keeps kraty::texts of them.
     *
     * After KLP_OK `*result` is the ticket that its event will carry; after KLP_E_TIMEOUT, too: with KLP_PUSH_DURABLE
     * that says that it is accepted, and was not written down in time. Else it is 0, and nothing is kept.
     * [any-thread] */
    [[nodiscard]] result<klp_ticket> push(const lobby &lobby) noexcept
    {
        detail::reason why;
        klp_lobby raw = lobby.raw();
        klp_ticket ticket = 0;
        const klp_status status =
            detail::hand_over_texts<KLP_MAX_PLAYERS>(lobby.player_ids, [&, this](const klp_text *player_ids) noexcept {
                raw.player_ids = player_ids;
                return api()->push(pusher_, &raw, &ticket, &why.buffer);
            });
        return accepted(status, ticket, why, "player_ids are more than KLP_MAX_PLAYERS");
    }

    /* Queues the roster of a matchmaker's document to be pushed; `format` is one of KLP_FORMAT_…. Results and threads
     * as push(), and as library::parse_roster() where the document is refused. */
    [[nodiscard]] result<klp_ticket> push_document(std::string_view format, std::string_view document,
                                                   const klp_roster_options &options) noexcept
    {
        detail::reason why;
        klp_ticket ticket = 0;
        const klp_status status = api()->push_document(pusher_, {format.data(), format.size()}, document.data(),
                                                       document.size(), &options, &ticket, &why.buffer);
        return accepted(status, ticket, why);
    }

    /* Queues a read of one lobby. game_id "": the pusher's. Results and threads as push(). */
    [[nodiscard]] result<klp_ticket> read(std::string_view lobby_id, std::string_view game_id = {},
                                          std::uint64_t cookie = 0) noexcept
    {
        detail::reason why;
        klp_ticket ticket = 0;
        const klp_status status = api()->read(pusher_, text(game_id), text(lobby_id), cookie, &ticket, &why.buffer);
        return accepted(status, ticket, why);
    }

    /* Queues a watch over one lobby. Never waits itself. Results and threads as push(). */
    [[nodiscard]] result<klp_ticket> await(const kraty::await &await) noexcept
    {
        detail::reason why;
        const klp_await raw = await.raw();
        klp_ticket ticket = 0;
        return accepted(api()->await(pusher_, &raw, &ticket, &why.buffer), ticket, why);
    }

    /* Queues any other request. Its segments go as a push's players do. Results and threads as push(). */
    [[nodiscard]] result<klp_ticket> call(const kraty::call &call) noexcept
    {
        detail::reason why;
        klp_call raw = call.raw();
        klp_ticket ticket = 0;
        const klp_status status =
            detail::hand_over_texts<KLP_MAX_SEGMENTS>(call.segments, [&, this](const klp_text *segments) noexcept {
                raw.segments = segments;
                return api()->call(pusher_, &raw, &ticket, &why.buffer);
            });
        return accepted(status, ticket, why, "segments are more than KLP_MAX_SEGMENTS");
    }

    /* Queues a check of the API key. Results and threads as push(). */
    [[nodiscard]] result<klp_ticket> ping(std::uint64_t cookie = 0) noexcept
    {
        detail::reason why;
        klp_ticket ticket = 0;
        return accepted(api()->ping(pusher_, cookie, &ticket, &why.buffer), ticket, why);
    }

    /* Asks that a call be given up; what became of it comes as its event. [any-thread] */
    result<void> cancel(klp_ticket ticket) noexcept
    {
        return detail::ended(api(), api()->cancel(pusher_, ticket));
    }

    /* Takes the oldest event that was not handed out yet, and waits for one: event says whose it then is. Fails with
     * KLP_E_TIMEOUT when none came, with KLP_E_DRAINED after stop() and the last. [any-thread] */
    [[nodiscard]] result<event> next_event(timeout within) noexcept
    {
        const klp_event *taken = nullptr;
        const klp_status status = api()->next_event(pusher_, within.ms(), &taken);
        if (status)
            return {status, api()->status_text(status)};
        return event(api(), pusher_, taken);
    }

    /* For a game's own tick: hands the events that wait, at most `at_most` of them, to
     *
     *     kraty::verdict handler(const kraty::event &event)
     *
     * one by one, on this thread, and acknowledges those that it says `ack` to. Never waits, but for what the handler
     * does. One that it keeps is not told again by this pusher: see event. A handler that takes a `kraty::event &` may
     * move the event out of it, to acknowledge it later; what it returns is then not looked at. It may call anything
     * of this pusher but close(). If it throws, its event is kept, and the exception comes out of here.
     *
     * `*result` is the number of events that were handed over, also after a failure. Succeeds, with 0, when none
     * waits; fails when the pusher has none to give: KLP_E_DRAINED after stop() and the last, and next_event()'s
     * others. [any-thread] */
    template <typename handler>
    result<std::size_t> poll(handler &&on_event,
                             std::size_t at_most) noexcept(std::is_nothrow_invocable_v<handler &, event &>)
    {
        std::size_t told = 0;
        const klp_status status = tell(on_event, at_most, 0, told);
        const bool is_well = status == KLP_E_TIMEOUT || (status == KLP_E_DRAINED && told > 0);
        return detail::ended_with(api(), is_well ? KLP_OK : status, told);
    }

    /* A descriptor for the host's own poll loop: readable while next_event() and poll() have something to say at once.
     * The host polls it and does nothing else with it; it lives as long as the pusher. [any-thread] */
    result<int> event_fd() noexcept
    {
        int descriptor = -1;
        const klp_status status = api()->event_fd(pusher_, &descriptor);
        return detail::ended_with(api(), status, descriptor);
    }

    /* Waits until every call has its verdict. [any-thread] */
    result<void> flush(timeout within) noexcept
    {
        return detail::ended(api(), api()->flush(pusher_, within.ms()));
    }

    /* Ends the pusher's work within `drain` and a little; what is left to be told is then had with next_event() or
     * poll(). [any-thread] */
    result<void> stop(timeout drain) noexcept
    {
        return detail::ended(api(), api()->stop(pusher_, drain.ms()));
    }

    /* The same, and then hands every event that is left to `on_event`, as poll() does: those of its own too, so that
     * KLP_OK says that all were told. Fails with what stop() fails with, or with what kept an event from being told;
     * poll() goes on from there. [any-thread] */
    template <typename handler>
    result<void> stop(timeout drain, handler &&on_event) noexcept(std::is_nothrow_invocable_v<handler &, event &>)
    {
        std::size_t told = 0;
        klp_status status = api()->stop(pusher_, drain.ms());
        if (status == KLP_OK)
            status = tell(on_event, std::numeric_limits<std::size_t>::max(), KLP_WAIT_FOREVER, told);
        return detail::ended(api(), status == KLP_E_DRAINED ? KLP_OK : status);
    }

    /* Releases the pusher, its events and its event_fd; stops it first, with no time to drain, if the host did not.
     * Only its destruction and assignment are legal after KLP_OK; a second close() does nothing. [one-thread] */
    result<void> close() noexcept
    {
        const klp_status status = pusher_ ? api()->close(pusher_) : KLP_OK;
        if (status == KLP_OK)
            pusher_ = nullptr;
        return detail::ended(api(), status);
    }

    /* The figures of one moment. [any-thread] */
    result<klp_stats> stats() noexcept
    {
        klp_stats figures = {};
        figures.struct_size = static_cast<std::uint32_t>(sizeof figures);
        const klp_status status = api()->stats(pusher_, &figures);
        return detail::ended_with(api(), status, figures);
    }

    /* How long pushes that were decided took: see klp_histogram_quantile_us(). [any-thread] */
    result<klp_histogram> latencies(latency which) noexcept
    {
        klp_histogram histogram = {};
        histogram.struct_size = static_cast<std::uint32_t>(sizeof histogram);
        const klp_status status = api()->latencies(pusher_, static_cast<std::int32_t>(which), &histogram);
        return detail::ended_with(api(), status, histogram);
    }

    /* All figures as OpenMetrics text, written to `out` with a NUL behind, when `capacity` has room for that. `*result`
     * is the bytes of it without the NUL, also where KLP_E_INVALID_ARGUMENT says that they did not fit. [any-thread] */
    result<std::size_t> metrics(char *out, std::size_t capacity) noexcept
    {
        std::size_t size = 0;
        const klp_status status = api()->metrics(pusher_, out, capacity, &size);
        return detail::ended_with(api(), status, size);
    }

    /* The same in the place of what `page` holds: a std::string, or what has its resize(), size() and data(). Where
     * there is a failure, it is left empty. The one function here that allocates. [any-thread] */
    template <typename string, std::enable_if_t<!std::is_pointer_v<string>, std::nullptr_t> = nullptr>
    result<void> metrics(string &page)
    {
        klp_status status = KLP_E_INVALID_ARGUMENT;
        std::size_t size = 0;
        do { /* it may grow between two looks */
            page.resize(size + 256);
            const std::size_t room = page.size();
            status = api()->metrics(pusher_, page.data(), room, &size);
            if (status == KLP_E_INVALID_ARGUMENT && size < room)
                break; /* not for want of room */
        } while (status == KLP_E_INVALID_ARGUMENT);
        page.resize(status == KLP_OK ? size : 0);
        return detail::ended(api(), status);
    }

    /* Gives a new API key. The library's copy is all that is needed. [any-thread] */
    [[nodiscard]] result<void> set_api_key(std::string_view api_key) noexcept
    {
        detail::reason why;
        const klp_status status = api()->set_api_key(pusher_, text(api_key), &why.buffer);
        return detail::ended(api(), status, why);
    }

    /* The library that it is of. */
    const library &of() const noexcept
    {
        return library_;
    }

    /* The pusher of the C table; this one keeps it. NULL once it is closed or moved from. */
    klp_pusher *raw() const noexcept
    {
        return pusher_;
    }

  private:
    const klp_api *api() const noexcept
    {
        return library_.raw();
    }

    result<klp_ticket> accepted(klp_status status, klp_ticket ticket, const detail::reason &why,
                                const char *otherwise = nullptr) const noexcept
    {
        return {status, detail::sentence(api(), status, why, otherwise), klp_ticket(ticket)};
    }

    /* Hands over up to `at_most` events. KLP_OK: that many; else why there are no more. */
    template <typename handler>
    klp_status tell(handler &on_event, std::size_t at_most, std::uint32_t within_ms,
                    std::size_t &told) noexcept(std::is_nothrow_invocable_v<handler &, event &>)
    {
        static_assert(std::is_invocable_r_v<verdict, handler &, event &>,
                      "a handler takes a const kraty::event & and returns kraty::verdict::ack or keep");
        while (told < at_most) {
            const klp_event *taken = nullptr;
            const klp_status status = api()->next_event(pusher_, within_ms, &taken);
            if (status)
                return status;
            event event(api(), pusher_, taken);
            told++;
            const verdict said = on_event(event);
            if (said == verdict::ack && event) {
                const klp_status acknowledged = event.ack().status();
                if (acknowledged)
                    return acknowledged;
            }
        }
        return KLP_OK;
    }

    library library_;
    klp_pusher *pusher_;
};

} // namespace kraty
#endif
