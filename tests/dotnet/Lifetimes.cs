// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Kraty;

/// <summary>How it ends, in the order that nobody planned for.</summary>
internal static class Lifetimes
{
    public static void Dispose(string[] arguments)
    {
        Ticket ticket;
        string why;
        LobbyPusher pusher = Check.Open();
        pusher.Dispose();
        pusher.Dispose();
        ((IAsyncDisposable)pusher).DisposeAsync().AsTask().Wait();

        Check.That(!pusher.TryPush(Check.Lobby("m-1"), out ticket, out why), "nothing is pushed any more");
        Check.Contains("disposed", why, "why");
        Check.Equal(Status.Stopped, pusher.Submit(new Ping(), out ticket, out why), why);
        Check.That(!pusher.Cancel(new Ticket(1)), "nor cancelled");
        Check.That(!Check.Result(pusher.FlushAsync(Timeout.InfiniteTimeSpan), "FlushAsync"), "nor flushed");
        Check.Ends(pusher.StopAsync(Timeout.InfiniteTimeSpan), "StopAsync");
        Check.Throws<ObjectDisposedException>(() => pusher.GetStatistics(), "GetStatistics");
        Check.Throws<ObjectDisposedException>(() => pusher.GetMetrics(), "GetMetrics");
        Check.Throws<ObjectDisposedException>(() => pusher.SetApiKey("k"), "SetApiKey");
        Check.Throws<ObjectDisposedException>(() => pusher.EventDescriptor.ToString(), "EventDescriptor");
    }

    /// <summary>All waits end, wherever they wait, and Dispose with them; the server never answers.</summary>
    public static void DisposeWhileWaiting(string[] arguments)
    {
        LobbyPusher pusher = Check.Open();
        Check.Accepted(pusher, Check.Lobby("m-1"));
        Task<Verdict> one = pusher.NextVerdictAsync(), other = pusher.NextVerdictAsync();
        Task<bool> flush = pusher.FlushAsync(Timeout.InfiniteTimeSpan);
        var verdicts = new List<Verdict>();
        var thread = new Thread(() =>
        {
            Verdict verdict;
            while (pusher.NextVerdict(Timeout.InfiniteTimeSpan, out verdict) == Status.Ok)
                verdicts.Add(verdict);
        });
        thread.Start();
        Thread.Sleep(50); // they are there, or come too late; both is well
        var watch = Stopwatch.StartNew();
        pusher.Dispose();
        Check.That(watch.Elapsed < Check.Patience, "Dispose took " + watch.Elapsed);
        Check.Equal(null, Check.Result(one, "one who waited"), "no verdict");
        Check.Equal(null, Check.Result(other, "another who waited"), "no verdict");
        Check.Ends(flush, "FlushAsync");
        Check.Ends(thread, "the thread that waited");
        foreach (Verdict verdict in verdicts)
            verdict.Acknowledge(); // too late, or not: it does no harm
    }

    /// <summary>A pusher that nobody knows any more is closed, and its worker gone.</summary>
    public static void Forget(string[] arguments)
    {
        var thread = new Thread(OpenAndForget); // a collector that looks at stacks finds no trace of it then
        thread.Start();
        Check.Ends(thread, "the thread that forgets");
        Check.Becomes(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Workers() == 0;
        }, "it is closed");
    }

    private static void OpenAndForget()
    {
        Check.Equal("m-1", Check.Result(Heard(Check.Open()), "a verdict").Key, "heard");
        Check.Equal(1, Workers(), "open");
    }

    private static int Workers()
    {
        int workers = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                workers += File.ReadAllText(task + "/comm") == "kraty-pusher\n" ? 1 : 0;
            }
            catch (IOException) // it has ended meanwhile
            {
            }
        }
        return workers;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Task<Verdict> Heard(LobbyPusher pusher)
    {
        Task<Verdict> waiting = pusher.NextVerdictAsync(); // the reader's thread is there, too
        Check.Accepted(pusher, Check.Lobby("m-1"));
        return waiting;
    }

    public static void AcknowledgeLate(string[] arguments)
    {
        LobbyPusher pusher = Check.Open();
        Check.Accepted(pusher, Check.Lobby("m-1"));
        Check.Accepted(pusher, Check.Lobby("m-2"));
        Verdict first = Check.Next(pusher), second = Check.Next(pusher);
        Check.That(first.Acknowledge(), "in time");
        Check.That(first.Acknowledge(), "twice is once");
        Check.Equal(1ul, pusher.GetStatistics().EventsAcknowledged, "acknowledged");
        pusher.Dispose();
        Check.That(first.Acknowledge(), "it was");
        Check.That(!second.Acknowledge(), "too late");
        Check.That(!second.Acknowledge(), "still");
        Check.Contains("\"key\":\"" + second.Key + "\"", second.Json, "what it says is still there");
    }

    /// <summary>What is under way has its verdict when Stop returns, and is then read; nothing more is taken.</summary>
    public static void Stop(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            for (int i = 0; i < 100; i++)
                Check.Accepted(pusher, Check.Lobby("m-" + i));
            Check.Ends(pusher.StopAsync(TimeSpan.FromSeconds(20)), "StopAsync");
            Ticket ticket;
            string why;
            Check.Equal(Status.Stopped, pusher.Submit(Check.Lobby("late"), out ticket, out why), why);
            int applied = 0;
            Verdict verdict;
            while ((verdict = Check.Result(pusher.NextVerdictAsync(), "a verdict")) != null)
            {
                Check.Equal(Outcome.Applied, verdict.Outcome, verdict.ErrorMessage);
                Check.That(verdict.Acknowledge(), "acknowledged");
                applied++;
            }
            Check.Equal(100, applied, "applied");
        }
    }

    /// <summary>Main returns while others wait in the library; the pusher is open.</summary>
    public static void ExitWhileWaiting(string[] arguments)
    {
        LobbyPusher pusher = Check.Open();
        pusher.NextVerdictAsync();
        for (int i = 0; i < 4; i++)
            new Thread(() =>
            {
                Verdict verdict;
                pusher.NextVerdict(Timeout.InfiniteTimeSpan, out verdict);
            }) { IsBackground = true }.Start();
        Thread.Sleep(50);
    }

    /// <summary>The same while its worker is busy, and others push and collect garbage.</summary>
    public static void ExitWhilePushing(string[] arguments)
    {
        LobbyPusher pusher = Check.Open();
        for (int t = 0; t < 4; t++)
        {
            int number = t;
            new Thread(() =>
            {
                Ticket ticket;
                string why;
                for (int i = 0; ; i++)
                {
                    pusher.TryPush(Check.Lobby("m-" + number + "-" + i), out ticket, out why);
                    if (i % 100 == 0)
                        GC.Collect();
                }
            }) { IsBackground = true }.Start();
        }
        Thread.Sleep(100);
    }

    /// <summary>The same by Environment.Exit: all threads stand still where they are, and the finalizers run.</summary>
    public static void ExitAtOnce(string[] arguments)
    {
        ExitWhileWaiting(arguments);
        ExitWhilePushing(arguments);
        Environment.Exit(0);
    }

    /// <summary>
    /// Opened and disposed of a hundred times, half of them with a push under way and a reader that waits.
    /// </summary>
    public static void Churn(string[] arguments)
    {
        for (int i = 0; i < 100; i++)
        {
            LobbyPusher pusher = Check.Open();
            Task<Verdict> waiting = pusher.NextVerdictAsync();
            if (i % 2 == 0)
                Check.Accepted(pusher, Check.Lobby("m-" + i));
            pusher.Dispose();
            Check.Ends(waiting, "the reader");
        }
    }
}
