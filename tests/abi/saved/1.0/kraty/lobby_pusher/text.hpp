/* SPDX-License-Identifier: Apache-2.0
 *
 * Text as it goes in: kraty::text and kraty::texts point at characters that the host holds, and own nothing. Part of
 * <kraty/lobby_pusher.hpp>. */
#ifndef KRATY_LOBBY_PUSHER_TEXT_HPP
#define KRATY_LOBBY_PUSHER_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../lobby_pusher.h"

namespace kraty
{

namespace detail
{

template <typename type> using bare = std::remove_cv_t<std::remove_reference_t<type>>;

template <typename type, typename = void> struct has_characters : std::false_type {
};
template <typename type>
struct has_characters<type, std::void_t<decltype(std::declval<const type &>().data()),
                                        decltype(static_cast<std::size_t>(std::declval<const type &>().size()))>>
    : std::is_convertible<decltype(std::declval<const type &>().data()), const char *> {
};

template <typename type>
inline constexpr bool is_text =
    std::is_base_of_v<klp_text, bare<type>> || std::is_convertible_v<const bare<type> &, const char *> ||
    std::is_convertible_v<const bare<type> &, std::string_view> || has_characters<bare<type>>::value;

/* Whether the characters outlive the expression that names them, as far as a type can say. */
template <typename type>
inline constexpr bool is_lasting =
    std::is_lvalue_reference_v<type> || std::is_base_of_v<klp_text, bare<type>> || std::is_pointer_v<bare<type>> ||
    std::is_null_pointer_v<bare<type>> || std::is_same_v<bare<type>, std::string_view>;

template <typename type> klp_text to_text(const type &source) noexcept
{
    if constexpr (std::is_base_of_v<klp_text, type>) {
        return source;
    } else if constexpr (std::is_convertible_v<const type &, const char *>) {
        return klp_cstr(source);
    } else if constexpr (std::is_convertible_v<const type &, std::string_view>) {
        const std::string_view view = source;
        return {view.data(), view.size()};
    } else {
        return {source.data(), static_cast<std::size_t>(source.size())};
    }
}

inline std::string_view to_view(klp_text told) noexcept
{
    return {told.data, told.size};
}

} // namespace detail

/* One text of the host's: a klp_text that is made of a literal, a char pointer (NULL: not given), a std::string, a
 * std::string_view, another klp_text, or anything whose data() and size() are characters. UTF-8.
 *
 * It points at the characters of what it was made of, which have to stay until the call that it is handed to has
 * returned: nothing keeps it after that. A temporary that owns its characters is refused when it is compiled. */
struct text : klp_text {
    constexpr text() noexcept : klp_text{nullptr, 0}
    {
    }

    template <typename string,
              std::enable_if_t<detail::is_text<string> && detail::is_lasting<string &&>, std::nullptr_t> = nullptr>
    text(string &&source) noexcept : klp_text(detail::to_text<detail::bare<string>>(source))
    {
    }

    /* Its characters would be gone before the call: give the temporary a name. */
    template <typename string,
              std::enable_if_t<detail::is_text<string> && !detail::is_lasting<string &&>, std::nullptr_t> = nullptr>
    text(string &&) = delete;

    constexpr std::string_view view() const noexcept
    {
        return {data, size};
    }
};

/* An array of one is an array of the other, which is how a run of them goes to the library as it is. */
static_assert(sizeof(text) == sizeof(klp_text) && std::is_standard_layout_v<text> &&
              std::is_trivially_copyable_v<text>);

/* A run of texts of the host's, such as a roster: any contiguous range (std::vector, std::array, std::span, an array,
 * …) of what a text can be made of, or a pointer and a count.
 *
 * It points at them, as a text does; a temporary range is refused when it is compiled. */
class texts
{
  public:
    constexpr texts() noexcept = default;

    template <typename string, std::enable_if_t<detail::is_text<string>, std::nullptr_t> = nullptr>
    texts(const string *first, std::size_t count) noexcept : first_(first), size_(count)
    {
        if constexpr (!std::is_base_of_v<klp_text, string>)
            at_ = one<string>;
        else
            static_assert(sizeof(string) == sizeof(klp_text), "more than a klp_text: an array of it is none of those");
    }

    template <typename range, std::enable_if_t<detail::is_text<decltype(*std::data(std::declval<const range &>()))>,
                                               std::nullptr_t> = nullptr>
    texts(const range &source) noexcept : texts(std::data(source), std::size(source))
    {
    }

    /* Its texts would be gone before the call: give the temporary a name. */
    template <typename range, std::enable_if_t<detail::is_text<decltype(*std::data(std::declval<const range &>()))>,
                                               std::nullptr_t> = nullptr>
    texts(const range &&) = delete;

    std::size_t size() const noexcept
    {
        return size_;
    }

    klp_text operator[](std::size_t index) const noexcept
    {
        return at_ ? at_(first_, index) : static_cast<const klp_text *>(first_)[index];
    }

    /* The run itself where it consists of klp_texts, else NULL. */
    const klp_text *raw() const noexcept
    {
        return at_ ? nullptr : static_cast<const klp_text *>(first_);
    }

    bool is_raw() const noexcept
    {
        return !at_;
    }

  private:
    template <typename string> static klp_text one(const void *first, std::size_t index) noexcept
    {
        return detail::to_text<string>(static_cast<const string *>(first)[index]);
    }

    const void *first_ = nullptr;
    std::size_t size_ = 0;
    klp_text (*at_)(const void *first, std::size_t index) noexcept = nullptr;
};

namespace detail
{

/* A frame of its own: a roster of four does not pay, in stack, for one of ten thousand. */
template <std::size_t room, typename body>
[[gnu::noinline]] klp_status hand_over_copies(const texts &given, body &hand_over) noexcept
{
    klp_text list[room];
    for (std::size_t i = 0; i < given.size(); i++)
        list[i] = given[i];
    return hand_over(static_cast<const klp_text *>(list));
}

/* Calls hand_over(const klp_text *) with at most `bound` texts, of which it allocates none: klp_texts go as they are,
 * others as copies on the stack. Beyond `bound`: KLP_E_INVALID_ARGUMENT, and it is not called. The library would
 * refuse them itself, but one that is newer than this header may know a higher bound, and read on. */
template <std::size_t bound, typename body> klp_status hand_over_texts(const texts &given, body hand_over) noexcept
{
    constexpr std::size_t few = bound < 64 ? bound : 64, many = bound < 1024 ? bound : 1024;

    if (given.is_raw())
        return hand_over(given.raw());
    if (given.size() <= few)
        return hand_over_copies<few>(given, hand_over);
    if (given.size() <= many)
        return hand_over_copies<many>(given, hand_over);
    return given.size() <= bound ? hand_over_copies<bound>(given, hand_over) : KLP_E_INVALID_ARGUMENT;
}

} // namespace detail

} // namespace kraty
#endif
