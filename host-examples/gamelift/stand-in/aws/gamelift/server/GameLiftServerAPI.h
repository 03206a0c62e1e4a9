/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for the header of this name of Amazon GameLift's server SDK 5 for C++, as it is where that was built with
 * GAMELIFT_USE_STD: the names, signatures and manners of what a host uses of it, written anew, and nothing else. A host
 * that compiles against this one compiles against the SDK's. local_gamelift.cpp, beside it, plays GameLift.
 *
 * Manners that a host has to know, and that are the SDK's own:
 *
 *   onStartGameSession, onUpdateGameSession, onProcessTerminate   each call has a detached thread of its own: two may
 *                        run at once, and one may still run when main() returns. They begin between ProcessReady()
 *                        and ProcessEnding().
 *   onHealthCheck        on another thread, once a minute; an answer that takes longer than a minute is a "no". */
#ifndef GAMELIFT_STAND_IN_SERVER_API_H
#define GAMELIFT_STAND_IN_SERVER_API_H

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace Aws
{
namespace GameLift
{

/* ─── How a call ended ───────────────────────────────────────────────────────────────────────────── */

enum class GAMELIFT_ERROR_TYPE {
    ALREADY_INITIALIZED,
    GAMELIFT_SERVER_NOT_INITIALIZED,
    PROCESS_NOT_READY,
    BAD_REQUEST_EXCEPTION
};

class GameLiftError
{
  public:
    GameLiftError() = default;

    GameLiftError(GAMELIFT_ERROR_TYPE errorType, const std::string &errorName, const std::string &message)
        : m_errorType(errorType), m_errorName(errorName), m_errorMessage(message)
    {
    }

    GAMELIFT_ERROR_TYPE GetErrorType() const
    {
        return m_errorType;
    }
    const std::string &GetErrorName() const
    {
        return m_errorName;
    }
    const std::string &GetErrorMessage() const
    {
        return m_errorMessage;
    }

  private:
    GAMELIFT_ERROR_TYPE m_errorType = GAMELIFT_ERROR_TYPE::BAD_REQUEST_EXCEPTION;
    std::string m_errorName;
    std::string m_errorMessage;
};

template <typename R, typename E> class Outcome
{
  public:
    Outcome(const R &result) : m_result(result), m_isSuccess(true)
    {
    }
    Outcome(const E &error) : m_error(error)
    {
    }

    bool IsSuccess() const
    {
        return m_isSuccess;
    }
    const R &GetResult() const
    {
        return m_result;
    }
    const E &GetError() const
    {
        return m_error;
    }

  private:
    R m_result = R();
    E m_error;
    bool m_isSuccess = false;
};

typedef Outcome<void *, GameLiftError> GenericOutcome;

namespace Internal
{
class GameLiftServerState;
}

namespace Server
{

/* ─── What a callback is told ────────────────────────────────────────────────────────────────────── */

namespace Model
{

class GameSession
{
  public:
    const std::string &GetGameSessionId() const
    {
        return m_gameSessionId;
    }
    void SetGameSessionId(const std::string &value)
    {
        m_gameSessionId = value;
    }

    int GetMaximumPlayerSessionCount() const
    {
        return m_maximumPlayerSessionCount;
    }
    void SetMaximumPlayerSessionCount(int value)
    {
        m_maximumPlayerSessionCount = value;
    }

    /* JSON, or "" where no matchmaker made the session. Builds without GAMELIFT_USE_STD, as Unreal's, cut it at 4096
     * bytes. */
    const std::string &GetMatchmakerData() const
    {
        return m_matchmakerData;
    }
    void SetMatchmakerData(const std::string &value)
    {
        m_matchmakerData = value;
    }

  private:
    std::string m_gameSessionId;
    int m_maximumPlayerSessionCount = 0;
    std::string m_matchmakerData;
};

enum class UpdateReason { MATCHMAKING_DATA_UPDATED, BACKFILL_FAILED, BACKFILL_TIMED_OUT, BACKFILL_CANCELLED, UNKNOWN };

class UpdateGameSession
{
  public:
    UpdateGameSession(const GameSession &gameSession, UpdateReason updateReason, const std::string &backfillTicketId)
        : m_backfillTicketId(backfillTicketId), m_gameSession(gameSession), m_updateReason(updateReason)
    {
    }

    std::string GetBackfillTicketId() const
    {
        return m_backfillTicketId;
    }
    GameSession GetGameSession() const
    {
        return m_gameSession;
    }
    UpdateReason GetUpdateReason() const
    {
        return m_updateReason;
    }

  private:
    std::string m_backfillTicketId;
    GameSession m_gameSession;
    UpdateReason m_updateReason;
};

} // namespace Model

/* ─── What a process says of itself ──────────────────────────────────────────────────────────────── */

class LogParameters
{
  public:
    LogParameters() = default;
    LogParameters(const std::vector<std::string> &logPaths) : m_logPaths(logPaths)
    {
    }

    std::vector<std::string> getLogPaths() const
    {
        return m_logPaths;
    }

  private:
    std::vector<std::string> m_logPaths;
};

class ProcessParameters
{
  public:
    ProcessParameters() = default;

    ProcessParameters(const std::function<void(Model::GameSession)> &onStartGameSession,
                      const std::function<void(Model::UpdateGameSession)> &onUpdateGameSession,
                      const std::function<void()> &onProcessTerminate, const std::function<bool()> &onHealthCheck,
                      int port, const LogParameters &logParameters)
        : m_onStartGameSession(onStartGameSession), m_onUpdateGameSession(onUpdateGameSession),
          m_onProcessTerminate(onProcessTerminate), m_onHealthCheck(onHealthCheck), m_port(port),
          m_logParameters(logParameters)
    {
    }

    std::function<void(Model::GameSession)> getOnStartGameSession() const
    {
        return m_onStartGameSession;
    }
    std::function<void(Model::UpdateGameSession)> getOnUpdateGameSession() const
    {
        return m_onUpdateGameSession;
    }
    std::function<void()> getOnProcessTerminate() const
    {
        return m_onProcessTerminate;
    }
    std::function<bool()> getOnHealthCheck() const
    {
        return m_onHealthCheck;
    }
    int getPort() const
    {
        return m_port;
    }
    LogParameters getLogParameters() const
    {
        return m_logParameters;
    }

  private:
    std::function<void(Model::GameSession)> m_onStartGameSession;
    std::function<void(Model::UpdateGameSession)> m_onUpdateGameSession;
    std::function<void()> m_onProcessTerminate;
    std::function<bool()> m_onHealthCheck;
    int m_port = -1;
    LogParameters m_logParameters;
};

/* ─── The calls, in their order ──────────────────────────────────────────────────────────────────── */

typedef Outcome<Internal::GameLiftServerState *, GameLiftError> InitSDKOutcome;

/* Connects to GameLift, as the environment says ($GAMELIFT_SDK_WEBSOCKET_URL, …; here $GAMELIFT_STAND_IN_SCRIPT). */
InitSDKOutcome InitSDK();

/* The process may be given a session. */
GenericOutcome ProcessReady(const ProcessParameters &processParameters);

/* The session takes players. */
GenericOutcome ActivateGameSession();

/* The process ends by itself, now. */
GenericOutcome ProcessEnding();

GenericOutcome Destroy();

} // namespace Server
} // namespace GameLift
} // namespace Aws

#endif
