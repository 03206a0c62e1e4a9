// SPDX-License-Identifier: Apache-2.0
using System;

namespace Kraty
{
    /// <summary>Names one accepted call within its pusher's epoch; its verdict has it, too.</summary>
    public struct Ticket : IEquatable<Ticket>
    {
        public Ticket(ulong number)
        {
            Number = number;
        }

        /// <summary>Never 0 of a call that was accepted.</summary>
        public ulong Number { get; }

        public bool Equals(Ticket other)
        {
            return Number == other.Number;
        }

        public override bool Equals(object other)
        {
            return other is Ticket && Equals((Ticket)other);
        }

        public override int GetHashCode()
        {
            return Number.GetHashCode();
        }

        public override string ToString()
        {
            return Number.ToString();
        }

        public static bool operator ==(Ticket one, Ticket other)
        {
            return one.Equals(other);
        }

        public static bool operator !=(Ticket one, Ticket other)
        {
            return !one.Equals(other);
        }
    }
}
