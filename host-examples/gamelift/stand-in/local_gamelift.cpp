/* SPDX-License-Identifier: Apache-2.0
 *
 * Plays GameLift to the process that it is linked into, from a script: the file that $GAMELIFT_STAND_IN_SCRIPT names,
 * or stdin where that is "-". A line of it is one JSON document, and they come in their order:
 *
 *     {"start": {"GameSessionId": "gs-1", "MaximumPlayerSessionCount": 4, "MatchmakerData": "{\"matchId\": …"}}
 *     {"update": {"UpdateReason": "MATCHMAKING_DATA_UPDATED", "BackfillTicketId": "t-1", "GameSession": {…}}}
 *     {"health": {}}
 *     {"terminate": {}}
 *
 * What follows a start waits until the session was activated, as GameLift does, or until a minute has passed. The end
 * of the script is a terminate. What the process calls is told on stderr. */
#include <aws/gamelift/server/GameLiftServerAPI.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <jansson.h>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

using namespace Aws::GameLift;
using namespace Aws::GameLift::Server::Model;

static constexpr std::chrono::seconds ACTIVATION_LIMIT{60};

/* ─── Its state ──────────────────────────────────────────────────────────────────────────────────── */

/* As the SDK's: there is one, from InitSDK() to Destroy(). */
class Aws::GameLift::Internal::GameLiftServerState
{
  public:
    int script = -1, end = -1;             /* descriptors: what is read, and what says that it is not any more */
    Server::ProcessParameters process;     /* set before the player begins */
    std::thread player;                    /* of the script */
    std::mutex guard;                      /* of what follows */
    std::condition_variable has_activated; /* … or is to end */
    bool is_ready = false, is_active = false, is_ending = false;
    std::string session_id;
};

using local_state = Internal::GameLiftServerState;

static std::mutex instance_guard;
static local_state *instance;

/* One write, one line, whichever thread. */
static void tell(const std::string &line)
{
    std::fputs(("stand-in: " + line + '\n').c_str(), stderr);
}

/* ─── A step of the script ───────────────────────────────────────────────────────────────────────── */

static std::string text_of(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);
    return json_is_string(text) ? std::string(json_string_value(text), json_string_length(text)) : std::string();
}

static GameSession session_of(const json_t *described)
{
    GameSession session;
    session.SetGameSessionId(text_of(described, "GameSessionId"));
    session.SetMaximumPlayerSessionCount(
        static_cast<int>(json_integer_value(json_object_get(described, "MaximumPlayerSessionCount"))));
    session.SetMatchmakerData(text_of(described, "MatchmakerData"));
    return session;
}

static UpdateReason reason_of(const std::string &name)
{
    return name == "MATCHMAKING_DATA_UPDATED" ? UpdateReason::MATCHMAKING_DATA_UPDATED
           : name == "BACKFILL_FAILED"        ? UpdateReason::BACKFILL_FAILED
           : name == "BACKFILL_TIMED_OUT"     ? UpdateReason::BACKFILL_TIMED_OUT
           : name == "BACKFILL_CANCELLED"     ? UpdateReason::BACKFILL_CANCELLED
                                              : UpdateReason::UNKNOWN;
}

/* On a detached thread, and only between ProcessReady() and ProcessEnding(), as the SDK does. The guard is held. */
template <typename callback> static void call(const local_state &state, callback &&body)
{
    if (state.is_ready)
        std::thread(std::forward<callback>(body)).detach();
}

static void play_start(local_state &state, const json_t *described)
{
    const GameSession session = session_of(described);
    std::unique_lock<std::mutex> lock(state.guard);

    state.session_id = session.GetGameSessionId();
    state.is_active = false;
    call(state, [start = state.process.getOnStartGameSession(), session] { start(session); });
    if (!state.has_activated.wait_for(lock, ACTIVATION_LIMIT, [&] { return state.is_active || state.is_ending; }))
        tell(state.session_id + " was not activated in time");
}

static void play_update(local_state &state, const json_t *described)
{
    const UpdateGameSession session(session_of(json_object_get(described, "GameSession")),
                                    reason_of(text_of(described, "UpdateReason")),
                                    text_of(described, "BackfillTicketId"));
    const std::lock_guard<std::mutex> lock(state.guard);

    call(state, [update = state.process.getOnUpdateGameSession(), session] { update(session); });
}

static void play_health(local_state &state)
{
    const std::lock_guard<std::mutex> lock(state.guard);

    call(state, [is_healthy = state.process.getOnHealthCheck()] {
        tell(is_healthy() ? "onHealthCheck said yes" : "onHealthCheck said no");
    });
}

static void play_terminate(local_state &state)
{
    const std::lock_guard<std::mutex> lock(state.guard);

    call(state, state.process.getOnProcessTerminate());
}

