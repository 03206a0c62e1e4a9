// SPDX-License-Identifier: Apache-2.0
using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Kraty
{
    /// <summary>
    /// Owns the pusher. close() may run only when no other call does: whoever calls holds it meanwhile, and it is
    /// closed when it was disposed of and the last one has let go, or by the finalizer when nobody knows it any more.
    /// </summary>
    internal sealed class PusherHandle : SafeHandle
    {
        private readonly object releasing = new object();
        private bool isReleased;

        public PusherHandle(Klp klp, IntPtr pusher) : base(IntPtr.Zero, true)
        {
            Klp = klp;
            SetHandle(pusher);
        }

        public Klp Klp { get; }

        public IntPtr Pusher
        {
            get { return handle; }
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        /// <summary>False: it was disposed of. Else DangerousRelease() lets go.</summary>
        public bool TryHold()
        {
            bool isHeld = false;
            if (IsClosed)
                return false;
            try
            {
                DangerousAddRef(ref isHeld);
            }
            catch (ObjectDisposedException) // between the two
            {
                return false;
            }
            return isHeld;
        }

        /// <summary>Waits until nobody holds it any more, and it is closed. For one who does not hold it.</summary>
        public void WaitUntilReleased()
        {
            lock (releasing)
                while (!isReleased)
                    Monitor.Wait(releasing);
        }

        // The finalizer may be the one to call this: it stops the pusher with no time to drain.
        protected override bool ReleaseHandle()
        {
            Status status = Klp.Close(handle);
            lock (releasing)
            {
                isReleased = true;
                Monitor.PulseAll(releasing);
            }
            return status == Status.Ok;
        }
    }
}
