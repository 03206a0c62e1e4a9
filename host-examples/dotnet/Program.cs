// SPDX-License-Identifier: Apache-2.0
//
// dotnet-host NAME [OUTBOX]: a matchmaker in C#. Finished rosters come in on stdin, one JSON object a line, and go to
// Kraty; the verdicts go to stdout, one line each. With an OUTBOX (a directory; NAME is then the same after a restart)
// what is not ended, and what could not be told, goes on with the next process.
//
//     echo '{"key": "match-123", "players": ["alice", "bob"]}' | KRATY_SERVER_KEY=… dotnet-host eu-1 /var/lib/mm/kraty
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Kraty;
using Microsoft.Win32.SafeHandles;

internal static class Program
{
    private const int LongestRow = 1 << 20; // the library refuses what is longer

    // Ids are UTF-8, whatever the terminal speaks; and .NET's Console takes what nobody reads any more for written.
    private static readonly Stream input = new BufferedStream(Console.OpenStandardInput());
    private static readonly TextWriter output =
        new StreamWriter(new FileStream(new SafeFileHandle((IntPtr)1, false), FileAccess.Write));
    private static readonly TaskCompletionSource<bool> interrupted =
        new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
    private static int failed;
#if NET6_0_OR_GREATER
    private static readonly List<IDisposable> signals = new List<IDisposable>(); // one that is collected hears no more
#endif

    // Not by returning: mono then aborts all threads, and one that is just leaving an await tells its end twice.
    private static void Main(string[] arguments)
    {
        Environment.Exit(Run(arguments));
    }

    private static int Run(string[] arguments)
    {
        if (arguments.Length < 1 || arguments.Length > 2 || arguments[0].StartsWith("-"))
        {
            Warn("Usage: dotnet-host NAME [OUTBOX] < rosters.ndjson");
            return 2;
        }
        try
        {
            RunAsync(arguments[0], arguments.Length > 1 ? arguments[1] : null).GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is KratyException || exception is IOException)
        {
            Warn("dotnet-host: " + exception.Message);
            return 1;
        }
        return failed == 0 && !interrupted.Task.IsCompleted ? 0 : 1;
    }

    private static async Task RunAsync(string name, string outbox)
    {
        var options = new LobbyPusherOptions { Name = name, GameId = "game_1", OutboxDirectory = outbox };
        using (LobbyPusher pusher = LobbyPusher.Open(options)) // the API key comes from KRATY_SERVER_KEY
        {
            EndOnSignals();
            Task pushing = Task.Run(() => PushAsync(pusher));
            Task hearing = Task.Run(() => HearAsync(pusher)); // also what a process that died before did not tell
            Task ended = await Task.WhenAny(pushing, hearing, interrupted.Task);
            await pusher.StopAsync(TimeSpan.FromSeconds(5)); // what is on its way
            await hearing;
            await ended;
        }
    }

    private static async Task PushAsync(LobbyPusher pusher)
    {
        byte[] line;
        for (int row = 1; (line = ReadRow()) != null; row++)
        {
            Ticket ticket;
            string why;
            Status status;
            var document = new RosterDocument(RosterFormat.Plain, line) { EventKey = "quick_brawl" };
            while ((status = pusher.Submit(document, out ticket, out why)) == Status.QueueFull ||
                status == Status.ResultsFull || status == Status.OutboxFull)
                await Task.Delay(20); // verdicts make room
            if (status == Status.Stopped)
                return;
            if (status == Status.Ok)
                continue;
            Warn("row " + row + ": " + why);
            Interlocked.Increment(ref failed);
        }
    }

    // As bytes: what is no UTF-8 is for the library to refuse, not to be replaced. null: that was the last.
    private static byte[] ReadRow()
    {
        var row = new MemoryStream();
        int next;
        while ((next = input.ReadByte()) >= 0 && next != '\n')
            if (row.Length <= LongestRow)
                row.WriteByte((byte)next);
        return next < 0 && row.Length == 0 ? null : row.ToArray();
    }

    private static async Task HearAsync(LobbyPusher pusher)
    {
        Verdict verdict;
        while ((verdict = await pusher.NextVerdictAsync()) != null) // in C# 8: await foreach (… in pusher.Verdicts())
        {
            if (!verdict.Ok)
                Interlocked.Increment(ref failed);
            string lobby = verdict.Ok ? " " + verdict.LobbyId : "";
            output.WriteLine(verdict + lobby + (verdict.Replayed ? " replayed" : ""));
            output.Flush();
            verdict.Acknowledge(); // now that it is safe; what is not acknowledged is told again
        }
    }

    // Elsewhere a signal just ends the process, and what is in the outbox goes on with the next.
    private static void EndOnSignals()
    {
#if NET6_0_OR_GREATER
        Action<PosixSignalContext> end = signal =>
        {
            signal.Cancel = true;
            interrupted.TrySetResult(true);
        };
        signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, end));
        signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, end));
#endif
    }

    private static void Warn(string line)
    {
        Console.Error.WriteLine(line);
    }
}
