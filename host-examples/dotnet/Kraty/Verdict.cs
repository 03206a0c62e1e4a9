// SPDX-License-Identifier: Apache-2.0
using System;
using System.Threading;

namespace Kraty
{
    /// <summary>
    /// What became of one call. It may be told more than once, and (Pusher, Epoch, Seq) is what tells a repeat. Its
    /// values are copies, good for as long as the host keeps them; a text is empty, not null, when there is none.
    /// </summary>
    public sealed class Verdict
    {
        private readonly PusherHandle pusher; // null: decoded
        private IntPtr taken;                 // the library's event, until it is acknowledged
        private volatile bool isAcknowledged;

        // Of an event of a pusher that the caller holds.
        internal unsafe Verdict(PusherHandle pusher, KlpEvent* native) : this(native)
        {
            this.pusher = pusher;
            taken = (IntPtr)native;
        }

        private unsafe Verdict(KlpEvent* native)
        {
            var told = default(KlpEvent); // an older library's is shorter
            Buffer.MemoryCopy(native, &told, sizeof(KlpEvent), Math.Min(native->StructSize, sizeof(KlpEvent)));
            Operation = told.Op;
            Seq = told.Seq;
            Ticket = new Ticket(told.Ticket);
            Cookie = told.Cookie;
            Pusher = told.Pusher.ToString();
            Epoch = told.Epoch.ToString();
            GameId = told.GameId.ToString();
            EventKey = told.EventKey.ToString();
            Key = told.Key.ToString();
            Method = told.Method.ToString();
            Path = told.Path.ToString();
            TraceParent = told.TraceParent.ToString();
            Ok = told.Ok != 0;
            Outcome = told.Outcome;
            Replayed = told.Replayed != 0;
            Recovered = told.Recovered != 0;
            Joined = told.Joined != 0;
            Attempts = told.Attempts;
            Sends = told.Sends;
            HttpStatus = told.HttpStatus;
            Retryable = told.Retryable != 0;
            Elapsed = LatencyHistogram.Microseconds(told.ElapsedUs);
            if (told.RetryAfterMs >= 0)
                RetryAfter = TimeSpan.FromMilliseconds(told.RetryAfterMs);
            RequestId = told.RequestId.ToString();
            LobbyId = told.LobbyId.ToString();
            LobbyStatus = told.LobbyStatus.ToString();
            LobbyJson = told.LobbyJson.ToString();
            Capacity = told.Capacity;
            ParticipantCount = told.ParticipantCount;
            BotSlots = told.BotSlots;
            FilledSlots = told.FilledSlots;
            ErrorCode = told.ErrorCode.ToString();
            ErrorMessage = told.ErrorMessage.ToString();
            ErrorDetailsJson = told.ErrorDetailsJson.ToString();
            ErrorOrigin = told.ErrorOrigin;
            CurlCode = told.CurlCode;
            Truncated = told.Truncated != 0;
            TruncatedBytes = told.TruncatedBytes;
            ApiKeyJson = told.ApiKeyJson.ToString();
            DataJson = told.DataJson.ToString();
            ReplyJson = told.ReplyJson.ToString();
            Json = told.Json.ToString();
        }

        public Operation Operation { get; }

        /// <summary>Rises within an epoch; gaps are legal.</summary>
        public ulong Seq { get; }

        public Ticket Ticket { get; }
        public ulong Cookie { get; }
        public string Pusher { get; }
        public string Epoch { get; }

        public string GameId { get; }
        public string EventKey { get; }
        public string Key { get; }
        public string Method { get; }
        public string Path { get; }
        public string TraceParent { get; }

        public bool Ok { get; }
        public Outcome Outcome { get; }

        /// <summary>The server knew this lobby already.</summary>
        public bool Replayed { get; }

        /// <summary>An earlier process accepted it.</summary>
        public bool Recovered { get; }

        /// <summary>It shared the request of an equal push that was under way.</summary>
        public bool Joined { get; }

        public uint Attempts { get; }
        public uint Sends { get; }

