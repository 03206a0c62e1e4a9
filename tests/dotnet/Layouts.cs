// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Kraty;

/// <summary>
/// The structs and the numbers, against what tests/abi/layout.h has the C compiler assert of the header, line by
/// line; and the names, against the header itself.
/// </summary>
internal static class Layouts
{
    private static readonly Dictionary<string, Type> structs = new Dictionary<string, Type>
    {
        { "klp_text", typeof(KlpText) },
        { "klp_text_buffer", typeof(KlpTextBuffer) },
        { "klp_attempt", typeof(KlpAttempt) },
        { "klp_config", typeof(KlpConfig) },
        { "klp_lobby", typeof(KlpLobby) },
        { "klp_await", typeof(KlpAwait) },
        { "klp_call", typeof(KlpCall) },
        { "klp_webhook", typeof(KlpWebhook) },
        { "klp_roster_options", typeof(KlpRosterOptions) },
        { "klp_roster", typeof(KlpRoster) },
        { "klp_event", typeof(KlpEvent) },
        { "klp_stats", typeof(Statistics) },
        { "klp_histogram", typeof(KlpHistogram) },
        { "klp_api", typeof(KlpApi) },
    };

    private static readonly Dictionary<string, Type> enumerations = new Dictionary<string, Type>
    {
        { "KLP_E_", typeof(Status) },
        { "KLP_OP_", typeof(Operation) },
        { "KLP_ORIGIN_", typeof(ErrorOrigin) },
        { "KLP_FILL_BOTS_", typeof(FillBots) },
        { "KLP_GATE_", typeof(Gate) },
        { "KLP_LATENCY_", typeof(Latency) },
        { "KLP_SYNC_", typeof(SyncMode) },
        { "KLP_OUTBOX_", typeof(OutboxMode) },
        { "KLP_DAMAGED_", typeof(DamagedOutbox) },
    };

    // What stands under another name here than the rule makes of it.
    private static readonly Dictionary<string, string> renamed = new Dictionary<string, string>
    {
        { "GateNumber", "gate" },
        { "IsDegraded", "degraded" },
    };

    public static void AreThoseOfTheHeader(string[] arguments)
    {
        string asserted = File.ReadAllText(arguments[0]), header = File.ReadAllText(arguments[1]);

        Same(Asserted(asserted, @"^(SIZE\((?!klp_stub_)\w+, \d+\)|AT\((?!klp_stub_)\w+, \w+, \d+, \d+\));"), Shapes(), "shapes");
        Same(Asserted(asserted, @"^VALUE\((KLP_(?:E|OP|ORIGIN|FILL_BOTS|GATE|LATENCY|SYNC|OUTBOX|DAMAGED)_\w+, \d+)\);"),
            Enumerators(), "enumerators");
        Same(Asserted(asserted, @"^VALUE\((KLP_OK|KLP_OUTCOME_NONE|KLP_\w*APPLIED), (\d+)\);"), new SortedSet<string>
        {
            "KLP_OK " + (int)Status.Ok, "KLP_OUTCOME_NONE " + (int)Outcome.None, "KLP_APPLIED " + (int)Outcome.Applied,
            "KLP_NOT_APPLIED " + (int)Outcome.NotApplied, "KLP_POSSIBLY_APPLIED " + (int)Outcome.PossiblyApplied,
        }, "outcomes");
        Same(Asserted(header, @"^#define KLP_CODE_(\w+)\s+\\?\s*""(\w+)"""),
            Constants(typeof(ErrorCode)), "error codes");
        Same(Asserted(header, @"^#define KLP_FORMAT_(\w+)\s+\\?\s*""(\w+)"""),
            Constants(typeof(RosterFormat)), "formats");

        Constant(asserted, "KLP_ABI", Klp.NewestAbi);
        Constant(asserted, "KLP_WAIT_FOREVER", Klp.WaitForever);
        Constant(asserted, "KLP_PUSH_DURABLE", Klp.PushDurable);
        Constant(asserted, "KLP_JITTER_NONE", LobbyPusherOptions.NoJitter);
        Constant(asserted, "KLP_GRACE_NONE", Milliseconds.Of(LobbyPusherOptions.Never, ""));
        Constant(asserted, "KLP_ADOPT_NONE", Milliseconds.Of(LobbyPusherOptions.Never, ""));
        Constant(asserted, "KLP_HISTOGRAM_BUCKETS", LatencyHistogram.BucketCount);
        Constant(asserted, "KLP_ALLOW_INSECURE", Flags(new LobbyPusherOptions { AllowInsecure = true }));
        Constant(asserted, "KLP_PROXY_FROM_ENVIRONMENT", Flags(new LobbyPusherOptions { ProxyFromEnvironment = true }));
        Check.Contains("\n#define KLP_SONAME \"" + Klp.Soname + "\"\n", header, "the SONAME");
    }

