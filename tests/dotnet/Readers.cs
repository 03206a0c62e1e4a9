// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Kraty;

/// <summary>What comes out.</summary>
internal static class Readers
{
    /// <summary>What `await using` and `await foreach` are compiled to, step by step; mcs knows neither.</summary>
    public static void Stream(string[] arguments)
    {
        Check.Ends(StreamAsync(), "the stream");
    }

    private static async Task StreamAsync()
    {
        LobbyPusher pusher = Check.Open();
        var heard = new List<string>();
        Task reader = Task.Run(async () =>
        {
            IAsyncEnumerator<Verdict> verdicts = pusher.Verdicts().GetAsyncEnumerator(CancellationToken.None);
            try
            {
                while (await verdicts.MoveNextAsync())
                {
                    Verdict verdict = verdicts.Current;
                    heard.Add(verdict.Key);
                    Check.That(verdict.Acknowledge(), "acknowledged");
                }
            }
            finally
            {
                await verdicts.DisposeAsync();
            }
        });
        for (int i = 0; i < 50; i++)
        {
            Check.Accepted(pusher, Check.Lobby("m-" + i));
            await Task.Delay(i % 5); // now it waits for the reader, now the reader for it
        }
        await pusher.StopAsync(TimeSpan.FromSeconds(20));
        await reader;
        await ((IAsyncDisposable)pusher).DisposeAsync();
        Check.Equal(50, heard.Count, "verdicts");
    }

    /// <summary>
    /// After Stop and the last one, and after Dispose, every way to read says that there are none any more.
    /// </summary>
    public static void Ends(string[] arguments)
    {
        Verdict verdict;
        LobbyPusher pusher = Check.Open();
        Task<Verdict> waiting = pusher.NextVerdictAsync();
        Check.Equal(Status.Timeout, pusher.NextVerdict(TimeSpan.Zero, out verdict), "none yet");
        Check.Equal(Status.Timeout, pusher.NextVerdict(TimeSpan.FromMilliseconds(20), out verdict), "none came");
        Check.Ends(pusher.StopAsync(TimeSpan.Zero), "StopAsync");
        Check.Equal(null, Check.Result(waiting, "one who waited"), "none comes");
        for (int round = 0; round < 2; round++)
        {
            Check.Equal(null, Check.Result(pusher.NextVerdictAsync(), "NextVerdictAsync"), "no verdict");
            Check.Equal(Status.Drained, pusher.NextVerdict(Timeout.InfiniteTimeSpan, out verdict), "NextVerdict");
            Check.Equal(0, pusher.Poll(v => { }), "Poll");
            pusher.Dispose();
        }
    }

    public static void Cancellation(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        using (var source = new CancellationTokenSource())
        using (var other = new CancellationTokenSource())
        {
            Task<Verdict> cancelled = pusher.NextVerdictAsync(source.Token);
            Task<Verdict> waiting = pusher.NextVerdictAsync(other.Token);
            source.Cancel();
            Check.Becomes(() => cancelled.IsCanceled, "cancelled");
            Check.That(pusher.NextVerdictAsync(source.Token).IsCanceled, "from the first");
            Check.That(!waiting.IsCompleted, "the other waits");
            Check.Accepted(pusher, Check.Lobby("m-1"));
            Check.Equal("m-1", Check.Result(waiting, "the other").Key, "and gets it");

            // one that comes when nobody wants it any more is not lost
            using (var late = new CancellationTokenSource())
            {
                cancelled = pusher.NextVerdictAsync(late.Token);
                Thread.Sleep(50); // the thread is in the library
                late.Cancel();
                Check.Becomes(() => cancelled.IsCanceled, "cancelled");
            }
            Check.Accepted(pusher, Check.Lobby("m-2"));
            Check.Result(pusher.FlushAsync(Check.Patience), "FlushAsync");
            Thread.Sleep(20); // by now that thread has it
            Check.Equal("m-2", Check.Next(pusher).Key, "the next one");
        }
    }

    /// <summary>
    /// A wait is given up while its verdict comes and the pusher stops: whoever reads on has it, before the end is
    /// told.
    /// </summary>
    public static void LastOne(string[] arguments)
    {
        for (int i = 0; i < 100; i++)
        {
            using (LobbyPusher pusher = Check.Open())
            using (var source = new CancellationTokenSource())
            {
                Task<Verdict> given = pusher.NextVerdictAsync(source.Token);
                Check.Accepted(pusher, Check.Lobby("m-" + i));
                Task stop = pusher.StopAsync(Check.Patience);
                Thread.SpinWait(i * 2000);
                source.Cancel();
                Check.Becomes(() => given.IsCompleted, "given up, or told");
                int told = given.IsCanceled ? 0 : 1;
                Verdict verdict;
                if (i % 2 == 0)
                    while (pusher.NextVerdict(Timeout.InfiniteTimeSpan, out verdict) == Status.Ok)
                        told++;
                else
                    while (Check.Result(pusher.NextVerdictAsync(), "a verdict") != null)
                        told++;
                Check.Equal(1, told, "verdicts");
                Check.Ends(stop, "StopAsync");
            }
        }
    }

