/* SPDX-License-Identifier: Apache-2.0
 *
 * gamelift: a game server on Amazon GameLift. It pushes the roster of its match to Kraty, and hears what became of it,
 * while players are already in: nothing in here waits for Kraty. `gamelift --help` has its options.
 *
 * GameLift calls back on threads of its own, at any time, also two at once; they only push, which any thread may. All
 * else is done by one thread, in the tick of the game. */
#include "options.hpp"
#include "results_socket.hpp"

#include <aws/gamelift/server/GameLiftServerAPI.h>
#include <kraty/lobby_pusher.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <poll.h>
#include <string>

namespace gamelift = Aws::GameLift::Server;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

static constexpr auto UNHEALTHY_AFTER = 10s; /* without a tick */
static constexpr int TICK_MS = 16;

/* Why a roster is pushed: its cookie, which the verdict gives back. */
enum : std::uint64_t { MADE = 1, BACKFILLED = 2 };

static std::atomic<bool> is_ending{false};

/* What the callbacks reach. Each holds a share of it, since nobody can join their threads: one of them may still be at
 * work when main() ends. */
struct game {
    kraty::pusher pusher;
    const std::string event_key;
    std::atomic<int> callbacks{0}; /* at work now */
    std::atomic<steady_clock::time_point> last_tick{steady_clock::now()};

    game(kraty::pusher &&opened, const char *event) : pusher(std::move(opened)), event_key(event)
    {
    }
};

