// SPDX-License-Identifier: Apache-2.0
using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Kraty
{
    /// <summary>
    /// Pushes finished lobbies to Kraty, and tells what became of each: one connection pool, one worker thread, one
    /// API key. Everything here may be called from any thread, at any time.
    /// </summary>
    /// <remarks>
    /// Open, push, read verdicts and acknowledge them; StopAsync, read what is left, Dispose. Dispose alone stops with
    /// no time to drain, and ends all waits. A pusher that is forgotten is closed by the finalizer, sooner or later.
    /// What was not acknowledged by then is told again after the next Open, where there is an outbox, and else lost.
    /// </remarks>
    public sealed partial class LobbyPusher : IDisposable
    {
        private readonly Klp klp;
        private readonly PusherHandle pusher;
        private readonly VerdictReader reader;
        private int isDisposed;

        private LobbyPusher(Klp klp, IntPtr opened)
        {
            this.klp = klp;
            pusher = new PusherHandle(klp, opened);
            reader = new VerdictReader(pusher);
        }

        /// <summary>
        /// The library's file, for hosts that carry it with them; set before its first use. Default: $KLP_LIBRARY, so
        /// that a test can put a stub in its place, else libkraty_lobby_pusher.so.1 where the dynamic loader looks.
        /// </summary>
        public static string LibraryPath { get; set; }

        /// <summary>The library's version, as "1.0.0".</summary>
        public static unsafe string Version
        {
            get { return Marshal.PtrToStringAnsi((IntPtr)Klp.Library(LibraryPath).Version()); }
        }

        /// <summary>"KLP_E_QUEUE_FULL". Unknown numbers have a text too.</summary>
        public static unsafe string StatusText(Status status)
        {
            return Marshal.PtrToStringAnsi((IntPtr)Klp.Library(LibraryPath).StatusText((int)status));
        }

        /// <summary>"possibly_applied"; "" for none.</summary>
        public static unsafe string OutcomeText(Outcome outcome)
        {
            return Marshal.PtrToStringAnsi((IntPtr)Klp.Library(LibraryPath).OutcomeText((int)outcome));
        }

        /// <summary>
        /// Opens one. No network: a wrong key or a server that is away shows in the first verdict.
        /// </summary>
        /// <exception cref="KratyException">Something was refused, or the library cannot be loaded.</exception>
        public static unsafe LobbyPusher Open(LobbyPusherOptions options)
        {
            if (options == null)
                throw new ArgumentNullException(nameof(options));
            Klp klp = Klp.Library(LibraryPath);
            using (Arena arena = Arena.Rent())
            {
                KlpConfig config = options.ToNative(arena);
                IntPtr opened = IntPtr.Zero;
                var buffer = default(KlpTextBuffer);
                Status status = klp.Open(&config, &opened, &buffer);
                if (status != Status.Ok)
                    throw new KratyException(status, buffer.ToString());
                return new LobbyPusher(klp, opened);
            }
        }

        /// <summary>
        /// Queues a roster to be pushed. Copies it all, and never waits (but for the disk, with Lobby.Durable): its
        /// verdict comes later. False: `why` says what is wrong with it, and nothing is kept. Submit() tells a full
        /// queue from a slip.
        /// </summary>
        public bool TryPush(Lobby lobby, out Ticket ticket, out string why)
        {
            return Submit(lobby, out ticket, out why) == Status.Ok;
        }

        /// <summary>The same with a roster in a matchmaker's document.</summary>
        public bool TryPush(RosterDocument document, out Ticket ticket, out string why)
        {
            return Submit(document, out ticket, out why) == Status.Ok;
        }

        /// <summary>
        /// Queues whatever ends in one verdict: Lobby, RosterDocument, LobbyRead, LobbyAwait, ServerCall, Ping. Never
        /// waits. Status.Ok: `ticket` names it. Else nothing is kept (Status.Timeout of a durable one excepted), and
        /// `why` has the reason; after Dispose that is Status.Stopped.
        /// </summary>
        public unsafe Status Submit(Request request, out Ticket ticket, out string why)
        {
            if (request == null)
                throw new ArgumentNullException(nameof(request));
            ticket = default(Ticket);
            why = "the pusher is disposed of";
            if (!pusher.TryHold())
                return Status.Stopped;
            try
            {
                using (Arena arena = Arena.Rent())
                {
                    ulong number = 0;
                    var buffer = default(KlpTextBuffer);
                    Status status = request.Submit(klp, pusher.Pusher, arena, &number, &buffer);
                    ticket = new Ticket(number);
                    why = buffer.ToString();
                    return status;
                }
            }
            catch (KratyException refused)
            {
                why = refused.Message;
                return refused.Status;
            }
            catch (OutOfMemoryException)
            {
                why = "no memory for the UTF-8 of it";
                return Status.NoMemory;
            }
            finally
            {
                pusher.DangerousRelease();
            }
        }

        /// <summary>
        /// Asks that a call be given up; what became of it comes as its verdict. False: no such ticket.
        /// </summary>
        public bool Cancel(Ticket ticket)
        {
            return With(p => klp.Cancel(p, ticket.Number)) == Status.Ok;
        }

        /// <summary>
        /// The next verdict; null when there will be none any more: after StopAsync and the last, or after Dispose.
        /// </summary>
        public Task<Verdict> NextVerdictAsync(CancellationToken cancellation = default(CancellationToken))
        {
            return reader.TakeAsync(cancellation);
        }

        /// <summary>
        /// Waits for one on this thread. Status.Timeout: none came; Status.Drained: there will be none any more.
        /// </summary>
        public Status NextVerdict(TimeSpan timeout, out Verdict verdict)
        {
            return reader.Take(Milliseconds.ToWait(timeout), out verdict);
        }

        /// <summary>
        /// For a game's own tick: hands the verdicts that wait, at most so many, to `onVerdict` on this thread, which
        /// acknowledges those that it has stored. Never waits. Returns how many. What it throws comes out of here, and
        /// that verdict is not acknowledged.
        /// </summary>
        public int Poll(Action<Verdict> onVerdict, int atMost = 32)
        {
            if (onVerdict == null)
                throw new ArgumentNullException(nameof(onVerdict));
            int told = 0;
            Verdict verdict;
            while (told < atMost && reader.Take(0, out verdict) == Status.Ok)
            {
                told++;
                onVerdict(verdict);
            }
            return told;
        }

        /// <summary>Until every push and call has its verdict. False: the time passed first.</summary>
        public Task<bool> FlushAsync(TimeSpan timeout)
        {
            var wait = new SlicedWait(Milliseconds.ToWait(timeout));
            return OnThreadOfItsOwn(() =>
            {
                Status status;
                do
                    status = With(p => klp.Flush(p, wait.NextMs()));
                while (status == Status.Timeout && !wait.IsOver);
                return status == Status.Ok;
            });
        }

        /// <summary>
        /// No new calls; what is under way gets `drain`, and the rest ends with an honest verdict. Those that are left
        /// are then still to be read.
        /// </summary>
        public Task StopAsync(TimeSpan drain)
        {
            return OnThreadOfItsOwn(() =>
            {
                Stop(drain);
                return true;
            });
        }

        /// <summary>The same, on this thread.</summary>
        public void Stop(TimeSpan drain)
        {
            uint drainMs = Milliseconds.ToWait(drain);
            With(p => klp.Stop(p, drainMs));
        }

        /// <exception cref="KratyException">What is wrong with it, and never what it is. The old one stays.</exception>
        public unsafe void SetApiKey(string apiKey)
        {
            using (Arena arena = Arena.Rent())
            {
                KlpText text = arena.Text(apiKey, "api_key");
                Check(With(p =>
                {
                    var buffer = default(KlpTextBuffer);
                    Status status = klp.SetApiKey(p, text, &buffer);
                    return status == Status.Ok ? status : throw new KratyException(status, buffer.ToString());
                }));
            }
        }

        /// <summary>The figures of one moment.</summary>
        public unsafe Statistics GetStatistics()
        {
            var statistics = new Statistics { StructSize = (uint)sizeof(Statistics) };
            Statistics* at = &statistics;
            Check(With(p => klp.Stats(p, at)));
            return statistics;
        }

        public unsafe LatencyHistogram GetLatencies(Latency which)
        {
            var histogram = new KlpHistogram { StructSize = (uint)sizeof(KlpHistogram) };
            KlpHistogram* at = &histogram;
            Check(With(p => klp.Latencies(p, (int)which, at)));
            return new LatencyHistogram(at);
        }

        /// <summary>All figures as OpenMetrics text, for a host's own /metrics page.</summary>
        public unsafe string GetMetrics()
        {
            ulong size = 0, room;
            Status status;
            do // it may grow between two looks
            {
                var page = new byte[size + 256];
                room = (ulong)page.Length;
                ulong* written = &size;
                fixed (byte* at = page)
                {
                    byte* text = at;
                    status = With(p => klp.Metrics(p, text, room, written));
                }
                if (status == Status.Ok)
                    return Encoding.UTF8.GetString(page, 0, (int)size);
            }
            while (status == Status.InvalidArgument && size >= room);
            Check(status);
            return "";
        }

        /// <summary>
        /// A descriptor for a poll loop of the host's own: readable while Poll has something to tell. The host polls
        /// it and does nothing else with it, and not after Dispose.
        /// </summary>
        public unsafe int EventDescriptor
        {
            get
            {
                int descriptor = -1;
                int* at = &descriptor;
                Check(With(p => klp.EventFd(p, at)));
                return descriptor;
            }
        }

        /// <summary>
        /// Ends all waits, and returns when the pusher is closed: a moment, unless StopAsync is still draining.
        /// </summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref isDisposed, 1) == 0)
            {
                reader.Close();
                Stop(TimeSpan.Zero); // wakes whoever waits in the library
                reader.WaitForThread();
                pusher.Dispose();
            }
            pusher.WaitUntilReleased();
        }

        // Holds the pusher meanwhile. Status.Stopped: it is disposed of.
        private Status With(Func<IntPtr, Status> call)
        {
            if (!pusher.TryHold())
                return Status.Stopped;
            try
            {
                return call(pusher.Pusher);
            }
            finally
            {
                pusher.DangerousRelease();
            }
        }

        private static void Check(Status status)
        {
            if (status == Status.Stopped)
                throw new ObjectDisposedException(nameof(LobbyPusher));
            if (status != Status.Ok)
                throw new KratyException(status, StatusText(status));
        }

        // Waiting is not what the pool's threads are for.
        private static Task<bool> OnThreadOfItsOwn(Func<bool> wait)
        {
            return Task.Factory.StartNew(
                wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }
}
