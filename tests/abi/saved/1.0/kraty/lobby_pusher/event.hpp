/* SPDX-License-Identifier: Apache-2.0
 *
 * What a host is told: kraty::event, the verdict on one call. Part of <kraty/lobby_pusher.hpp>. */
#ifndef KRATY_LOBBY_PUSHER_EVENT_HPP
#define KRATY_LOBBY_PUSHER_EVENT_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "../lobby_pusher.h"
#include "result.hpp"
#include "text.hpp"

namespace kraty
{

/* The numbers of the C header under names of their own. New ones may come. */
enum class op : std::int32_t {
    push = KLP_OP_PUSH,
    read = KLP_OP_READ,
    ping = KLP_OP_PING,
    await = KLP_OP_AWAIT,
    call = KLP_OP_CALL
};
enum class outcome : std::int32_t {
    none = KLP_OUTCOME_NONE,
    applied = KLP_APPLIED,
    not_applied = KLP_NOT_APPLIED,
    possibly_applied = KLP_POSSIBLY_APPLIED
};
enum class origin : std::int32_t {
    none = KLP_ORIGIN_NONE,
    server = KLP_ORIGIN_SERVER,
    transport = KLP_ORIGIN_TRANSPORT,
    local = KLP_ORIGIN_LOCAL
};

/* What a handler of events says of the one it was given. */
enum class verdict {
    ack, /* it is safe with the host: acknowledge it */
    keep /* it is not: with an outbox it is told again after the next open(), without one never */
};

/* One event, move-only: of pusher::next_event() or poll(), to be acknowledged; or of library::decode_event(), to be
 * read, and released when this is destroyed.
 *
 * One that is destroyed without ack() is kept: it stays in its place in max_unread_events until the pusher is closed,
 * and with an outbox it is told again after the next open(). An event of a pusher, and all of its texts, are legal to
 * read until ack() or until the pusher is closed or destroyed, whichever is first. Every text is followed by a NUL that
 * its view does not count; it is empty when there is none. klp_event says what each field means.
 *
 * One thread at a time; any thread, also another than the pusher's. Reading is legal while `if (event)` holds: not
 * after it was moved from or acknowledged. */
class event
{
  public:
    /* Takes over what the C table gave: an event of next_event() with its pusher, or one of decode_event() with NULL,
     * which it frees. `api` and `pusher` outlive it. */
    event(const klp_api *api, klp_pusher *pusher, const klp_event *given) noexcept
        : api_(api), pusher_(pusher), told_(given)
    {
    }

    event(const event &) = delete;
    event &operator=(const event &) = delete;

    event(event &&other) noexcept : api_(other.api_), pusher_(other.pusher_), told_(std::exchange(other.told_, nullptr))
    {
    }

    event &operator=(event &&other) noexcept
    {
        if (this != &other) {
            release();
            api_ = other.api_;
            pusher_ = other.pusher_;
            told_ = std::exchange(other.told_, nullptr);
        }
        return *this;
    }

    ~event()
    {
        release();
    }

    /* Whether there is one. */
    explicit operator bool() const noexcept
    {
        return told_ != nullptr;
    }

    /* Acknowledges it: it is told, and released with its texts; `if (event)` no longer holds. Legal until the pusher
     * is closed; a second time it is KLP_E_INVALID_ARGUMENT and nothing is done, as with an event of decode_event(),
     * which is acknowledged over its socket, and stays. The statuses are klp_api.ack's. */
    result<void> ack() noexcept
    {
        const klp_status status = told_ && pusher_ ? api_->ack(pusher_, told_) : KLP_E_INVALID_ARGUMENT;
        if (status)
            return result<void>(status, api_->status_text(status));
        told_ = nullptr;
        return result<void>();
    }

    /* The event of the C header, where a field is to be had that has no name here; this keeps it. */
    const klp_event *raw() const noexcept
    {
        return told_;
    }

    /* ─── Whose, and which: its identity is (pusher, epoch, seq) ─── */

    kraty::op op() const noexcept
    {
        return static_cast<kraty::op>(told_->op);
    }
    std::uint64_t seq() const noexcept
    {
        return told_->seq;
    }
    klp_ticket ticket() const noexcept
    {
        return told_->ticket;
    }
    std::uint64_t cookie() const noexcept
    {
        return told_->cookie;
    }
    std::string_view pusher() const noexcept
    {
        return detail::to_view(told_->pusher);
    }
    std::string_view epoch() const noexcept
    {
        return detail::to_view(told_->epoch);
    }

    /* ─── What was asked ─── */

