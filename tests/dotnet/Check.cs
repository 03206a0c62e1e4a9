// SPDX-License-Identifier: Apache-2.0
//
// dotnet_checks NAME [ARGUMENT...]: one check of the C# in host-examples/dotnet/Kraty/, in a process of its own, for
// tests/integration/test_dotnet.c. Says nothing and ends with 0 when all is well; else says what is not, and ends with
// 1.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Kraty;

internal static class Check
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Dictionary<string, Action<string[]>> checks = new Dictionary<string, Action<string[]>>
    {
        { "layouts", Layouts.AreThoseOfTheHeader },
        { "ids", Pushes.IdsOfAnyScript },
        { "refusals", Pushes.Refusals },
        { "threads", Pushes.FromManyThreads },
        { "garbage", Pushes.LeaveNoGarbage },
        { "big", Pushes.OfTenThousandPlayers },
        { "durable", Pushes.DurableOnes },
        { "stream", Readers.Stream },
        { "ends", Readers.Ends },
        { "cancellation", Readers.Cancellation },
        { "last-one", Readers.LastOne },
        { "sharing", Readers.Sharing },
        { "poll", Readers.Poll },
        { "keep", Readers.Keep },
        { "told-again", Readers.ToldAgain },
        { "descriptor", Readers.Descriptor },
        { "socket", Readers.Socket },
        { "calls", Calls.EachEndsInItsVerdict },
        { "cancel", Calls.Cancel },
        { "figures", Calls.Figures },
        { "api-key", Calls.ApiKey },
        { "rosters", Calls.Rosters },
        { "webhooks", Calls.Webhooks },
        { "decode", Calls.Decode },
        { "dispose", Lifetimes.Dispose },
        { "dispose-while-waiting", Lifetimes.DisposeWhileWaiting },
        { "forget", Lifetimes.Forget },
        { "acknowledge-late", Lifetimes.AcknowledgeLate },
        { "stop", Lifetimes.Stop },
        { "exit-while-waiting", Lifetimes.ExitWhileWaiting },
        { "exit-while-pushing", Lifetimes.ExitWhilePushing },
        { "exit-at-once", Lifetimes.ExitAtOnce },
        { "churn", Lifetimes.Churn },
    };

    // As host-examples/dotnet/Program.cs ends, but where it is the other end that is looked at.
    private static int Main(string[] arguments)
    {
        int status = Run(arguments);
        if (!arguments[0].StartsWith("exit-"))
            Environment.Exit(status);
        return status;
    }

    private static int Run(string[] arguments)
    {
        try
        {
            var rest = new string[arguments.Length - 1];
            Array.Copy(arguments, 1, rest, 0, rest.Length);
            checks[arguments[0]](rest);
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            return 1;
        }
    }

    public static void That(bool isSo, string what)
    {
        if (!isSo)
            throw new Exception("not so: " + what);
    }

    public static void Equal<T>(T expected, T found, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
            throw new Exception(what + ": expected \"" + expected + "\", found \"" + found + "\"");
    }

    public static void Contains(string part, string text, string what)
    {
        if (!text.Contains(part))
            throw new Exception(what + ": no \"" + part + "\" in \"" + text + "\"");
    }

    public static TException Throws<TException>(Action action, string what) where TException : Exception
    {
        try
        {
            action();
        }
        catch (TException expected)
        {
            return expected;
        }
        throw new Exception(what + ": no " + typeof(TException).Name);
    }

    /// <summary>What does not end by then hangs.</summary>
    public static T Result<T>(Task<T> task, string what)
    {
        if (!task.Wait(Patience))
            throw new Exception(what + ": hangs");
        return task.Result;
    }

    public static void Ends(Task task, string what)
    {
        if (!task.Wait(Patience))
            throw new Exception(what + ": hangs");
    }

    public static void Ends(Thread thread, string what)
    {
        if (!thread.Join(Patience))
            throw new Exception(what + ": hangs");
    }

    public static void Becomes(Func<bool> isSo, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!isSo())
        {
            if (watch.Elapsed > Patience)
                throw new Exception("never so: " + what);
            Thread.Sleep(1);
        }
    }

    // The server and the key come from the environment.
    public static LobbyPusher Open(Action<LobbyPusherOptions> change = null)
    {
        var options = new LobbyPusherOptions { Name = "checks", GameId = "game_1" };
        if (change != null)
            change(options);
        return LobbyPusher.Open(options);
    }

    public static Lobby Lobby(string key)
    {
        return new Lobby("quick_brawl", key, "alice", "bob");
    }

    public static Ticket Accepted(LobbyPusher pusher, Request request)
    {
        Ticket ticket;
        string why;
        Status status = pusher.Submit(request, out ticket, out why);
        Equal(Status.Ok, status, why);
        That(ticket.Number != 0, "an accepted call has a ticket");
        return ticket;
    }

    public static Verdict Next(LobbyPusher pusher)
    {
        Verdict verdict;
        Equal(Status.Ok, pusher.NextVerdict(Patience, out verdict), "a verdict comes");
        return verdict;
    }

    /// <summary>The one verdict on it, acknowledged.</summary>
    public static Verdict Outcome(LobbyPusher pusher, Request request)
    {
        Ticket ticket = Accepted(pusher, request);
        Verdict verdict = Next(pusher);
        Equal(ticket, verdict.Ticket, "the verdict's ticket");
        That(verdict.Acknowledge(), "it can be acknowledged");
        return verdict;
    }
}
