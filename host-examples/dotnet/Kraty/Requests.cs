// SPDX-License-Identifier: Apache-2.0
//
// What a host asks of a pusher. Each becomes the C struct of its name; what is left as it is has the default that
// stands there. They are copied by the call that is given them, and may then be used again.
using System;
using System.Collections.Generic;

namespace Kraty
{
    /// <summary>What ends in one verdict.</summary>
    public abstract class Request
    {
        internal Request()
        {
        }

        /// <summary>The host's own 64 bits, given back in the verdict.</summary>
        public ulong Cookie { get; set; }

        internal abstract unsafe Status Submit(
            Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why);
    }

    /// <summary>One finished roster.</summary>
    public sealed class Lobby : Request
    {
        public Lobby(string eventKey, string key, IReadOnlyList<string> playerIds)
        {
            EventKey = eventKey;
            Key = key;
            PlayerIds = playerIds;
        }

        public Lobby(string eventKey, string key, params string[] playerIds)
            : this(eventKey, key, (IReadOnlyList<string>)playerIds)
        {
        }

        public string EventKey { get; set; }

        /// <summary>The studio's own lobby id, by which the server knows a repeat.</summary>
        public string Key { get; set; }

        public IReadOnlyList<string> PlayerIds { get; set; }

        /// <summary>Default: the pusher's.</summary>
        public string GameId { get; set; }

        public uint Capacity { get; set; }
        public FillBots FillBots { get; set; }

        /// <summary>One JSON object, sent as it is.</summary>
        public string MetadataJson { get; set; }

        public string IdempotencyKey { get; set; }
        public TimeSpan Deadline { get; set; }
        public string TraceParent { get; set; }