    private static SortedSet<string> Shapes()
    {
        var shapes = new SortedSet<string>();
        foreach (KeyValuePair<string, Type> pair in structs)
        {
            // only what is laid out in C# as it is for C can be pinned
            GCHandle.Alloc(Activator.CreateInstance(pair.Value), GCHandleType.Pinned).Free();
            shapes.Add("SIZE(" + pair.Key + ", " + Marshal.SizeOf(pair.Value) + ")");
            foreach (FieldInfo field in pair.Value.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
                shapes.Add("AT(" + pair.Key + ", " + NameInC(field.Name) + ", " +
                    Marshal.OffsetOf(pair.Value, field.Name) + ", " + SizeOf(field) + ")");
        }
        return shapes;
    }

    private static int SizeOf(FieldInfo field)
    {
        Type type = field.FieldType;
        return type.IsPointer ? IntPtr.Size : Marshal.SizeOf(type.IsEnum ? Enum.GetUnderlyingType(type) : type);
    }

    private static SortedSet<string> Enumerators()
    {
        var enumerators = new SortedSet<string>();
        foreach (KeyValuePair<string, Type> pair in enumerations)
            foreach (object number in Enum.GetValues(pair.Value))
                if (!number.Equals(Status.Ok))
                    enumerators.Add(pair.Key + NameInC(number.ToString()).ToUpperInvariant() + ", " + (int)number);
        return enumerators;
    }

    private static SortedSet<string> Constants(Type type)
    {
        var constants = new SortedSet<string>();
        foreach (FieldInfo field in type.GetFields())
            constants.Add(NameInC(field.Name).ToUpperInvariant() + " " + field.GetRawConstantValue());
        return constants;
    }

    // "HttpStatus" is http_status.
    private static string NameInC(string name)
    {
        string known;
        if (renamed.TryGetValue(name, out known))
            return known;
        return Regex.Replace(name, "(?<!^)([A-Z])", "_$1").ToLowerInvariant();
    }

    // What the groups of each match hold, in one line.
    private static SortedSet<string> Asserted(string text, string pattern)
    {
        var found = new SortedSet<string>();
        foreach (Match match in Regex.Matches(text, pattern, RegexOptions.Multiline))
        {
            var groups = new List<string>();
            for (int i = 1; i < match.Groups.Count; i++)
                groups.Add(match.Groups[i].Value);
            found.Add(string.Join(" ", groups));
        }
        return found;
    }

    private static void Same(SortedSet<string> inC, SortedSet<string> here, string what)
    {
        Check.That(inC.Count > 0, "there are " + what + " in C");
        foreach (string line in inC)
            Check.That(here.Contains(line), what + ": " + line + " of C is not here");
        foreach (string line in here)
            Check.That(inC.Contains(line), what + ": " + line + " is not in C");
    }

    private static void Constant(string asserted, string name, uint here)
    {
        Match match = Regex.Match(asserted, @"^VALUE\(" + name + @", (\w+)\);", RegexOptions.Multiline);
        string inC = match.Groups[1].Value;
        uint number = inC == "UINT32_MAX" ? uint.MaxValue
            : inC.StartsWith("0x") ? Convert.ToUInt32(inC, 16) : uint.Parse(inC);
        Check.Equal(number, here, name);
    }

    private static uint Flags(LobbyPusherOptions options)
    {
        using (Arena arena = Arena.Rent())
            return options.ToNative(arena).Flags;
    }
}