/* One line, from whatever thread. False: stdout takes no more. */
static bool say(const std::string &line)
{
    return std::fputs((line + '\n').c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

/* ─── GameLift's callbacks, on threads of GameLift's ─────────────────────────────────────────────── */

/* The match's id becomes the lobby's key, its players the roster, the room of the session the capacity. */
static void push_roster(game &game, const std::string &session_id, const std::string &matchmaker_data, int max_players,
                        std::uint64_t cookie)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    options.event_key = klp_cstr(game.event_key.c_str());
    options.capacity = max_players > 0 ? static_cast<std::uint32_t>(max_players) : 0;
    options.cookie = cookie;
    auto pushed = game.pusher.push_document(KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA, matchmaker_data, options);
    if (pushed) /* copied, and on its way */
        say("session " + session_id + ": its roster is on its way, as ticket " + std::to_string(*pushed));
    else /* made without FlexMatch, cut by the SDK, …: the game goes on without Kraty */
        say("session " + session_id + ": no roster to push: " + pushed.why());
}

static void on_start_game_session(game &game, const gamelift::Model::GameSession &session)
{
    const std::string &id = session.GetGameSessionId();

    game.callbacks++;
    push_roster(game, id, session.GetMatchmakerData(), session.GetMaximumPlayerSessionCount(), MADE);
    const auto activated = gamelift::ActivateGameSession();
    if (activated.IsSuccess())
        say("session " + id + ": activated");
    else
        say("session " + id + ": not activated: " + activated.GetError().GetErrorMessage());
    game.callbacks--;
}

static void on_update_game_session(game &game, const gamelift::Model::UpdateGameSession &update)
{
    if (update.GetUpdateReason() != gamelift::Model::UpdateReason::MATCHMAKING_DATA_UPDATED)
        return; /* a backfill that failed, timed out or was cancelled: the roster is what it was */
    const auto session = update.GetGameSession();
    const std::string &id = session.GetGameSessionId();

    game.callbacks++;
    push_roster(game, id, session.GetMatchmakerData(), session.GetMaximumPlayerSessionCount(), BACKFILLED);
    game.callbacks--;
}

static gamelift::ProcessParameters process_parameters(const std::shared_ptr<game> &game, int port)
{
    return {[game](const gamelift::Model::GameSession &session) { on_start_game_session(*game, session); },
            [game](const gamelift::Model::UpdateGameSession &update) { on_update_game_session(*game, update); },
            [] { is_ending = true; },
            /* the game's own health: players do not mind when Kraty is away */
            [game] { return steady_clock::now() - game->last_tick.load() < UNHEALTHY_AFTER; }, port,
            gamelift::LogParameters()};
}

/* ─── Verdicts, on the game's thread ─────────────────────────────────────────────────────────────── */

class verdicts
{
  public:
    /* False: it is not safe with us, and to be told again. */
    bool store(const kraty::event &event)
    {
        std::uint64_t &last = last_seq_[std::string(event.pusher()).append(1, '\n').append(event.epoch())];
        if (event.seq() <= last)
            return true; /* every event comes at least once, and this one came before */
        if (!tell(event))
            return false;
        last = event.seq();
        return true;
    }

  private:
    static bool tell(const kraty::event &event)
    {
        const std::string key(event.key());
        std::string line = key + ": " + event.outcome_text() + ' ';

        line += event.ok() ? event.lobby_id() : event.error_code();
        line += event.replayed() ? " replayed" : event.joined() ? " joined" : "";
        line += event.recovered() ? " recovered" : "";
        if (event.has_code(KLP_CODE_IDEMPOTENCY_CONFLICT)) {
            line += '\n' + key + ": Kraty has this match with the roster that was pushed first, and that one stands";
            line += event.cookie() == BACKFILLED ? ": who came by backfill plays, and is not in the lobby" : "";
        }
        return say(line);
    }

    /* By pusher and epoch: with an outbox some may be of processes that died. */
    std::map<std::string, std::uint64_t> last_seq_;
};

static void tick(game &game, results_socket &results, verdicts &verdicts)
{
    pollfd heard = {results.descriptor(), POLLIN, 0};

    game.last_tick = steady_clock::now();
    poll(&heard, 1, TICK_MS); /* here the game would play */
    results.hear(game.pusher.of(), [&](const kraty::event &event) { return verdicts.store(event); });
}

/* One thread cannot wait in stop() and hear: so first all verdicts, and then what nobody acknowledged. */
static void drain(game &game, results_socket &results, verdicts &verdicts, std::uint32_t drain_ms)
{
    const auto until = steady_clock::now() + std::chrono::milliseconds(drain_ms);

    while ((game.callbacks > 0 || !game.pusher.flush(0ms)) && steady_clock::now() < until)
        tick(game, results, verdicts);
    tick(game, results, verdicts);
    game.pusher.stop(0ms, [&](const kraty::event &event) {
        return verdicts.store(event) ? kraty::verdict::ack : kraty::verdict::keep;
    });
}

/* ─── From start to end ──────────────────────────────────────────────────────────────────────────── */

static int fail(const char *call, const std::string &why)
{
    std::fprintf(stderr, "gamelift: %s: %s\n", call, why.c_str());
    return 1;
}

/* With the SDK: GameLift gives this process a session, and ends it. */
static int serve(const options &options, const std::shared_ptr<game> &game, results_socket &results)
{
    verdicts verdicts;

    if (const auto outcome = gamelift::InitSDK(); !outcome.IsSuccess())
        return fail("InitSDK", outcome.GetError().GetErrorMessage());
    if (const auto outcome = gamelift::ProcessReady(process_parameters(game, options.port)); !outcome.IsSuccess()) {
        gamelift::Destroy();
        return fail("ProcessReady", outcome.GetError().GetErrorMessage());
    }
    while (!is_ending)
        tick(*game, results, verdicts);
    drain(*game, results, verdicts, options.drain_ms);
    const auto ended = gamelift::ProcessEnding();
    gamelift::Destroy();
    return ended.IsSuccess() ? 0 : fail("ProcessEnding", ended.GetError().GetErrorMessage());
}

/* With the wrapper, which has activated the session: it ends with this process. */
static int serve_wrapped(const options &options, game &game, results_socket &results)
{
    verdicts verdicts;

    push_roster(game, options.session_id, options.matchmaker_data, options.max_players, MADE);
    /* here the match would be played, tick by tick */
    drain(game, results, verdicts, options.drain_ms);
    return 0;
}

int main(int argc, char **argv)
{
    options options;
    results_socket results;

    if (!read_options(argc, argv, options))
        return 2;
    if (!results.bind(options.results_url))
        return 1;
    std::signal(SIGPIPE, SIG_IGN);
    for (const int number : {SIGTERM, SIGINT})
        std::signal(number, [](int) { is_ending = true; });

    kraty::config config;
    config.name = options.name;
    config.game_id = options.game_id;
    config.api_key_file = options.api_key_file;
    config.outbox_dir = options.outbox_dir;
    config.results_url = results.url();
    auto opened = kraty::pusher::open(config);
    if (!opened)
        return fail("open", opened.why());
    const auto game = std::make_shared<struct game>(std::move(*opened), options.event_key);
    return options.is_wrapped ? serve_wrapped(options, *game, results) : serve(options, game, results);
}
