// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using Kraty;

/// <summary>Everything that is no push.</summary>
internal static class Calls
{
    public static void EachEndsInItsVerdict(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            Verdict ping = Check.Outcome(pusher, new Ping { Cookie = ulong.MaxValue });
            Check.Equal(Operation.Ping, ping.Operation, "a ping");
            Check.Equal(ulong.MaxValue, ping.Cookie, "its cookie");
            Check.Contains("\"permissionSet\":\"server_integration\"", ping.ApiKeyJson.Replace(" ", ""),
                "what the key is");
            Check.Equal(Outcome.None, ping.Outcome, "it changes nothing");

            Verdict push = Check.Outcome(pusher, new Lobby("bot_brawl", "m-1", "alice") { FillBots = FillBots.Yes });
            Check.That(push.LobbyId.StartsWith("lob_"), "the server's id of it: " + push.LobbyId);
            Check.Equal(201, push.HttpStatus, "made");
            Check.Contains(push.LobbyId, push.LobbyJson, "as the server has it");
            Check.That(push.Elapsed > TimeSpan.Zero && push.Elapsed < Check.Patience, "took " + push.Elapsed);

            var watch = new LobbyAwait(push.LobbyId) { PollInterval = TimeSpan.FromMilliseconds(20) };
            Verdict active = Check.Outcome(pusher, watch);
            Check.Equal(Operation.Await, active.Operation, "an await");
            Check.Equal("active", active.LobbyStatus, "bots have filled it");
            Check.Equal(8L, active.FilledSlots, "all of it");
            Check.Equal(7L, active.BotSlots, "but alice's place");

            Verdict read = Check.Outcome(pusher, new LobbyRead(push.LobbyId));
            Check.Equal(Operation.Read, read.Operation, "a read");
            Check.Equal(push.LobbyId, read.LobbyId, "of that lobby");
            Check.Equal(ErrorCode.NotFound, Check.Outcome(pusher, new LobbyRead("lob_0")).ErrorCode, "of none");

            Verdict call = Check.Outcome(pusher, new ServerCall("POST", "players", "a/é", "wallet", "gold", "credit")
            {
                BodyJson = "{\"amount\": 500, \"idempotencyKey\": \"once\"}",
                TraceParent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
            });
            Check.Equal(Operation.Call, call.Operation, "a call");
            Check.Equal(Outcome.Applied, call.Outcome, call.ErrorMessage);
            Check.Equal("/server/v1/players/a%2F%C3%A9/wallet/gold/credit", call.Path, "its path");
            Check.Equal("POST", call.Method, "its method");
            Check.Contains("500", call.DataJson, "its reply");
            Check.Equal("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01", call.TraceParent, "its trace");

            Verdict conflict = Check.Outcome(pusher, Check.Lobby("m-1"));
            conflict = Check.Outcome(pusher, new Lobby("quick_brawl", "m-1", "carol"));
            Check.Equal(Outcome.NotApplied, conflict.Outcome, "another roster under the same key");
            Check.Equal(ErrorCode.IdempotencyConflict, conflict.ErrorCode, conflict.ErrorMessage);
            Check.Equal(ErrorOrigin.Server, conflict.ErrorOrigin, "who says so");
            Check.Equal(409, conflict.HttpStatus, "its status");
            Check.Equal("m-1 not_applied (idempotency_conflict)", conflict.ToString(), "in a line");
        }
    }

    /// <summary>The server is held up: what it has not answered may have been applied, the rest was not.</summary>
    public static void Cancel(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open(o => o.MaxInFlight = 1))
        {
            Ticket first = Check.Accepted(pusher, Check.Lobby("m-1"));
            Ticket second = Check.Accepted(pusher, Check.Lobby("m-2"));
            Check.Becomes(() => pusher.GetStatistics().InFlight == 1, "the first is on its way");
            Check.That(!Check.Result(pusher.FlushAsync(TimeSpan.FromMilliseconds(10)), "FlushAsync"), "not ended yet");
            Check.That(pusher.Cancel(second), "the second");
            Verdict verdict = Check.Next(pusher);
            Check.Equal(second, verdict.Ticket, "its verdict");
            Check.Equal(Outcome.NotApplied, verdict.Outcome, "never sent");
            Check.Equal(ErrorCode.Cancelled, verdict.ErrorCode, "why");
            Check.That(pusher.Cancel(first), "the first");
            verdict = Check.Next(pusher);
            Check.Equal(first, verdict.Ticket, "its verdict");
            Check.Equal(Outcome.PossiblyApplied, verdict.Outcome, "sent");
            Check.That(!pusher.Cancel(new Ticket(999)), "no such ticket");
        }
    }

    public static void Figures(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open())
        {
            Check.Equal(TimeSpan.Zero, pusher.GetLatencies(Latency.Total).Quantile(500), "of none");
            for (int i = 0; i < 20; i++)
                Check.Outcome(pusher, Check.Lobby("m-" + i));
            Statistics figures = pusher.GetStatistics();
            Check.Equal(20ul, figures.Accepted, "accepted");
            Check.Equal(20ul, figures.Applied, "applied");
            Check.Equal(20ul, figures.EventsAcknowledged, "acknowledged");
            Check.Equal(0ul, figures.UnreadEvents, "unread");
            Check.Equal(1ul, figures.ApiKeyGeneration, "the first key");
            Check.Equal(Gate.Open, figures.Gate, "the gate");
            Check.That(!figures.Degraded, "not degraded");

            LatencyHistogram total = pusher.GetLatencies(Latency.Total);
            Check.Equal(20ul, total.Count, "measured");
            TimeSpan median = total.Quantile(500), all = total.Quantile(1000);
            Check.That(TimeSpan.Zero < median && median <= all && all <= total.Max,
                median + " " + all + " " + total.Max);
            Check.That(total.Max <= total.Sum, "the sum");

            string metrics = pusher.GetMetrics();
            Check.That(metrics.EndsWith("# EOF\n"), "all of it");
            Check.Contains("pusher=\"checks\"", metrics, "labelled");
        }
    }

    /// <summary>KEY, which the server takes; that of the environment it does not.</summary>
    public static void ApiKey(string[] arguments)
    {
        using (LobbyPusher pusher = Check.Open(o => o.SessionGrace = LobbyPusherOptions.Never))
        {
            Verdict verdict = Check.Outcome(pusher, Check.Lobby("m-1"));
            Check.Equal(Outcome.NotApplied, verdict.Outcome, "refused");
            Check.Equal(ErrorCode.SessionInvalid, verdict.ErrorCode, "why");
            var no = Check.Throws<KratyException>(() => pusher.SetApiKey("two words"), "no key");
            Check.Equal(Status.InvalidArgument, no.Status, no.Message);
            Check.That(no.Message.Contains("api_key") && !no.Message.Contains("words"), no.Message);
            pusher.SetApiKey(arguments[0]);
            Check.Becomes(() => pusher.GetStatistics().ApiKeyGeneration == 2, "another key");
            Check.Equal(Outcome.Applied, Check.Outcome(pusher, Check.Lobby("m-1")).Outcome, "taken");
        }
    }

    public static void Rosters(string[] arguments)
    {
        string why;
        Roster roster;
        var photon = new RosterDocument(RosterFormat.PhotonWebhook,
            "{\"Type\":\"Create\",\"GameId\":\"room-é\",\"UserId\":\"漢\",\"CreateOptions\":{\"MaxPlayers\":4}," +
            "\"Region\":\"eu\"}") { EventKey = "quick_brawl" };
        Check.Equal(Status.Ok, photon.TryParse(out roster, out why), why);
        Check.Equal("room-é", roster.Key, "its key");
        Check.Equal("漢", string.Join(",", roster.PlayerIds), "its players");
        Check.Equal(4u, roster.Capacity, "its capacity");
        Check.Contains("\"region\":\"eu\"", roster.MetadataJson, "its metadata");

        Fails(Status.NotFinal, RosterFormat.PhotonWebhook,
            "{\"Type\":\"Join\",\"GameId\":\"r\",\"UserId\":\"a\"}", "Join");
        Fails(Status.Truncated, RosterFormat.Plain, "{\"key\":\"m\",\"players\":[\"a\"", "end");
        Fails(Status.Malformed, RosterFormat.Plain, "nope", "not JSON");
        Fails(Status.Malformed, RosterFormat.Plain, "", "empty");
        Fails(Status.Roster, RosterFormat.SteamLobby, "{\"lobby\":\"1\",\"members\":[\"x\"]}", "");
        Fails(Status.InvalidArgument, RosterFormat.OpenMatch, "{\"match_id\":\"m\",\"tickets\":[]}", "player_id_path");
        Fails(Status.InvalidArgument, "no_such_format", "{}", "format is none of");

        using (LobbyPusher pusher = Check.Open())
        {
            Verdict verdict = Check.Outcome(pusher, photon);
            Check.Equal(Outcome.Applied, verdict.Outcome, verdict.ErrorMessage);
            Check.Equal("room-é", verdict.Key, "the room");
            Lobby lobby = roster.ToLobby();
            lobby.EventKey = "quick_brawl";
            Check.That(Check.Outcome(pusher, lobby).Replayed, "the same, read and pushed");

            byte[] bytes = Encoding.UTF8.GetBytes("{\"key\":\"m-2\",\"players\":[\"bob\",\"😀\"],\"event\":\"duel\"}");
            Ticket ticket;
            Check.That(pusher.TryPush(new RosterDocument(RosterFormat.Plain, bytes), out ticket, out why), why);
            Check.Equal(ticket, Check.Next(pusher).Ticket, "as bytes");
            var small = new RosterDocument(RosterFormat.Plain, bytes) { Capacity = 1 };
            Check.That(!pusher.TryPush(small, out ticket, out why), "pushed");
            Check.Contains("capacity", why, "why it is not pushed");
        }
    }

    private static void Fails(Status expected, string format, string document, string reason)
    {
        Roster roster;
        string why;
        var text = new RosterDocument(format, document);
        Check.Equal(expected, text.TryParse(out roster, out why), document + ": " + why);
        var bytes = new RosterDocument(format, Encoding.UTF8.GetBytes(document));
        Check.Equal(expected, bytes.TryParse(out roster, out why), why);
        Check.Equal(null, roster, "no roster");
        Check.Contains(reason, why, "why");
    }

    public static void Webhooks(string[] arguments)
    {
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        byte[] body = { 0, 1, 0xff, (byte)'{', 0 };
        string signature = Sign(now, body, "the secret-é");

        Verifies(Status.Ok, new Webhook(signature, body, "another", "the secret-é") { Now = now }, "");
        Verifies(Status.Ok, new Webhook(Sign(now, new byte[0], "s"), new byte[0], "s") { Now = now }, "");
        Verifies(Status.Ok, new Webhook(signature, body, "the secret-é") { Now = now.AddMinutes(5) }, "");
        Verifies(Status.Signature, new Webhook(signature, body, "another") { Now = now }, "signature");
        Verifies(Status.Signature, new Webhook(signature, body, "the secret-é") { Now = now.AddMinutes(6) },
            "longer ago");
        Verifies(Status.Signature, new Webhook(signature, body, "the secret-é"), "longer ago"); // by the system's clock
        Verifies(Status.Ok, new Webhook(signature, body, "the secret-é")
        {
            Now = now.AddMinutes(6), Tolerance = TimeSpan.FromMinutes(6),
        }, "");
        Verifies(Status.InvalidArgument, new Webhook(signature, body) { Now = now }, "secret");
        Verifies(Status.InvalidArgument, new Webhook(signature, body, "a\ud800") { Now = now }, "secrets[0]");
        body[0] = 1;
        Verifies(Status.Signature, new Webhook(signature, body, "the secret-é") { Now = now }, "signature");
    }

    private static string Sign(DateTimeOffset at, byte[] body, string secret)
    {
        var signed = new List<byte>(Encoding.UTF8.GetBytes(at.ToUnixTimeSeconds() + "."));
        signed.AddRange(body);
        using (var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(secret)))
            return "t=" + at.ToUnixTimeSeconds() + ",v1=" +
                BitConverter.ToString(hmac.ComputeHash(signed.ToArray())).Replace("-", "").ToLowerInvariant();
    }

    private static void Verifies(Status expected, Webhook webhook, string reason)
    {
        string why;
        Check.Equal(expected, webhook.Verify(out why), why);
        Check.Contains(reason, why, "why");
        Check.That(!why.Contains("secret-é"), "no secret in why");
    }

    public static void Decode(string[] arguments)
    {
        Verdict verdict;
        string why;
        using (LobbyPusher pusher = Check.Open())
        {
            Verdict told = Check.Outcome(pusher, Check.Lobby("m-é"));
            Check.Equal(Status.Ok, Verdict.TryDecode(Encoding.UTF8.GetBytes(told.Json + "\n"), out verdict, out why),
                why);
            Check.Equal(told.Json, verdict.Json, "the same");
            Check.Equal("m-é", verdict.Key, "its key");
            Check.Equal(told.Ticket, verdict.Ticket, "its ticket");
            Check.Equal(told.Elapsed, verdict.Elapsed, "its time");
            Check.Equal(null, verdict.RetryAfter, "the server named no time");
            Check.Throws<InvalidOperationException>(() => verdict.Acknowledge(), "the reply does that");
        }
        Check.Equal(Status.Malformed, Verdict.TryDecode(Encoding.UTF8.GetBytes("{\"v\":1}"), out verdict, out why),
                why);
        Check.Equal(Status.Malformed, Verdict.TryDecode(new byte[0], out verdict, out why), why);
        Check.That(verdict == null && why.Length > 0, "why");
        Check.Equal("possibly_applied", LobbyPusher.OutcomeText(Outcome.PossiblyApplied), "a name");
        Check.Equal("KLP_E_QUEUE_FULL", LobbyPusher.StatusText(Status.QueueFull), "a name");
        Check.That(LobbyPusher.Version.Split('.').Length == 3, LobbyPusher.Version);
    }
}
