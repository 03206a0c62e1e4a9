// SPDX-License-Identifier: Apache-2.0
using System;

namespace Kraty
{
    /// <summary>
    /// How a pusher is set up. What is left as it is has the default that klp_config in kraty/lobby_pusher.h names.
    /// </summary>
    public sealed class LobbyPusherOptions
    {
        /// <summary>For SessionGrace and OutboxAdopt: none at all, where zero means the default.</summary>
        public static readonly TimeSpan Never = TimeSpan.FromMilliseconds(uint.MaxValue);

        /// <summary>For JitterPermille: waits of exactly the backoff.</summary>
        public const uint NoJitter = uint.MaxValue;

        /// <summary>Names the pusher in its verdicts; with an outbox the same after a restart.</summary>
        public string Name { get; set; }

        /// <summary>Default: $KRATY_BASE_URL, else the real service.</summary>
        public string BaseUrl { get; set; }

        /// <summary>The game of every lobby that names none.</summary>
        public string GameId { get; set; }

        /// <summary>At most one of the two. Default: $KRATY_SERVER_KEY.</summary>
        public string ApiKey { get; set; }

        /// <summary>Read again when it changes, and when the server refuses the key.</summary>
        public string ApiKeyFile { get; set; }

        /// <summary>PEM certificates to trust instead of the system's.</summary>
        public string CaFile { get; set; }

        public string Proxy { get; set; }
        public bool ProxyFromEnvironment { get; set; }

        /// <summary>Plain http to hosts that are not loopback.</summary>
        public bool AllowInsecure { get; set; }

        /// <summary>
        /// A bound nanomsg REP socket that verdicts are told to (see Verdict.Decode); without it they are had here.
        /// </summary>
        public string ResultsUrl { get; set; }

        public uint MaxInFlight { get; set; }
        public uint MaxQueued { get; set; }
        public uint MaxUnreadEvents { get; set; }
        public ulong MaxQueuedBytes { get; set; }
        public ulong MaxReplyBytes { get; set; }
        public TimeSpan AttemptTimeout { get; set; }
        public TimeSpan Deadline { get; set; }
        public uint MaxAttempts { get; set; }
        public TimeSpan BackoffInitial { get; set; }
        public TimeSpan BackoffMax { get; set; }
        public uint JitterPermille { get; set; }
        public TimeSpan SessionGrace { get; set; }

        /// <summary>"live" or "test".</summary>
        public string ExpectEnvironment { get; set; }

        /// <summary>A directory on a local disk that exists: what is pushed there outlives the process.</summary>
        public string OutboxDirectory { get; set; }

        public SyncMode OutboxSync { get; set; }
        public OutboxMode OutboxMode { get; set; }
        public DamagedOutbox OutboxDamaged { get; set; }
        public TimeSpan OutboxAdopt { get; set; }
        public ulong OutboxMaxBytes { get; set; }
        public TimeSpan DurableTimeout { get; set; }

        internal unsafe KlpConfig ToNative(Arena arena)
        {
            return new KlpConfig
            {
                StructSize = (uint)sizeof(KlpConfig),
                Flags = (AllowInsecure ? 1u : 0u) | (ProxyFromEnvironment ? 2u : 0u),
                Name = arena.Text(Name, "name"),
                BaseUrl = arena.Text(BaseUrl, "base_url"),
                GameId = arena.Text(GameId, "game_id"),
                ApiKey = arena.Text(ApiKey, "api_key"),
                ApiKeyFile = arena.Text(ApiKeyFile, "api_key_file"),
                CaFile = arena.Text(CaFile, "ca_file"),
                Proxy = arena.Text(Proxy, "proxy"),
                ResultsUrl = arena.Text(ResultsUrl, "results_url"),
                MaxInFlight = MaxInFlight,
                MaxQueued = MaxQueued,
                MaxUnreadEvents = MaxUnreadEvents,
                AttemptTimeoutMs = Milliseconds.Of(AttemptTimeout, "attempt_timeout_ms"),
                DeadlineMs = Milliseconds.Of(Deadline, "deadline_ms"),
                MaxAttempts = MaxAttempts,
                MaxQueuedBytes = MaxQueuedBytes,
                MaxReplyBytes = MaxReplyBytes,
                BackoffInitialMs = Milliseconds.Of(BackoffInitial, "backoff_initial_ms"),
                BackoffMaxMs = Milliseconds.Of(BackoffMax, "backoff_max_ms"),
                JitterPermille = JitterPermille,
                SessionGraceMs = Milliseconds.Of(SessionGrace, "session_grace_ms"),
                ExpectEnvironment = arena.Text(ExpectEnvironment, "expect_environment"),
                OutboxDir = arena.Text(OutboxDirectory, "outbox_dir"),
                OutboxSync = OutboxSync,
                OutboxMode = OutboxMode,
                OutboxDamaged = OutboxDamaged,
                OutboxAdoptMs = Milliseconds.Of(OutboxAdopt, "outbox_adopt_ms"),
                OutboxMaxBytes = OutboxMaxBytes,
                DurableTimeoutMs = Milliseconds.Of(DurableTimeout, "durable_timeout_ms"),
            };
        }
    }
}