        /// <summary>
        /// The one push that waits, for the outbox: until no kill can lose it, or DurableTimeout has passed. It then
        /// returns Status.Timeout with a ticket: it goes its way, and is not known to be written down.
        /// </summary>
        public bool Durable { get; set; }

        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            var lobby = new KlpLobby
            {
                StructSize = (uint)sizeof(KlpLobby),
                Flags = Durable ? Klp.PushDurable : 0,
                GameId = arena.Text(GameId, "game_id"),
                EventKey = arena.Text(EventKey, "event_key"),
                Key = arena.Text(Key, "key"),
                Capacity = Capacity,
                FillBots = FillBots,
                MetadataJson = arena.Text(MetadataJson, "metadata_json"),
                IdempotencyKey = arena.Text(IdempotencyKey, "idempotency_key"),
                Cookie = Cookie,
                DeadlineMs = Milliseconds.Of(Deadline, "deadline_ms"),
                TraceParent = arena.Text(TraceParent, "trace_parent"),
            };
            lobby.PlayerIds = arena.Texts(PlayerIds, "player_ids", out lobby.PlayerCount);
            return klp.Push(pusher, &lobby, ticket, why);
        }
    }

    /// <summary>A look at one lobby.</summary>
    public sealed class LobbyRead : Request
    {
        public LobbyRead(string lobbyId)
        {
            LobbyId = lobbyId;
        }

        /// <summary>The server's id of it: Verdict.LobbyId.</summary>
        public string LobbyId { get; set; }

        public string GameId { get; set; }

        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            return klp.Read(
                pusher, arena.Text(GameId, "game_id"), arena.Text(LobbyId, "lobby_id"), Cookie, ticket, why);
        }
    }

    /// <summary>A watch over one lobby, until it no longer forms.</summary>
    public sealed class LobbyAwait : Request
    {
        public LobbyAwait(string lobbyId)
        {
            LobbyId = lobbyId;
        }

        public string LobbyId { get; set; }
        public string GameId { get; set; }
        public TimeSpan PollInterval { get; set; }
        public TimeSpan Timeout { get; set; }
        public string TraceParent { get; set; }

        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            var watch = new KlpAwait
            {
                StructSize = (uint)sizeof(KlpAwait),
                GameId = arena.Text(GameId, "game_id"),
                LobbyId = arena.Text(LobbyId, "lobby_id"),
                PollIntervalMs = Milliseconds.Of(PollInterval, "poll_interval_ms"),
                TimeoutMs = Milliseconds.Of(Timeout, "timeout_ms"),
                Cookie = Cookie,
                TraceParent = arena.Text(TraceParent, "trace_parent"),
            };
            return klp.Await(pusher, &watch, ticket, why);
        }
    }

    /// <summary>Any other request: METHOD /server/v1/{segments[0]}/{segments[1]}/…</summary>
    public sealed class ServerCall : Request
    {
        public ServerCall(string method, params string[] segments)
        {
            Method = method;
            Segments = segments;
        }

        public string Method { get; set; }

        /// <summary>Each is percent-encoded by the library.</summary>
        public IReadOnlyList<string> Segments { get; set; }

        public string BodyJson { get; set; }
        public TimeSpan Deadline { get; set; }
        public string TraceParent { get; set; }

        /// <summary>As Lobby.Durable; not with GET.</summary>
        public bool Durable { get; set; }

        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            var call = new KlpCall
            {
                StructSize = (uint)sizeof(KlpCall),
                Flags = Durable ? Klp.PushDurable : 0,
                Method = arena.Text(Method, "method"),
                BodyJson = arena.Text(BodyJson, "body_json"),
                Cookie = Cookie,
                DeadlineMs = Milliseconds.Of(Deadline, "deadline_ms"),
                TraceParent = arena.Text(TraceParent, "trace_parent"),
            };
            call.Segments = arena.Texts(Segments, "segments", out call.SegmentCount);
            return klp.Call(pusher, &call, ticket, why);
        }
    }

    /// <summary>A check of the API key.</summary>
    public sealed class Ping : Request
    {
        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            return klp.Ping(pusher, Cookie, ticket, why);
        }
    }

    /// <summary>A matchmaker's document, whose roster is to be pushed with what is said beside.</summary>
    public sealed class RosterDocument : Request
    {
        public RosterDocument(string format, byte[] document)
        {
            Format = format;
            Document = document;
        }

        public RosterDocument(string format, string document)
        {
            Format = format;
            Text = document;
        }

        /// <summary>RosterFormat.…</summary>
        public string Format { get; set; }

        /// <summary>JSON in UTF-8; or else Text.</summary>
        public byte[] Document { get; set; }

        public string Text { get; set; }

        /// <summary>Instead of the document's; default: that, else the event's.</summary>
        public uint Capacity { get; set; }

        public FillBots FillBots { get; set; }

        /// <summary>RosterFormat.OpenMatch: where a ticket has its player's id.</summary>
        public string PlayerIdPath { get; set; }

        /// <summary>RosterFormat.AgonesGameserver: the annotation that is the key.</summary>
        public string KeyAnnotation { get; set; }

        /// <summary>What of players and of the match is kept in the metadata, by name.</summary>
        public IReadOnlyList<string> Attributes { get; set; }

        public string GameId { get; set; }

        /// <summary>Of a document that names none.</summary>
        public string EventKey { get; set; }

        public string IdempotencyKey { get; set; }
        public TimeSpan Deadline { get; set; }
        public string TraceParent { get; set; }

        /// <summary>As Lobby.Durable.</summary>
        public bool Durable { get; set; }

        /// <summary>Only reads the roster in it.</summary>
        public Status TryParse(out Roster roster, out string why)
        {
            return Roster.TryParse(this, out roster, out why);
        }

        internal unsafe KlpRosterOptions ToNative(Arena arena)
        {
            var options = new KlpRosterOptions
            {
                StructSize = (uint)sizeof(KlpRosterOptions),
                Flags = Durable ? Klp.PushDurable : 0,
                Capacity = Capacity,
                FillBots = FillBots,
                PlayerIdPath = arena.Text(PlayerIdPath, "player_id_path"),
                KeyAnnotation = arena.Text(KeyAnnotation, "key_annotation"),
                GameId = arena.Text(GameId, "game_id"),
                EventKey = arena.Text(EventKey, "event_key"),
                IdempotencyKey = arena.Text(IdempotencyKey, "idempotency_key"),
                Cookie = Cookie,
                DeadlineMs = Milliseconds.Of(Deadline, "deadline_ms"),
                TraceParent = arena.Text(TraceParent, "trace_parent"),
            };
            options.Attributes = arena.Texts(Attributes, "attributes", out options.AttributeCount);
            return options;
        }

        internal override unsafe Status Submit(Klp klp, IntPtr pusher, Arena arena, ulong* ticket, KlpTextBuffer* why)
        {
            KlpRosterOptions options = ToNative(arena);
            KlpText format = arena.Text(Format, "format");
            KlpText text = arena.Text(Text, "document");
            fixed (byte* bytes = Document)
                return bytes == null
                    ? klp.PushDocument(pusher, format, text.Data, text.Size, &options, ticket, why)
                    : klp.PushDocument(pusher, format, bytes, (ulong)Document.Length, &options, ticket, why);
        }

        internal unsafe Status Parse(Klp klp, Arena arena, KlpRoster** roster, KlpTextBuffer* why)
        {
            KlpRosterOptions options = ToNative(arena);
            KlpText format = arena.Text(Format, "format");
            KlpText text = arena.Text(Text, "document");
            fixed (byte* bytes = Document)
                return bytes == null
                    ? klp.ParseRoster(format, text.Data, text.Size, &options, roster, why)
                    : klp.ParseRoster(format, bytes, (ulong)Document.Length, &options, roster, why);
        }
    }
}
