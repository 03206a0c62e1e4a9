// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;

namespace Kraty
{
    /// <summary>What Kraty posted to a host, to be checked before it is believed.</summary>
    public sealed class Webhook
    {
        public Webhook(string signature, byte[] body, params string[] secrets)
        {
            Signature = signature;
            Body = body;
            Secrets = secrets;
        }

        /// <summary>The value of its X-Signature header.</summary>
        public string Signature { get; set; }

        /// <summary>The bytes as they came, before anything has parsed them.</summary>
        public byte[] Body { get; set; }

        /// <summary>The webhook's secret, and while it is being rotated its successor.</summary>
        public IReadOnlyList<string> Secrets { get; set; }

        /// <summary>How old it may be; default five minutes.</summary>
        public TimeSpan Tolerance { get; set; }

        /// <summary>Default: the system's clock.</summary>
        public DateTimeOffset? Now { get; set; }

        /// <summary>
        /// Status.Ok: it comes from Kraty, and lately. Status.Signature: it does not, and `why` has the reason.
        /// </summary>
        public unsafe Status Verify(out string why)
        {
            Klp klp = Klp.Library(LobbyPusher.LibraryPath);
            using (Arena arena = Arena.Rent())
            {
                var buffer = default(KlpTextBuffer);
                try
                {
                    fixed (byte* body = Body)
                    {
                        var webhook = new KlpWebhook
                        {
                            StructSize = (uint)sizeof(KlpWebhook),
                            ToleranceS = (Milliseconds.Of(Tolerance, "tolerance_s") + 999) / 1000,
                            Signature = arena.Text(Signature, "signature"),
                            Body = new KlpText { Data = body, Size = body == null ? 0 : (ulong)Body.Length },
                            NowUnixS = Now.HasValue ? Now.Value.ToUnixTimeSeconds() : 0,
                        };
                        webhook.Secrets = arena.Texts(Secrets, "secrets", out webhook.SecretCount);
                        Status status = klp.VerifyWebhook(&webhook, &buffer);
                        why = buffer.ToString();
                        return status;
                    }
                }
                catch (KratyException refused)
                {
                    why = refused.Message;
                    return refused.Status;
                }
            }
        }
    }
}
