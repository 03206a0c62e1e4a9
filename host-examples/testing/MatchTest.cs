// SPDX-License-Identifier: Apache-2.0
//
// A host's test in C#: run it with KLP_LIBRARY=…/libkraty_lobby_pusher_stub.so
using System;
using System.Collections.Generic;
using Kraty;

internal static class MatchTest
{
    private static void Main()
    {
        ARateLimitOnlyDelays();
        AFullQueueAndAnEventToldTwiceAreHeardOnce();
        Console.WriteLine("all is well");
        Environment.Exit(0); // mono may hang over its own threads where Main() returns
    }

    private static LobbyPusher Open()
    {
        LobbyPusher pusher = LobbyPusher.Open(new LobbyPusherOptions { Name = "test", GameId = "game_1" });
        pusher.Stub.HoldTime();
        return pusher;
    }

    private static void ARateLimitOnlyDelays()
    {
        using (LobbyPusher pusher = Open())
        {
            var told = new List<string>();
            Action<Verdict> onVerdict = verdict =>
            {
                told.Add(verdict.Key + " " + verdict.Outcome);
                verdict.Acknowledge();
            };
            Ticket ticket;
            string why;

            pusher.Stub.Script("[{\"action\": {\"status\": 429, \"headers\": {\"Retry-After\": \"7\"}}}]");
            That(pusher.TryPush(new Lobby("quick_brawl", "match-1", "alice", "bob"), out ticket, out why), why);
            pusher.Stub.Advance(TimeSpan.FromSeconds(6.999)); // the server asked for seven
            That(pusher.Poll(onVerdict) == 0, "nothing is told while the server is given its time");
            pusher.Stub.Advance(TimeSpan.FromSeconds(1));
            That(pusher.Poll(onVerdict) == 1 && told[0] == "match-1 Applied", "then it is");
            That(pusher.Stub.LobbyKey(0) == "match-1" && pusher.Stub.LobbyKey(1) == null, "there is one lobby");
        }
    }

    private static void AFullQueueAndAnEventToldTwiceAreHeardOnce()
    {
        using (LobbyPusher pusher = Open())
        {
            var seqs = new HashSet<ulong>();
            int repeats = 0;
            Action<Verdict> onVerdict = verdict =>
            {
                repeats += seqs.Add(verdict.Seq) ? 0 : 1;
                verdict.Acknowledge();
            };
            var lobby = new Lobby("quick_brawl", "match-1", "alice", "bob");
            Ticket ticket;
            string why;

            pusher.Stub.Refuse(Status.QueueFull, 1);
            That(!pusher.TryPush(lobby, out ticket, out why) && why.Contains("QUEUE_FULL"), "the queue is full");
            That(pusher.TryPush(lobby, out ticket, out why), why);
            pusher.Stub.Advance(TimeSpan.FromSeconds(1));
            pusher.Poll(onVerdict);
            foreach (ulong seq in new List<ulong>(seqs))
                pusher.Stub.RepeatEvent(seq);
            pusher.Poll(onVerdict);
            That(seqs.Count == 1 && repeats == 1, "the same event was told twice");
        }
    }

    private static void That(bool isSo, string what)
    {
        if (isSo)
            return;
        Console.WriteLine("not so: " + what);
        Environment.Exit(1);
    }
}
