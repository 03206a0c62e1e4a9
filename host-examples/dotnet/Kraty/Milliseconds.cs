// SPDX-License-Identifier: Apache-2.0
using System;

namespace Kraty
{
    /// <summary>Times as the ABI has them.</summary>
    internal static class Milliseconds
    {
        /// <summary>Of a field: zero is its default, and less than a millisecond is one.</summary>
        public static uint Of(TimeSpan time, string field)
        {
            double wanted = Math.Ceiling(time.TotalMilliseconds);
            if (wanted < 0 || wanted > uint.MaxValue)
                throw new KratyException(Status.InvalidArgument, field + " is negative, or longer than 49 days");
            return (uint)wanted;
        }

        /// <summary>To wait: Timeout.InfiniteTimeSpan, and what is longer than 49 days, is for ever.</summary>
        public static uint ToWait(TimeSpan time)
        {
            if (time == System.Threading.Timeout.InfiniteTimeSpan)
                return Klp.WaitForever;
            return (uint)Math.Max(0, Math.Min(uint.MaxValue, Math.Ceiling(time.TotalMilliseconds)));
        }
    }
}
