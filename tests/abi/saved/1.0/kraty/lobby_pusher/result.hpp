/* SPDX-License-Identifier: Apache-2.0
 *
 * How a call ended: kraty::result, in the place of exceptions. Part of <kraty/lobby_pusher.hpp>. */
#ifndef KRATY_LOBBY_PUSHER_RESULT_HPP
#define KRATY_LOBBY_PUSHER_RESULT_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../lobby_pusher.h"

namespace kraty
{

/* What every result has: whether the call succeeded, its klp_status, and a sentence that says why it failed. A value,
 * which holds its sentence itself: no call that comes after changes it. One thread at a time, as any value. */
class ending
{
  public:
    /* A sentence beyond its room is cut at a character. */
    explicit ending(klp_status status = KLP_OK, std::string_view why = {}) noexcept : status_(status)
    {
        std::size_t size = why.size() < sizeof why_ ? why.size() : sizeof why_ - 1;
        while (size < why.size() && size > 0 && (static_cast<unsigned char>(why[size]) & 0xC0u) == 0x80u)
            size--;
        say(why.data(), size);
    }

    ending(const ending &other) noexcept : status_(other.status_)
    {
        say(other.why_, other.size_);
    }

    ending &operator=(const ending &other) noexcept
    {
        if (this != &other) {
            status_ = other.status_;
            say(other.why_, other.size_);
        }
        return *this;
    }

    ~ending() = default;

    /* Whether it is KLP_OK. */
    explicit operator bool() const noexcept
    {
        return status_ == KLP_OK;
    }

    klp_status status() const noexcept
    {
        return status_;
    }

    /* One clear sentence, or the status' name where the library has none. Never NULL, "" after a success, never a
     * secret; it lives as long as this result. */
    const char *why() const noexcept
    {
        return why_;
    }

  private:
    /* Only what is in use is copied: what a success costs is one byte. */
    void say(const char *why, std::size_t size) noexcept
    {
        if (size > 0)
            std::memcpy(why_, why, size);
        why_[size] = '\0';
        size_ = static_cast<std::uint32_t>(size);
    }

    klp_status status_;
    std::uint32_t size_;
    char why_[512]; /* as long as the library's own sentences get */
};

/* What a call returned, or why it did not:
 *
 *     auto pushed = pusher.push(lobby);
 *     if (!pushed)
 *         warn(pushed.why());
 *
 * `*result` and `result->` are legal after a success, and where a function says so. */
template <typename value> class result : public ending
{
  public:
    result(value &&is) noexcept : value_(std::move(is))
    {
    }

    result(klp_status status, std::string_view why) noexcept : ending(status, why)
    {
    }

    /* A failure may have a value nevertheless. */
    result(klp_status status, std::string_view why, value &&is) noexcept : ending(status, why), value_(std::move(is))
    {
    }

    value &operator*() &noexcept
    {
        return *value_;
    }

    const value &operator*() const &noexcept
    {
        return *value_;
    }

    value &&operator*() &&noexcept
    {
        return std::move(*value_);
    }

    value *operator->() noexcept
    {
        return &*value_;
    }

    const value *operator->() const noexcept
    {
        return &*value_;
    }

  private:
    std::optional<value> value_;
};

/* Whether a call succeeded that has nothing to return. */
template <> class result<void> : public ending
{
  public:
    using ending::ending;

    /* For `return pusher.stop(…)` out of main(), where 0 is a success: becomes that type and none that it converts to,
     * so that no success is taken for false. */
    template <typename number, std::enable_if_t<std::is_same_v<number, klp_status>, std::nullptr_t> = nullptr>
    operator number() const noexcept
    {
        return status();
    }
};

namespace detail
{

/* Where a call says why: on the stack, so that it allocates nothing and no other call writes over it. */
struct reason {
    char bytes[512];
    klp_text_buffer buffer;

    reason() noexcept : buffer{bytes, sizeof bytes, 0}
    {
        bytes[0] = '\0';
    }
    reason(const reason &) = delete;
    reason &operator=(const reason &) = delete;

    std::string_view view() const noexcept
    {
        return {buffer.data, buffer.size};
    }
};

} // namespace detail

} // namespace kraty
#endif
