// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Kraty
{
    /// <summary>
    /// Hands out the verdicts of one pusher. Those that wait are handed out without a thread; while somebody awaits
    /// one that has not come, one thread waits for all, and ends when nobody has for a while. It takes none in
    /// advance: what nobody asked for stays in the library.
    /// </summary>
    internal sealed class VerdictReader
    {
        private const int IdleMs = 2000;

        private readonly PusherHandle pusher;
        private readonly object gate = new object();
        private readonly LinkedList<TaskCompletionSource<Verdict>> waiting =
            new LinkedList<TaskCompletionSource<Verdict>>();
        private Verdict kept; // taken for one who did not want it any more when it came
        private Thread thread; // the last one
        private bool isRunning, isTaking, isClosed;

        public VerdictReader(PusherHandle pusher)
        {
            this.pusher = pusher;
        }

        /// <summary>On this thread. Status.Timeout, or Status.Drained when there will be none any more.</summary>
        public Status Take(uint timeoutMs, out Verdict verdict)
        {
            var wait = new SlicedWait(timeoutMs);
            Status status;
            do
            {
                if (TakeKept(false, out verdict))
                    return Status.Ok;
                status = TakeFromLibrary(wait.NextMs(), out verdict);
            }
            while (status == Status.Timeout && !wait.IsOver);
            return status == Status.Drained && TakeKept(true, out verdict) ? Status.Ok : status;
        }

        /// <summary>null: there will be none any more.</summary>
        public Task<Verdict> TakeAsync(CancellationToken cancellation)
        {
            TaskCompletionSource<Verdict> waiter;
            lock (gate)
            {
                if (cancellation.IsCancellationRequested)
                    return Task.FromCanceled<Verdict>(cancellation);
                if (isClosed)
                    return Task.FromResult<Verdict>(null);
                if (waiting.Count == 0)
                {
                    Verdict verdict;
                    Status status = Take(0, out verdict);
                    if (status == Status.Ok || status == Status.Drained)
                        return Task.FromResult(verdict);
                    if (status != Status.Timeout)
                        return Task.FromException<Verdict>(Failure(status));
                }
                waiter = new TaskCompletionSource<Verdict>(TaskCreationOptions.RunContinuationsAsynchronously);
                if (!isRunning)
                    Start(); // first: where there is no thread to be had, nobody waits for one
                waiting.AddLast(waiter);
                Monitor.PulseAll(gate);
            }
            if (cancellation.CanBeCanceled)
            {
                CancellationTokenRegistration registration = cancellation.Register(() => Cancel(waiter, cancellation));
                waiter.Task.ContinueWith(
                    _ => registration.Dispose(), CancellationToken.None, TaskContinuationOptions.None,
                    TaskScheduler.Default);
            }
            return waiter.Task;
        }

        /// <summary>Nobody waits any more, and the thread ends.</summary>
        public void Close()
        {
            lock (gate)
            {
                isClosed = true;
                kept = null;
                EndWaits(null);
                Monitor.PulseAll(gate);
            }
        }

        /// <summary>
        /// Waits, after Close, until the thread is gone. A process that ends under a thread which is just waking up
        /// may hang in mono 6.8.
        /// </summary>
        public void WaitForThread()
        {
            Thread last;
            lock (gate)
                last = thread;
            if (last != null && last != Thread.CurrentThread)
                last.Join();
        }

        // `isLast`: what the thread may be taking at this very moment was the last of them.
        private bool TakeKept(bool isLast, out Verdict verdict)
        {
            lock (gate)
            {
                while (isLast && isTaking && !isClosed)
                    Monitor.Wait(gate);
                verdict = kept;
                kept = null;
                return verdict != null;
            }
        }

        private unsafe Status TakeFromLibrary(uint timeoutMs, out Verdict verdict)
        {
            verdict = null;
            if (!pusher.TryHold())
                return Status.Drained;
            try
            {
                KlpEvent* taken = null;
                Status status = pusher.Klp.NextEvent(pusher.Pusher, timeoutMs, &taken);
                if (status == Status.Ok)
                    verdict = new Verdict(pusher, taken);
                return status;
            }
            finally
            {
                pusher.DangerousRelease();
            }
        }

        private void Cancel(TaskCompletionSource<Verdict> waiter, CancellationToken cancellation)
        {
            lock (gate)
                if (!waiting.Remove(waiter))
                    return;
            waiter.TrySetCanceled(cancellation);
        }

        private void Start()
        {
            var started = new Thread(Run) { IsBackground = true, Name = "kraty verdicts" };
            started.Start();
            thread = started;
            isRunning = true;
        }

        private void Run()
        {
            while (IsWanted())
            {
                Verdict verdict = null;
                Status status = Status.NoMemory;
                Exception failure = null;
                try
                {
                    status = TakeFromLibrary(SlicedWait.SliceMs, out verdict);
                    if (status != Status.Ok && status != Status.Timeout && status != Status.Drained)
                        failure = Failure(status);
                }
                catch (Exception exception) // out of memory: an exception that leaves a thread ends the process
                {
                    failure = exception;
                }
                Hand(status, verdict, failure);
            }
        }

        // Waits until somebody waits. False: the thread is to end.
        private bool IsWanted()
        {
            lock (gate)
            {
                while (!isClosed && waiting.Count == 0 && Monitor.Wait(gate, IdleMs))
                    continue;
                isRunning = isTaking = !isClosed && waiting.Count > 0;
                return isRunning;
            }
        }

        private void Hand(Status status, Verdict verdict, Exception failure)
        {
            lock (gate)
            {
                isTaking = false;
                Monitor.PulseAll(gate);
                if (verdict == null)
                {
                    if (status != Status.Timeout)
                        EndWaits(failure); // drained, or it will fail for all
                }
                else if (waiting.Count == 0)
                {
                    kept = isClosed ? null : verdict;
                }
                else
                {
                    TaskCompletionSource<Verdict> first = waiting.First.Value;
                    waiting.RemoveFirst();
                    first.SetResult(verdict);
                }
            }
        }

        private void EndWaits(Exception failure)
        {
            foreach (TaskCompletionSource<Verdict> waiter in waiting)
            {
                if (failure == null)
                    waiter.SetResult(null);
                else
                    waiter.SetException(failure);
            }
            waiting.Clear();
        }

        private Exception Failure(Status status)
        {
            string why = status == Status.NotAvailable
                ? "verdicts are told to the results_url until the pusher is stopped"
                : LobbyPusher.StatusText(status);
            return new KratyException(status, why);
        }
    }
}