/* False: it was the last one. */
static bool play_line(local_state &state, const std::string &line)
{
    json_error_t error;
    json_t *step = json_loadb(line.data(), line.size(), 0, &error);
    const json_t *start = json_object_get(step, "start"), *update = json_object_get(step, "update"),
                 *terminate = json_object_get(step, "terminate");

    if (start)
        play_start(state, start);
    else if (update)
        play_update(state, update);
    else if (json_object_get(step, "health"))
        play_health(state);
    else if (terminate)
        play_terminate(state);
    else
        tell("no step: " + (step ? line : error.text));
    json_decref(step);
    return !terminate;
}

/* ─── The script ─────────────────────────────────────────────────────────────────────────────────── */

/* False: it is at its end, or the state is. */
static bool read_more(const local_state &state, std::string &unread)
{
    pollfd ready[] = {{state.script, POLLIN, 0}, {state.end, POLLIN, 0}};
    char bytes[65536];

    while (poll(ready, 2, -1) < 0 && errno == EINTR)
        ;
    if (ready[1].revents)
        return false;
    const ssize_t size = read(state.script, bytes, sizeof bytes);
    unread.append(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
    return size > 0;
}

/* On a thread of its own, as what listens to GameLift is in the SDK. */
static void play_script(local_state &state)
{
    std::string unread;
    std::size_t end;

    do
        while ((end = unread.find('\n')) != std::string::npos) {
            const std::string line = unread.substr(0, end);
            unread.erase(0, end + 1);
            if (!line.empty() && !play_line(state, line))
                return;
        }
    while (read_more(state, unread));
    if (unread.empty() || play_line(state, unread)) /* the last line had no end */
        play_terminate(state);
}

/* ─── The calls ──────────────────────────────────────────────────────────────────────────────────── */

static GameLiftError error_of(GAMELIFT_ERROR_TYPE type, const char *name, const std::string &message)
{
    return {type, name, message};
}

static GameLiftError not_initialized()
{
    return error_of(GAMELIFT_ERROR_TYPE::GAMELIFT_SERVER_NOT_INITIALIZED, "GameLift server not initialized.",
                    "InitSDK() comes first");
}

Server::InitSDKOutcome Server::InitSDK()
{
    const std::lock_guard<std::mutex> lock(instance_guard);
    const char *path = std::getenv("GAMELIFT_STAND_IN_SCRIPT");

    if (instance)
        return error_of(GAMELIFT_ERROR_TYPE::ALREADY_INITIALIZED, "Already initialized", "InitSDK() was called before");
    if (!path || !*path)
        return error_of(GAMELIFT_ERROR_TYPE::BAD_REQUEST_EXCEPTION, "Bad request",
                        "GAMELIFT_STAND_IN_SCRIPT names no script: no GameLift here, but its stand-in");
    const int script =
        std::strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    const int end = script < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
    if (end < 0) {
        const std::string why = std::strerror(errno);
        if (script >= 0)
            close(script);
        return error_of(GAMELIFT_ERROR_TYPE::BAD_REQUEST_EXCEPTION, "Bad request", path + (": " + why));
    }
    instance = new local_state;
    instance->script = script;
    instance->end = end;
    return instance;
}

GenericOutcome Server::ProcessReady(const ProcessParameters &processParameters)
{
    const std::lock_guard<std::mutex> lock(instance_guard);

    if (!instance)
        return not_initialized();
    tell("ProcessReady, port " + std::to_string(processParameters.getPort()));
    instance->process = processParameters;
    instance->is_ready = true; /* nobody looks yet */
    instance->player = std::thread(play_script, std::ref(*instance));
    return nullptr;
}

GenericOutcome Server::ActivateGameSession()
{
    const std::lock_guard<std::mutex> lock(instance_guard);

    if (!instance)
        return not_initialized();
    const std::lock_guard<std::mutex> state_lock(instance->guard);
    if (!instance->is_ready)
        return error_of(GAMELIFT_ERROR_TYPE::PROCESS_NOT_READY, "Process not ready", "ProcessReady() comes first");
    tell("ActivateGameSession " + instance->session_id);
    instance->is_active = true;
    instance->has_activated.notify_all();
    return nullptr;
}

GenericOutcome Server::ProcessEnding()
{
    const std::lock_guard<std::mutex> lock(instance_guard);

    if (!instance)
        return not_initialized();
    const std::lock_guard<std::mutex> state_lock(instance->guard);
    tell("ProcessEnding");
    instance->is_ready = false;
    return nullptr;
}

GenericOutcome Server::Destroy()
{
    const std::lock_guard<std::mutex> lock(instance_guard);

    if (!instance)
        return not_initialized();
    {
        const std::lock_guard<std::mutex> state_lock(instance->guard);
        instance->is_ending = true;
        instance->has_activated.notify_all();
    }
    eventfd_write(instance->end, 1);
    if (instance->player.joinable())
        instance->player.join();
    close(instance->script);
    close(instance->end);
    delete instance;
    instance = nullptr;
    return nullptr;
}
