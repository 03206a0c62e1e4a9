/* SPDX-License-Identifier: Apache-2.0
 *
 * game-tick NAME [OUTBOX]: a game server that pushes the lobby of each session, and hears what became of it, within its
 * own tick: one thread, nothing that waits, no exceptions, no RTTI. Sessions come on stdin, a line each (the match,
 * then its players); the end of stdin is the end of the server. A verdict is safe here when it is written to stdout;
 * one that is not is kept, and with an OUTBOX (a directory; NAME is then the same after a restart) it is told to the
 * next process.
 *
 *     printf 'match-123 alice bob\n' | KRATY_SERVER_KEY=… game-tick eu-1 /var/lib/game/kraty */
#include <kraty/lobby_pusher.hpp>

#include <chrono>
#include <cstdio>
#include <poll.h>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

struct Session {
    std::string id;
    std::vector<std::string> players;
    std::uint32_t max_players = 8;

    explicit operator bool() const
    {
        return !id.empty();
    }
};

static bool is_running = true;

static void log_warning(const char *why)
{
    std::fprintf(stderr, "game-tick: %s\n", why);
}

/* Whatever comes within a tick of 16 ms, a line at a time. */
static void next_session(Session &session)
{
    static std::string heard;
    char bytes[4096];
    pollfd input = {STDIN_FILENO, POLLIN, 0};

    if (heard.find('\n') == std::string::npos && poll(&input, 1, 16) == 1) {
        const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
        is_running = size > 0;
        heard.append(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    const std::size_t end = heard.find('\n');
    if (end == std::string::npos)
        return;
    std::istringstream line(heard.substr(0, end));
    heard.erase(0, end + 1);
    line >> session.id;
    for (std::string player; line >> player;)
        session.players.push_back(player);
}

static bool store(std::string_view key, const char *outcome)
{
    return std::printf("%.*s %s\n", static_cast<int>(key.size()), key.data(), outcome) > 0 && std::fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    kraty::config config; /* the API key comes from KRATY_SERVER_KEY */
    config.name = argc > 1 ? argv[1] : nullptr;
    config.game_id = "game_1";
    config.outbox_dir = argc > 2 ? argv[2] : nullptr;
    auto opened = kraty::pusher::open(config);
    if (!opened)
        return log_warning(opened.why()), 1;
    kraty::pusher &pusher = *opened;

    /* called on this thread, within poll() */
    auto on_verdict = [](const kraty::event &event) {
        return store(event.key(), event.outcome_text()) ? kraty::verdict::ack : kraty::verdict::keep;
    };
    while (is_running) {
        if (Session session; next_session(session), session) {
            kraty::lobby lobby{"quick_brawl", session.id, session.players};
            lobby.capacity = session.max_players;
            if (auto pushed = pusher.push(lobby); !pushed) /* copies it all, waits for nothing */
                log_warning(pushed.why());
        }
        pusher.poll(on_verdict, 32); /* at most 32, never waits */
    }
    return pusher.stop(5s, on_verdict); /* tells what is left, too */
}
