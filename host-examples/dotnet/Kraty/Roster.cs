// SPDX-License-Identifier: Apache-2.0
using System.Collections.Generic;

namespace Kraty
{
    /// <summary>A roster out of a matchmaker's document: see RosterDocument.TryParse.</summary>
    public sealed class Roster
    {
        private unsafe Roster(KlpRoster* native)
        {
            var playerIds = new string[checked((int)native->PlayerCount)];
            for (int i = 0; i < playerIds.Length; i++)
                playerIds[i] = native->PlayerIds[i].ToString();
            PlayerIds = playerIds;
            Key = native->Key.ToString();
            EventKey = native->EventKey.ToString();
            Capacity = native->Capacity;
            FillBots = native->FillBots;
            MetadataJson = native->MetadataJson.ToString();
        }

        public string Key { get; }

        /// <summary>Of RosterFormat.Plain, where the document names one; else empty.</summary>
        public string EventKey { get; }

        /// <summary>In the order of the document, each once.</summary>
        public IReadOnlyList<string> PlayerIds { get; }

        /// <summary>0: the event's.</summary>
        public uint Capacity { get; }

        public FillBots FillBots { get; }

        /// <summary>One JSON object, or empty.</summary>
        public string MetadataJson { get; }

        /// <summary>Ready to be pushed but for what a document does not say.</summary>
        public Lobby ToLobby()
        {
            return new Lobby(EventKey, Key, PlayerIds)
            {
                Capacity = Capacity, FillBots = FillBots, MetadataJson = MetadataJson,
            };
        }

        internal static unsafe Status TryParse(RosterDocument document, out Roster roster, out string why)
        {
            Klp klp = Klp.Library(LobbyPusher.LibraryPath);
            roster = null;
            using (Arena arena = Arena.Rent())
            {
                KlpRoster* native = null;
                var buffer = default(KlpTextBuffer);
                Status status;
                try
                {
                    status = document.Parse(klp, arena, &native, &buffer);
                }
                catch (KratyException refused)
                {
                    why = refused.Message;
                    return refused.Status;
                }
                why = buffer.ToString();
                if (status != Status.Ok)
                    return status;
                try
                {
                    roster = new Roster(native);
                }
                finally
                {
                    klp.FreeRoster(native);
                }
                return status;
            }
        }
    }
}
