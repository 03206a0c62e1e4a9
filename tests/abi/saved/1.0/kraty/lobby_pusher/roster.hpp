/* SPDX-License-Identifier: Apache-2.0
 *
 * A roster out of a matchmaker's document: kraty::roster. Part of <kraty/lobby_pusher.hpp>. */
#ifndef KRATY_LOBBY_PUSHER_ROSTER_HPP
#define KRATY_LOBBY_PUSHER_ROSTER_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "../lobby_pusher.h"

namespace kraty
{

/* What library::parse_roster() has read, move-only; its texts live as long as it does. klp_roster says what each field
 * means. One thread at a time. Reading is legal while `if (roster)` holds: not after it was moved from. */
class roster
{
  public:
    /* Takes over what the C table gave. `api` outlives it. */
    roster(const klp_api *api, klp_roster *given) noexcept : api_(api), given_(given)
    {
    }

    roster(const roster &) = delete;
    roster &operator=(const roster &) = delete;

    roster(roster &&other) noexcept : api_(other.api_), given_(std::exchange(other.given_, nullptr))
    {
    }

    roster &operator=(roster &&other) noexcept
    {
        if (this != &other) {
            api_->free_roster(given_);
            api_ = other.api_;
            given_ = std::exchange(other.given_, nullptr);
        }
        return *this;
    }

    ~roster()
    {
        api_->free_roster(given_);
    }

    explicit operator bool() const noexcept
    {
        return given_ != nullptr;
    }

    std::string_view key() const noexcept
    {
        return view(given_->key);
    }

    std::string_view event_key() const noexcept
    {
        return view(given_->event_key);
    }

    std::string_view metadata_json() const noexcept
    {
        return view(given_->metadata_json);
    }

    std::size_t player_count() const noexcept
    {
        return given_->player_count;
    }

    /* `index` is below player_count(). */
    std::string_view player_id(std::size_t index) const noexcept
    {
        return view(given_->player_ids[index]);
    }

    std::uint32_t capacity() const noexcept
    {
        return given_->capacity;
    }

    /* The roster of the C header, as klp_roster_lobby() makes a lobby of; this keeps it. */
    const klp_roster *raw() const noexcept
    {
        return given_;
    }

  private:
    static std::string_view view(const klp_text &text) noexcept
    {
        return {text.data, text.size};
    }

    const klp_api *api_;
    klp_roster *given_;
};

} // namespace kraty

#endif