    /// <summary>Four readers, of both kinds: each verdict goes to one of them.</summary>
    public static void Sharing(string[] arguments)
    {
        var told = new List<string>();
        LobbyPusher pusher = Check.Open();
        var readers = new List<Task>();
        Action<Verdict> tell = verdict =>
        {
            lock (told)
                told.Add(verdict.Key);
            Check.That(verdict.Acknowledge(), "acknowledged");
        };
        for (int i = 0; i < 2; i++)
        {
            readers.Add(Task.Run(async () =>
            {
                Verdict verdict;
                while ((verdict = await pusher.NextVerdictAsync()) != null)
                    tell(verdict);
            }));
            readers.Add(Task.Factory.StartNew(() =>
            {
                Verdict verdict;
                while (pusher.NextVerdict(Timeout.InfiniteTimeSpan, out verdict) == Status.Ok)
                    tell(verdict);
            }, TaskCreationOptions.LongRunning));
        }
        for (int i = 0; i < 400; i++)
            Check.Accepted(pusher, Check.Lobby("m-" + i));
        Check.That(Check.Result(pusher.FlushAsync(Check.Patience), "FlushAsync"), "all have their verdict");
        Check.Ends(pusher.StopAsync(TimeSpan.Zero), "StopAsync");
        Check.Ends(Task.WhenAll(readers), "the readers");
        pusher.Dispose();
        Check.Equal(400, told.Count, "verdicts");
        Check.Equal(400, new HashSet<string>(told).Count, "different ones");
    }

    public static void Poll(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            for (int i = 0; i < 10; i++)
                Check.Accepted(pusher, Check.Lobby("m-" + i));
            Check.That(Check.Result(pusher.FlushAsync(Check.Patience), "FlushAsync"), "all have their verdict");

            int told = 0;
            Action<Verdict> tell = verdict =>
            {
                told++;
                Check.That(verdict.Acknowledge(), "acknowledged");
            };
            Check.Equal(4, pusher.Poll(tell, 4), "no more than asked for");
            Check.Throws<FormatException>(() => pusher.Poll(v => { throw new FormatException(); }), "what it throws");
            Check.Equal(1ul + 5ul, pusher.GetStatistics().UnreadEvents, "that one is not acknowledged");
            Check.Equal(5, pusher.Poll(tell), "the rest");
            Check.Equal(0, pusher.Poll(tell), "none is left");
            Check.Equal(9, told, "handed over");
        }
    }

    /// <summary>OUTBOX: acknowledges one of two, and writes down nothing.</summary>
    public static void Keep(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open(o => o.OutboxDirectory = arguments[0]))
        {
            Check.Outcome(pusher, Check.Lobby("acknowledged"));
            Check.Accepted(pusher, Check.Lobby("kept"));
            Check.Equal("kept", Check.Next(pusher).Key, "the other");
        }
    }

    /// <summary>OUTBOX: the one that was kept comes again, under the number that it had, and then none.</summary>
    public static void ToldAgain(string[] arguments)
    {
        ulong seq;
        string epoch;
        using (LobbyPusher pusher = Check.Open(o => o.OutboxDirectory = arguments[0]))
        {
            Verdict verdict = Check.Next(pusher);
            Check.Equal("kept", verdict.Key, "what is told again");
            Check.Equal(Outcome.Applied, verdict.Outcome, "as it was");
            seq = verdict.Seq;
            epoch = verdict.Epoch;
        }
        using (LobbyPusher pusher = Check.Open(o => o.OutboxDirectory = arguments[0]))
        {
            Verdict verdict = Check.Next(pusher);
            Check.Equal(seq, verdict.Seq, "its number");
            Check.Equal(epoch, verdict.Epoch, "its epoch");
            Check.That(verdict.Acknowledge(), "acknowledged");
        }
        using (LobbyPusher pusher = Check.Open(o => o.OutboxDirectory = arguments[0]))
        {
            Check.Equal(0, pusher.Poll(v => { }), "none is left");
            Verdict verdict;
            Check.Equal(Status.Timeout, pusher.NextVerdict(TimeSpan.FromMilliseconds(200), out verdict), "nor comes");
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Descriptor;
        public short Events, Returned;
    }

    [DllImport("libc")]
    private static extern int poll(ref PollFd descriptor, ulong count, int timeoutMs);

    public static void Descriptor(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            var ready = new PollFd { Descriptor = pusher.EventDescriptor, Events = 1 };
            Check.Equal(0, poll(ref ready, 1, 0), "nothing to read");
            Check.Accepted(pusher, Check.Lobby("m-1"));
            Check.Becomes(() => poll(ref ready, 1, 100) == 1, "readable");
            Check.Equal(1, pusher.Poll(v => v.Acknowledge()), "one to take");
            Check.Equal(0, poll(ref ready, 1, 0), "nothing to read");
        }
    }

    /// <summary>With a results_url verdicts are told there; here they are had when the pusher is stopped.</summary>
    public static void Socket(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open(o => o.ResultsUrl = "ipc://" + arguments[0] + "/nobody-listens.ipc"))
        {
            Verdict verdict;
            Check.Equal(Status.NotAvailable, pusher.NextVerdict(TimeSpan.Zero, out verdict), "not yet");
            Task<Verdict> early = pusher.NextVerdictAsync();
            Check.Contains("results_url", early.Exception.InnerException.Message, "why");
            Check.Accepted(pusher, Check.Lobby("m-1"));
            Check.Result(pusher.FlushAsync(Check.Patience), "FlushAsync");
            Check.Ends(pusher.StopAsync(TimeSpan.Zero), "StopAsync");
            Check.Equal("m-1", Check.Result(pusher.NextVerdictAsync(), "a verdict").Key, "that nobody acknowledged");
        }
    }
}
