// SPDX-License-Identifier: Apache-2.0
using System;

namespace Kraty
{
    /// <summary>
    /// Something was refused; its Message is the library's `why`: one sentence that never holds a secret.
    /// </summary>
    public sealed class KratyException : Exception
    {
        public KratyException(Status status, string why) : base(string.IsNullOrEmpty(why) ? status.ToString() : why)
        {
            Status = status;
        }

        public Status Status { get; }
    }
}
