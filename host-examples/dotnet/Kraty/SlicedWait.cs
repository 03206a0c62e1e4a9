// SPDX-License-Identifier: Apache-2.0
using System;
using System.Diagnostics;

namespace Kraty
{
    /// <summary>
    /// A wait within the library, in slices. When a program ends, and when Unity loads a domain anew, Mono waits for
    /// all threads to come back from libraries, however long that takes; this is how long.
    /// </summary>
    internal struct SlicedWait
    {
        public const uint SliceMs = 200;

        private readonly bool isEndless;
        private readonly long end;

        public SlicedWait(uint timeoutMs)
        {
            isEndless = timeoutMs == Klp.WaitForever;
            end = timeoutMs == 0 || isEndless ? 0 : Stopwatch.GetTimestamp() + timeoutMs * Stopwatch.Frequency / 1000;
        }

        public bool IsOver
        {
            get { return !isEndless && LeftMs() == 0; }
        }

        /// <summary>The next slice.</summary>
        public uint NextMs()
        {
            return isEndless ? SliceMs : (uint)Math.Min(SliceMs, LeftMs());
        }

        private long LeftMs()
        {
            long left = end == 0 ? 0 : Math.Max(0, end - Stopwatch.GetTimestamp());
            return (left * 1000 + Stopwatch.Frequency - 1) / Stopwatch.Frequency;
        }
    }
}
