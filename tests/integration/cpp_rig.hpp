/* SPDX-License-Identifier: Apache-2.0
 *
 * A pusher of the C++ header before a real sandbox, for a test: rig.h with a kraty::pusher in the place of the C one.
 * What cannot be done fails the running cmocka test with a reason. */
#ifndef CPP_RIG_HPP
#define CPP_RIG_HPP

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <kraty/lobby_pusher.hpp>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "rig.h"
}

/* What takes longer hangs. */
inline kraty::timeout long_enough()
{
    return std::chrono::seconds(is_slowed() ? 40 : 10);
}

inline const struct rig *rig_of(void **state)
{
    return static_cast<const struct rig *>(*state);
}

/* As rig_config(); points into the rig. */
inline kraty::config cpp_config(const struct rig *rig)
{
    kraty::config config;
    config.name = "rig";
    config.base_url = sandbox_url(rig->sandbox);
    config.api_key = SANDBOX_KEY;
    config.game_id = "game_1";
    config.max_attempts = 1;
    config.session_grace_ms = KLP_GRACE_NONE;
    return config;
}

inline kraty::pusher cpp_open(const kraty::config &config)
{
    static const kraty::result<kraty::library> library = kraty::library::load(rig_library());
    if (!library)
        fail_msg("load: %s", library.why());
    auto opened = kraty::pusher::open(config, *library);
    if (!opened)
        fail_msg("open: %s", opened.why());
    return *std::move(opened);
}

inline kraty::pusher cpp_open(const struct rig *rig)
{
    return cpp_open(cpp_config(rig));
}

/* A push of alice and bob to quick_brawl. */
inline klp_ticket cpp_push(kraty::pusher &pusher, std::string_view key)
{
    static const kraty::text players[] = {"alice", "bob"};
    const auto pushed = pusher.push({"quick_brawl", key, players});
    if (!pushed)
        fail_msg("push: %s", pushed.why());
    return *pushed;
}

inline kraty::event cpp_take(kraty::pusher &pusher)
{
    auto taken = pusher.next_event(long_enough());
    if (!taken)
        fail_msg("next_event: %s", taken.why());
    return *std::move(taken);
}

#define assert_view(view, expected) assert_string_equal(std::string(view).c_str(), expected)

/* A folder of its own, which goes with all that is in it. */
class folder
{
  public:
    folder()
    {
        char name[] = "/tmp/cpp-outbox-XXXXXX";
        assert_non_null(mkdtemp(name));
        path_ = name;
    }
    folder(const folder &) = delete;
    folder &operator=(const folder &) = delete;
    ~folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string &path() const
    {
        return path_;
    }

  private:
    std::string path_;
};

#endif