        /// <summary>0: none was received.</summary>
        public int HttpStatus { get; }

        /// <summary>The same call may succeed later.</summary>
        public bool Retryable { get; }

        /// <summary>From the call to the verdict.</summary>
        public TimeSpan Elapsed { get; }

        /// <summary>Where the server named a time.</summary>
        public TimeSpan? RetryAfter { get; }

        public string RequestId { get; }

        public string LobbyId { get; }

        /// <summary>forming, active, closed, or what the server calls it by then.</summary>
        public string LobbyStatus { get; }

        /// <summary>As the server sent it.</summary>
        public string LobbyJson { get; }

        public long Capacity { get; }
        public long ParticipantCount { get; }
        public long BotSlots { get; }
        public long FilledSlots { get; }

        /// <summary>One of Kraty.ErrorCode, or the server's own.</summary>
        public string ErrorCode { get; }

        public string ErrorMessage { get; }
        public string ErrorDetailsJson { get; }
        public ErrorOrigin ErrorOrigin { get; }
        public int CurlCode { get; }

        /// <summary>A reply of TruncatedBytes bytes is not in here.</summary>
        public bool Truncated { get; }

        public ulong TruncatedBytes { get; }

        /// <summary>Ping: what the server knows of the key.</summary>
        public string ApiKeyJson { get; }

        /// <summary>Call: the reply's payload.</summary>
        public string DataJson { get; }

        /// <summary>Call: the whole reply, where it holds more.</summary>
        public string ReplyJson { get; }

        /// <summary>All of this as one line of JSON.</summary>
        public string Json { get; }

        /// <summary>
        /// It is told, and safe with the host. What is not acknowledged keeps its place in MaxUnreadEvents, and is told
        /// again after the next Open, where there is an outbox. From any thread; a second call does nothing.
        /// </summary>
        /// <returns>False: the pusher is closed, so it came too late.</returns>
        public unsafe bool Acknowledge()
        {
            if (pusher == null)
                throw new InvalidOperationException("a decoded verdict is acknowledged by the reply to its message");
            IntPtr native = Interlocked.Exchange(ref taken, IntPtr.Zero); // its place may be another's by a second call
            if (native == IntPtr.Zero)
                return isAcknowledged;
            if (!pusher.TryHold())
                return false;
            try
            {
                isAcknowledged = pusher.Klp.Ack(pusher.Pusher, (KlpEvent*)native) == Status.Ok;
                return isAcknowledged;
            }
            finally
            {
                pusher.DangerousRelease();
            }
        }

        /// <summary>
        /// Reads one as a results socket tells it: one line of a message, with or without its line break.
        /// </summary>
        public static unsafe Status TryDecode(byte[] line, out Verdict verdict, out string why)
        {
            if (line == null)
                throw new ArgumentNullException(nameof(line));
            Klp klp = Klp.Library(LobbyPusher.LibraryPath);
            KlpEvent* decoded = null;
            var buffer = default(KlpTextBuffer);
            Status status;
            byte none = 0;
            fixed (byte* bytes = line)
                status = klp.DecodeEvent(bytes == null ? &none : bytes, (ulong)line.Length, &decoded, &buffer);
            why = buffer.ToString();
            verdict = null;
            if (status != Status.Ok)
                return status;
            try
            {
                verdict = new Verdict(decoded);
            }
            finally
            {
                klp.FreeEvent(decoded);
            }
            return status;
        }

        /// <summary>"match-123 applied", "match-123 not_applied (idempotency_conflict)"; of a call its path.</summary>
        public override string ToString()
        {
            string what = Key.Length > 0 ? Key : Path.Length > 0 ? Path : LobbyId.Length > 0 ? LobbyId : "API key";
            string outcome = Outcome == Outcome.None ? (Ok ? "ok" : "failed") : LobbyPusher.OutcomeText(Outcome);
            return what + " " + outcome + (Ok ? "" : " (" + ErrorCode + ")");
        }
    }
}
