/* SPDX-License-Identifier: Apache-2.0
 *
 * steam NAME [OUTBOX]: a dedicated game server whose matches come out of Steam lobbies. A server cannot ask Steam who
 * is in a lobby: the client of the lobby's owner tells it (client/lobby_snapshot.cpp), and the server pushes that, for
 * a client must not have the API key. Messages of clients come on stdin, a line each: the sender's SteamID64, as this
 * server's connection knows it and not as the client says, then its snapshot. The end of stdin, or SIGTERM, is the end
 * of the server. Verdicts go to stdout; one that could not be written is kept, and with an OUTBOX (a directory; NAME is
 * then the same after a restart) it is told to the next process. */
#include <kraty/lobby_pusher.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <jansson.h>
#include <poll.h>
#include <string>
#include <unistd.h>

using namespace std::chrono_literals;

static constexpr std::size_t max_message_bytes = 65536; /* a lobby has 250 members at most, of 20 bytes each */

static volatile std::sig_atomic_t is_ended;

static void warn(const std::string &sender, const std::string &why)
{
    std::fprintf(stderr, "steam: from %s: %s\n", sender.c_str(), why.c_str());
}

/* What the library does not read of a snapshot: for it the owner is a member like others. */
static std::string owner_of(std::string_view snapshot)
{
    json_t *object = json_loadb(snapshot.data(), snapshot.size(), 0, nullptr);
    const char *text = json_string_value(json_object_get(object, "owner"));
    std::string owner = text ? text : "";
    json_decref(object);
    return owner;
}

/* As CSteamID::IsLobby(): a chat, by its type, that has the flag of lobbies. */
static bool is_lobby(const std::string &key)
{
    const unsigned long long id = std::strtoull(key.c_str(), nullptr, 10);
    return (id >> 52 & 0xF) == 8 && (id >> 32 & 0x40000) != 0;
}

static bool has_player(const kraty::roster &roster, std::string_view player)
{
    for (std::size_t i = 0; i < roster.player_count(); i++)
        if (roster.player_id(i) == player)
            return true;
    return false;
}

/* Who sent it is in the cookie of its verdict, also after a restart. */
static void on_snapshot(kraty::pusher &pusher, const std::string &sender, std::string_view snapshot)
{
    static const klp_text data_keys[] = {KLP_LIT("map"), KLP_LIT("mode")}; /* which go into the lobby's metadata */
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    options.event_key = klp_cstr("quick_brawl");
    options.attributes = data_keys;
    options.attribute_count = 2;
    options.cookie = std::strtoull(sender.c_str(), nullptr, 10);

    /* SteamID64s as text, of persons, each once, not more than the limit: that is the library's to check */
    auto roster = pusher.of().parse_roster(KLP_FORMAT_STEAM_LOBBY, snapshot, options);
    if (!roster)
        return warn(sender, roster.why());
    const std::string lobby(roster->key()), owner = owner_of(snapshot);
    if (!is_lobby(lobby))
        return warn(sender, lobby + " is not a lobby");
    if (!has_player(*roster, owner))
        return warn(sender, "the owner of lobby " + lobby + " is none of its members");
    if (owner != sender)
        return warn(sender, "the owner of lobby " + lobby + " is " + owner);

    /* Of one lobby the first push stands: the same again is replayed, another roster is a conflict, told as such. */
    if (auto pushed = pusher.push_document(KLP_FORMAT_STEAM_LOBBY, snapshot, options); !pushed)
        warn(sender, pushed.why());
}

/* What comes within a tick of 16 ms, a message at a time. In a game: your own connections to the clients. */
static bool next_message(std::string &message)
{
    static std::string heard;
    static bool is_skipping; /* the rest of a message that is too long */
    char bytes[4096];
    pollfd input = {STDIN_FILENO, POLLIN, 0};

    if (heard.find('\n') == std::string::npos && poll(&input, 1, 16) == 1) {
        const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
        if (size > 0)
            heard.append(bytes, static_cast<std::size_t>(size));
        else if (heard.empty())
            is_ended = 1;
        else
            heard += '\n'; /* the last one came without */
    }
    const std::size_t end = heard.find('\n');
    if (end == std::string::npos && heard.size() <= max_message_bytes)
        return false;
    message = heard.substr(0, end);
    heard.erase(0, end == std::string::npos ? end : end + 1);
    const bool is_whole = !is_skipping && end != std::string::npos;
    if (end == std::string::npos && !is_skipping)
        std::fprintf(stderr, "steam: a message is too long\n");
    is_skipping = end == std::string::npos;
    return is_whole;
}

static void on_message(kraty::pusher &pusher, const std::string &message)
{
    const std::size_t space = message.find(' ');
    const std::string sender = message.substr(0, space);
    if (space == std::string::npos || space < 1 || space > 20 ||
        sender.find_first_not_of("0123456789") != std::string::npos)
        std::fprintf(stderr, "steam: a message without a sender\n");
    else
        on_snapshot(pusher, sender, std::string_view(message).substr(space + 1));
}

/* Called on this thread, within poll() and stop(). */
static kraty::verdict on_verdict(const kraty::event &event)
{
    std::printf("%s %s%s%s from %llu%s\n", event.key().data(), event.outcome_text(), event.ok() ? "" : " ",
                event.error_code().data(), static_cast<unsigned long long>(event.cookie()),
                event.replayed() ? ", replayed"
                : event.joined() ? ", joined"
                                 : "");
    return std::fflush(stdout) == 0 ? kraty::verdict::ack : kraty::verdict::keep;
}

int main(int argc, char **argv)
{
    const auto end = [](int) { is_ended = 1; };
    std::signal(SIGINT, end);
    std::signal(SIGTERM, end);
    std::signal(SIGPIPE, SIG_IGN);

    kraty::config config; /* the API key comes from KRATY_SERVER_KEY */
    config.name = argc > 1 ? argv[1] : nullptr;
    config.game_id = "game_1";
    config.outbox_dir = argc > 2 ? argv[2] : nullptr;
    auto opened = kraty::pusher::open(config);
    if (!opened)
        return std::fprintf(stderr, "steam: %s\n", opened.why()), 1;
    kraty::pusher &pusher = *opened;

    while (!is_ended) {
        if (std::string message; next_message(message))
            on_message(pusher, message);
        pusher.poll(on_verdict, 32); /* at most 32, never waits */
    }
    return pusher.stop(5s, on_verdict); /* tells what is left, too */
}
