// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Threading;
using Kraty;

/// <summary>What goes in.</summary>
internal static class Pushes
{
    public static void IdsOfAnyScript(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            var players = new List<string> { "é", "漢", "😀", "e\u0301", "\ud83d\ude01x" };
            var lobby = new Lobby("quick_brawl", "kéy-漢-😀", players)
            {
                MetadataJson = "{\"ключ\": \"\\u0041é\"}",
            };
            Verdict verdict = Check.Outcome(pusher, lobby);
            Check.Equal(Outcome.Applied, verdict.Outcome, verdict.ErrorMessage);
            Check.Equal("kéy-漢-😀", verdict.Key, "the key comes back");
            Check.Contains("\"key\":\"kéy-漢-😀\"", verdict.Json, "in its JSON, too");
        }
    }

    public static void Refusals(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            Refused(pusher, Check.Lobby(new string('k', 1025)), "key is 1025 bytes, more than 1024");
            Refused(pusher, Check.Lobby(new string('漢', 342)), "key is 1026 bytes, more than 1024");
            Refused(pusher, new Lobby("duel", "m-1", "alice", new string('b', 1025)), "player_ids[1] is 1025 bytes");
            Refused(pusher, new Lobby("duel", "m-1", "alice", ""), "player_ids[1] is empty");
            Refused(pusher, new Lobby("duel", "m-1", "alice", null), "player_ids[1] is empty");
            Refused(pusher, new Lobby("duel", "m-1", "alice", "alice"), "player_ids[1] is the same as player_ids[0]");
            Refused(pusher, new Lobby("duel", "m-1", "al\0ice"), "player_ids[0]");
            Refused(pusher, new Lobby("duel", "m-1", "a\ud83d"), "player_ids[0] has half of a surrogate pair");
            Refused(pusher, new Lobby("duel", "\ude00", "alice"), "key has half of a surrogate pair");
            Refused(pusher, new Lobby("duel", "m-1", (IReadOnlyList<string>)null), "player_ids");
            Refused(pusher, new Lobby("duel", "m-1"), "player_ids");
            Refused(pusher, new Lobby(null, "m-1", "alice"), "event_key");
            Refused(pusher, new Lobby("duel", "m-1", new string[10001]), "10001");
            Refused(pusher, new Lobby("duel", "m-1", "alice", "bob") { Capacity = 1 }, "capacity 1 is below");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { MetadataJson = "[]" }, "metadata_json");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { FillBots = (FillBots)3 }, "fill_bots");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { Deadline = TimeSpan.FromDays(8) }, "deadline_ms");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { Deadline = TimeSpan.FromSeconds(-1) }, "deadline_ms");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { Deadline = TimeSpan.MaxValue }, "deadline_ms");
            Refused(pusher, new Lobby("duel", "m-1", "alice") { Durable = true }, "outbox_dir");
            Refused(pusher, new LobbyRead(""), "lobby_id");
            Refused(pusher, new LobbyAwait("lob_1") { PollInterval = TimeSpan.FromTicks(1) }, "poll_interval_ms");
            Refused(pusher, new ServerCall("STEAL", "players"), "method");
            Check.Throws<ArgumentNullException>(() => Refused(pusher, null, ""), "no request");

            Ticket ticket;
            string why;
            Check.That(!pusher.TryPush(Check.Lobby(""), out ticket, out why), "TryPush says false");
            Check.Equal("key is empty", why, "and why");
            Check.That(pusher.TryPush(Check.Lobby("m-1"), out ticket, out why), why);
            Check.Equal("", why, "why of what is accepted");
            Check.Equal("m-1", Check.Next(pusher).Key, "it is pushed");
            Check.Equal(1ul, pusher.GetStatistics().Accepted, "accepted");
        }
        var no = Check.Throws<KratyException>(() => Check.Open(o => o.BaseUrl = "ftp://x"), "a base_url that is none");
        Check.Equal(Status.InvalidArgument, no.Status, no.Message);
        Check.Contains("base_url", no.Message, "why Open threw");
    }

    private static void Refused(LobbyPusher pusher, Request request, string reason)
    {
        Ticket ticket;
        string why;
        Check.Equal(Status.InvalidArgument, pusher.Submit(request, out ticket, out why), reason);
        Check.Contains(reason, why, "why");
        Check.Equal(default(Ticket), ticket, "no ticket");
    }

    /// <summary>Eight threads push 250 each while another collects garbage without a pause, and one reads.</summary>
    public static void FromManyThreads(string[] arguments)
    {
        const int Threads = 8, Each = 250;
        var tickets = new HashSet<Ticket>();
        var failures = new List<string>();
        bool isOver = false;
        using (LobbyPusher pusher = Check.Open())
        {
            var collector = new Thread(() =>
            {
                while (!Volatile.Read(ref isOver))
                    GC.Collect();
            });
            collector.Start();
            var pushing = new List<Thread>();
            for (int t = 0; t < Threads; t++)
            {
                int number = t;
                pushing.Add(new Thread(() =>
                {
                    for (int i = 0; i < Each; i++)
                    {
                        Ticket ticket;
                        string why;
                        var lobby = new Lobby("quick_brawl", "m-" + number + "-" + i, "p-" + i, "é-" + number);
                        bool isPushed = pusher.TryPush(lobby, out ticket, out why);
                        lock (tickets)
                            if (!isPushed || !tickets.Add(ticket))
                                failures.Add(lobby.Key + ": " + why);
                    }
                }));
                pushing[t].Start();
            }
            var told = new HashSet<Ticket>();
            while (told.Count < Threads * Each)
            {
                Verdict verdict = Check.Result(pusher.NextVerdictAsync(), "a verdict");
                Check.Equal(Outcome.Applied, verdict.Outcome, verdict.ErrorMessage);
                Check.That(told.Add(verdict.Ticket), "each is told once");
                Check.That(verdict.Acknowledge(), "and acknowledged");
            }
            foreach (Thread thread in pushing)
                Check.Ends(thread, "a thread that pushes");
            Volatile.Write(ref isOver, true);
            Check.Ends(collector, "the collector");
            Check.Equal(0, failures.Count, string.Join("; ", failures));
            Check.That(told.SetEquals(tickets), "all that was accepted was told");
        }
    }

    /// <summary>Once a thread has its arena, a push leaves nothing to collect.</summary>
    public static void LeaveNoGarbage(string[] arguments)
    {
        var lobby = new Lobby("quick_brawl", "m-1", new List<string> { "alice", "bob", "漢", "dave" }) { Capacity = 8 };
        using (LobbyPusher pusher = Check.Open())
        {
            Check.Accepted(pusher, lobby);
            Ticket ticket;
            string why;
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
                Check.That(pusher.TryPush(lobby, out ticket, out why), "pushed");
            Check.Equal(0L, GC.GetAllocatedBytesForCurrentThread() - before, "bytes for the collector");
        }
    }

    public static void OfTenThousandPlayers(string[] arguments)
    {
        var players = new string[10000];
        for (int i = 0; i < players.Length; i++)
            players[i] = "player-é-" + i;
        using (LobbyPusher pusher = Check.Open())
        {
            Verdict verdict = Check.Outcome(pusher, new Lobby("quick_brawl", "all", players) { Capacity = 10000 });
            Check.Equal(Outcome.Applied, verdict.Outcome, verdict.ErrorMessage);
            Check.Equal(10000L, verdict.ParticipantCount, "all of them play");
            Check.Equal(Outcome.Applied, Check.Outcome(pusher, Check.Lobby("few")).Outcome, "and then two");
        }
    }

    /// <summary>OUTBOX.</summary>
    public static void DurableOnes(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open(o => o.OutboxDirectory = arguments[0]))
        {
            Lobby lobby = Check.Lobby("m-1");
            lobby.Durable = true;
            Check.Accepted(pusher, lobby);
            Check.Equal(1ul, pusher.GetStatistics().Journaled, "it is written down when TryPush returns");
        }
    }
}