    std::string_view game_id() const noexcept
    {
        return detail::to_view(told_->game_id);
    }
    std::string_view event_key() const noexcept
    {
        return detail::to_view(told_->event_key);
    }
    std::string_view key() const noexcept
    {
        return detail::to_view(told_->key);
    }
    std::string_view method() const noexcept
    {
        return detail::to_view(told_->method);
    }
    std::string_view path() const noexcept
    {
        return detail::to_view(told_->path);
    }
    std::string_view trace_parent() const noexcept
    {
        return detail::to_view(told_->trace_parent);
    }

    /* ─── What became of it ─── */

    bool ok() const noexcept
    {
        return told_->ok != 0;
    }
    kraty::outcome outcome() const noexcept
    {
        return static_cast<kraty::outcome>(told_->outcome);
    }
    /* "possibly_applied", …; constant, and there after the event. */
    const char *outcome_text() const noexcept
    {
        return api_->outcome_text(told_->outcome);
    }
    bool replayed() const noexcept
    {
        return told_->replayed != 0;
    }
    bool recovered() const noexcept
    {
        return told_->recovered != 0;
    }
    bool joined() const noexcept
    {
        return told_->joined != 0;
    }
    std::uint32_t attempts() const noexcept
    {
        return told_->attempts;
    }
    std::uint32_t sends() const noexcept
    {
        return told_->sends;
    }
    std::int32_t http_status() const noexcept
    {
        return told_->http_status;
    }
    bool retryable() const noexcept
    {
        return told_->retryable != 0;
    }
    std::chrono::microseconds elapsed() const noexcept
    {
        return std::chrono::microseconds(static_cast<std::chrono::microseconds::rep>(told_->elapsed_us));
    }
    /* None where the server named no time. */
    std::optional<std::chrono::milliseconds> retry_after() const noexcept
    {
        if (told_->retry_after_ms == KLP_NO_RETRY_AFTER)
            return std::nullopt;
        return std::chrono::milliseconds(told_->retry_after_ms);
    }
    std::string_view request_id() const noexcept
    {
        return detail::to_view(told_->request_id);
    }

    /* ─── The lobby ─── */

    std::string_view lobby_id() const noexcept
    {
        return detail::to_view(told_->lobby_id);
    }
    std::string_view lobby_status() const noexcept
    {
        return detail::to_view(told_->lobby_status);
    }
    std::string_view lobby_json() const noexcept
    {
        return detail::to_view(told_->lobby_json);
    }
    std::int64_t capacity() const noexcept
    {
        return told_->capacity;
    }
    std::int64_t participant_count() const noexcept
    {
        return told_->participant_count;
    }
    std::int64_t bot_slots() const noexcept
    {
        return told_->bot_slots;
    }
    std::int64_t filled_slots() const noexcept
    {
        return told_->filled_slots;
    }

    /* ─── The error ─── */

    std::string_view error_code() const noexcept
    {
        return detail::to_view(told_->error_code);
    }
    /* Whether it carries this code: one of KLP_CODE_…, or the server's own. */
    bool has_code(std::string_view code) const noexcept
    {
        return error_code() == code;
    }
    std::string_view error_message() const noexcept
    {
        return detail::to_view(told_->error_message);
    }
    std::string_view error_details_json() const noexcept
    {
        return detail::to_view(told_->error_details_json);
    }
    origin error_origin() const noexcept
    {
        return static_cast<origin>(told_->error_origin);
    }
    std::int32_t curl_code() const noexcept
    {
        return told_->curl_code;
    }

    /* ─── Replies ─── */

    bool truncated() const noexcept
    {
        return told_->truncated != 0;
    }
    std::uint64_t truncated_bytes() const noexcept
    {
        return told_->truncated_bytes;
    }
    std::string_view api_key_json() const noexcept
    {
        return detail::to_view(told_->api_key_json);
    }
    std::string_view data_json() const noexcept
    {
        return detail::to_view(told_->data_json);
    }
    std::string_view reply_json() const noexcept
    {
        return detail::to_view(told_->reply_json);
    }
    std::string_view json() const noexcept
    {
        return detail::to_view(told_->json);
    }

  private:
    void release() noexcept
    {
        /* decode_event() gave it as one that may be changed, and free_event() wants it back so. */
        if (told_ && !pusher_)
            api_->free_event(const_cast<klp_event *>(told_));
        told_ = nullptr;
    }

    const klp_api *api_;
    klp_pusher *pusher_;
    const klp_event *told_;
};

} // namespace kraty
#endif
