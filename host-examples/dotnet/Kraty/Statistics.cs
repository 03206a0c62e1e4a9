// SPDX-License-Identifier: Apache-2.0
using System;
using System.Runtime.InteropServices;

namespace Kraty
{
    /// <summary>
    /// klp_stats: counters since Open (they only rise), and gauges (they say what is now). The header says what each
    /// counts.
    /// </summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Statistics
    {
        internal uint StructSize, Reserved;
        public ulong Accepted, RefusedFull, Applied, Replayed, NotApplied, PossiblyApplied, Joined;
        public ulong QueriesOk, QueriesFailed, CallsOk, CallsFailed, Attempts, Retries, Sends, Connections;
        public ulong EventsAcknowledged, MessagesSent, RepliesIgnored, RepliesLeftOut;
        public ulong Queued, InFlight, UnreadEvents, QueuedBytes, ReplyBytes;
        internal ulong GateNumber;
        public ulong GateOpensInMs, Awaiting, OldestPushAgeMs, ApiKeyGeneration;
        public ulong Journaled, Recovered, Adopted, SetAside, OutboxBytes;
        internal ulong IsDegraded;

        public Gate Gate
        {
            get { return (Gate)GateNumber; }
        }

        /// <summary>There is to be an outbox, and it could not be opened or cannot be written.</summary>
        public bool Degraded
        {
            get { return IsDegraded != 0; }
        }
    }

    /// <summary>How long pushes took that were decided.</summary>
    public sealed class LatencyHistogram
    {
        internal const int BucketCount = 160;

        private readonly ulong[] buckets = new ulong[BucketCount];
        private readonly ulong maxUs;

        internal unsafe LatencyHistogram(KlpHistogram* native)
        {
            Count = native->Count;
            Sum = Microseconds(native->SumUs);
            maxUs = native->MaxUs;
            for (int i = 0; i < BucketCount; i++)
                buckets[i] = native->Buckets[i];
        }

        public ulong Count { get; }
        public TimeSpan Sum { get; }

        public TimeSpan Max
        {
            get { return Microseconds(maxUs); }
        }

        /// <summary>What `permille` thousandths of all took at most, as klp_histogram_quantile_us() tells it.</summary>
        public TimeSpan Quantile(uint permille)
        {
            if (Count == 0)
                return TimeSpan.Zero;
            ulong wanted = Count / 1000 * permille + (Count % 1000 * permille + 999) / 1000;
            ulong seen = 0;
            int bucket = 0;
            for (; bucket + 1 < BucketCount; bucket++)
            {
                seen += buckets[bucket];
                if (seen >= wanted)
                    break;
            }
            return Microseconds(Math.Min(BoundUs(bucket), maxUs));
        }

        private static ulong BoundUs(int bucket)
        {
            return bucket < 4 ? (ulong)bucket + 1 : (ulong)(bucket % 4 + 5) << (bucket / 4 - 1);
        }

        internal static TimeSpan Microseconds(ulong us)
        {
            return TimeSpan.FromTicks((long)Math.Min(us, long.MaxValue / 10) * 10);
        }
    }
}
