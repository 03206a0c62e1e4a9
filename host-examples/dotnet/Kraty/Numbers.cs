// SPDX-License-Identifier: Apache-2.0
//
// The numbers and names of the C header. New ones may come: treat an unknown status as a failure that kept nothing.
namespace Kraty
{
    /// <summary>What a call returns.</summary>
    public enum Status
    {
        Ok = 0,

        /// <summary>`why` names the field and the reason.</summary>
        InvalidArgument = 1,
        NoMemory = 2,

        /// <summary>MaxQueued or MaxQueuedBytes is reached: try again when verdicts came.</summary>
        QueueFull = 3,

        /// <summary>MaxUnreadEvents is reached: verdicts have to be acknowledged first.</summary>
        ResultsFull = 4,

        /// <summary>Stop has begun, or the pusher is disposed of.</summary>
        Stopped = 5,

        /// <summary>The time given passed first.</summary>
        Timeout = 6,

        /// <summary>Stopped, and the last verdict has been handed out.</summary>
        Drained = 7,
        Forked = 8,

        /// <summary>Not with these options, or not yet; or the library cannot be loaded.</summary>
        NotAvailable = 9,

        /// <summary>
        /// libcurl, OpenSSL, nanomsg or SQLite in this process is not the one the library was built on.
        /// </summary>
        Library = 10,
        System = 11,

        /// <summary>These bytes are no event, or no JSON object.</summary>
        Malformed = 12,

        /// <summary>Not signed by a holder of the secret, or not lately.</summary>
        Signature = 13,

        /// <summary>The outbox cannot be opened; `why` names the file and the reason.</summary>
        Outbox = 14,
        OutboxFull = 15,

        /// <summary>The document's end is missing.</summary>
        Truncated = 16,

        /// <summary>A message that does not say for good who plays: skip it.</summary>
        NotFinal = 17,

        /// <summary>An id missing, empty, no text or twice, too many players, …</summary>
        Roster = 18,
    }

    /// <summary>What a verdict is on.</summary>
    public enum Operation
    {
        Push = 1,
        Read = 2,
        Ping = 3,
        Await = 4,
        Call = 5,
    }

    /// <summary>
    /// What a push, or a call that may change something, did on the server, as far as anybody can know.
    /// </summary>
    public enum Outcome
    {
        None = 0,
        Applied = 1,
        NotApplied = 2,

        /// <summary>A byte of it may have reached the server, and no complete answer came back.</summary>
        PossiblyApplied = 3,
    }

    /// <summary>Who says that it failed.</summary>
    public enum ErrorOrigin
    {
        None = 0,
        Server = 1,
        Transport = 2,
        Local = 3,
    }

    public enum FillBots
    {
        /// <summary>As the event has it.</summary>
        Default = 0,
        No = 1,
        Yes = 2,
    }

    /// <summary>What stands before everything that a pusher sends.</summary>
    public enum Gate
    {
        Open = 0,
        Ramping = 1,
        Held = 2,
        Probing = 3,
        KeyRefused = 4,
    }

    /// <summary>Which latencies; of pushes that were decided.</summary>
    public enum Latency
    {
        Queue = 1,
        Total = 2,
    }

    /// <summary>What an accepted call survives once it is written down.</summary>
    public enum SyncMode
    {
        /// <summary>The loss of power.</summary>
        Full = 0,

        /// <summary>The end of the process, however it comes.</summary>
        Normal = 1,
    }

    /// <summary>What Open does when the outbox cannot be opened.</summary>
    public enum OutboxMode
    {
        Required = 0,

        /// <summary>It goes on in memory; Statistics.Degraded says so.</summary>
        BestEffort = 1,
    }

    /// <summary>What Open does when the outbox' file is damaged. It is set aside in any case.</summary>
    public enum DamagedOutbox
    {
        Refuse = 0,
        Replace = 1,
    }

    /// <summary>Verdict.ErrorCode. The set is open: others are the server's own, and come as they are.</summary>
    public static class ErrorCode
    {
        public const string ValidationFailed = "validation_failed";
        public const string InvalidMetric = "invalid_metric";
        public const string Unauthenticated = "unauthenticated";
        public const string SessionInvalid = "session_invalid";
        public const string Forbidden = "forbidden";
        public const string TenantMismatch = "tenant_mismatch";
        public const string NotFound = "not_found";
        public const string Conflict = "conflict";
        public const string IdempotencyConflict = "idempotency_conflict";
        public const string EventDisabled = "event_disabled";
        public const string RateLimited = "rate_limited";
        public const string InternalError = "internal_error";
        public const string NetworkError = "network_error";
        public const string Timeout = "timeout";
        public const string TlsError = "tls_error";
        public const string InvalidResponse = "invalid_response";
        public const string DeadlineExceeded = "deadline_exceeded";
        public const string Cancelled = "cancelled";
        public const string Shutdown = "shutdown";
        public const string AwaitTimeout = "await_timeout";
        public const string EnvironmentMismatch = "environment_mismatch";
        public const string OutboxUnavailable = "outbox_unavailable";
        public const string SetAside = "set_aside";
        public const string GameMismatch = "game_mismatch";
    }

    /// <summary>Which matchmaker's document it is.</summary>
    public static class RosterFormat
    {
        public const string FlexmatchMatchmakerData = "flexmatch_matchmaker_data";
        public const string FlexmatchEvent = "flexmatch_event";
        public const string PhotonWebhook = "photon_webhook";
        public const string SteamLobby = "steam_lobby";
        public const string AgonesGameserver = "agones_gameserver";
        public const string OpenMatch = "open_match";
        public const string PlayfabMatch = "playfab_match";
        public const string UnityMatch = "unity_match";
        public const string NakamaMatched = "nakama_matched";
        public const string Plain = "plain";
    }
}
