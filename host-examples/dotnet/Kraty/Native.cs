// SPDX-License-Identifier: Apache-2.0
//
// The C ABI of kraty/lobby_pusher.h as C# sees it: its structs and its table, name for name (`struct_size` is
// StructSize), and how the library is found. The contract of every function stands in that header.
//
// Nothing here is generated at run time: blittable structs, pointers, and delegates of their own types, so that it
// works where code is compiled ahead of time (IL2CPP, NativeAOT).
//
// No function of the host is ever handed to the library. Its worker blocks all signals, and a runtime that stops
// threads by signals when it collects garbage (Mono, Unity's) waits forever for one that has been in managed code:
// on_log and on_attempt stay NULL, and Statistics and Metrics() have what they would tell.
using System;
using System.Runtime.InteropServices;
using System.Text;

#pragma warning disable 649 // fields that the library writes

namespace Kraty
{
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpText
    {
        public byte* Data;
        public ulong Size;

        public override string ToString()
        {
            return Size == 0 ? "" : Encoding.UTF8.GetString(Data, checked((int)Size));
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpTextBuffer
    {
        public byte* Data; // zeroed: a text of the library's own, of this thread
        public ulong Capacity;
        public ulong Size;

        public override string ToString()
        {
            return new KlpText { Data = Data, Size = Size }.ToString();
        }
    }

    // The one struct here that nothing reads: see above.
    [StructLayout(LayoutKind.Sequential)]
    internal struct KlpAttempt
    {
        public uint StructSize;
        public int Op;
        public ulong Ticket, Cookie;
        public KlpText Method, PathTemplate, IdempotencyKey, TraceParent;
        public uint Attempt, Sends;
        public int Ok, HttpStatus, CurlCode, Reserved;
        public KlpText ErrorCode, RequestId;
        public long RetryInMs;
        public ulong QueueUs, NameUs, ConnectUs, TlsUs, FirstByteUs, TotalUs, BytesSent, BytesReceived;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct KlpConfig
    {
        public uint StructSize, Flags;
        public KlpText Name, BaseUrl, GameId, ApiKey, ApiKeyFile, CaFile, Proxy, ResultsUrl;
        public uint MaxInFlight, MaxQueued, MaxUnreadEvents, AttemptTimeoutMs, DeadlineMs, MaxAttempts;
        public ulong MaxQueuedBytes, MaxReplyBytes;
        public uint BackoffInitialMs, BackoffMaxMs, JitterPermille, SessionGraceMs;
        public KlpText ExpectEnvironment;
        public IntPtr OnAttempt, OnLog, CallbackUser;
        public int LogLevel;
        public uint Reserved;
        public KlpText OutboxDir;
        public SyncMode OutboxSync;
        public OutboxMode OutboxMode;
        public DamagedOutbox OutboxDamaged;
        public uint OutboxAdoptMs;
        public ulong OutboxMaxBytes;
        public uint DurableTimeoutMs, ReservedToo;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpLobby
    {
        public uint StructSize, Flags;
        public KlpText GameId, EventKey, Key;
        public KlpText* PlayerIds;
        public ulong PlayerCount;
        public uint Capacity;
        public FillBots FillBots;
        public KlpText MetadataJson, IdempotencyKey;
        public ulong Cookie;
        public uint DeadlineMs, Reserved;
        public KlpText TraceParent;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct KlpAwait
    {
        public uint StructSize, Flags;
        public KlpText GameId, LobbyId;
        public uint PollIntervalMs, TimeoutMs;
        public ulong Cookie;
        public KlpText TraceParent;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpCall
    {
        public uint StructSize, Flags;
        public KlpText Method;
        public KlpText* Segments;
        public ulong SegmentCount;
        public KlpText BodyJson;
        public ulong Cookie;
        public uint DeadlineMs, Reserved;
        public KlpText TraceParent;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpWebhook
    {
        public uint StructSize, ToleranceS;
        public KlpText Signature, Body;
        public KlpText* Secrets;
        public ulong SecretCount;
        public long NowUnixS;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpRosterOptions
    {
        public uint StructSize, Flags, Capacity;
        public FillBots FillBots;
        public KlpText PlayerIdPath, KeyAnnotation;
        public KlpText* Attributes;
        public ulong AttributeCount;
        public KlpText GameId, EventKey, IdempotencyKey;
        public ulong Cookie;
        public uint DeadlineMs, Reserved;
        public KlpText TraceParent;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct KlpEvent
    {
        public uint StructSize;
        public Operation Op;
        public ulong Seq, Ticket, Cookie;
        public KlpText Pusher, Epoch, GameId, EventKey, Key, Method, Path, TraceParent;
        public int Ok;
        public Outcome Outcome;
        public int Replayed, Recovered;
        public uint Attempts, Sends;
        public int HttpStatus, Retryable;
        public ulong ElapsedUs;
        public long RetryAfterMs;
        public KlpText RequestId, LobbyId, LobbyStatus, LobbyJson;
        public long Capacity, ParticipantCount, BotSlots, FilledSlots;
        public KlpText ErrorCode, ErrorMessage, ErrorDetailsJson;
        public ErrorOrigin ErrorOrigin;
        public int CurlCode, Truncated, Joined;
        public ulong TruncatedBytes;
        public KlpText ApiKeyJson, DataJson, ReplyJson, Json;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpRoster
    {
        public uint StructSize;
        public FillBots FillBots;
        public KlpText Key, EventKey;
        public KlpText* PlayerIds;
        public ulong PlayerCount;
        public uint Capacity, Reserved;
        public KlpText MetadataJson;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct KlpHistogram
    {
        public uint StructSize, Reserved;
        public ulong Count, SumUs, MaxUs;
        public fixed ulong Buckets[160];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct KlpApi
    {
        public uint StructSize, Abi;
        public IntPtr Open, Push, Read, Await, Call, Ping, Cancel, NextEvent, Ack, EventFd, DecodeEvent, FreeEvent;
        public IntPtr Flush, Stop, Close, Stats, Latencies, Metrics, SetApiKey, VerifyWebhook, StatusText, OutcomeText;
        public IntPtr Version, ParseRoster, FreeRoster, PushDocument;
    }

    /// <summary>The loaded library: its table as delegates.</summary>
    internal sealed unsafe class Klp
    {
        public const uint NewestAbi = 1;
        public const string Soname = "libkraty_lobby_pusher.so.1";
        public const uint WaitForever = uint.MaxValue;
        public const uint PushDurable = 1;

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate KlpApi* GetApiFunction(uint* abi);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status OpenFunction(KlpConfig* config, IntPtr* pusher, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status PushFunction(IntPtr pusher, KlpLobby* lobby, ulong* ticket, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status ReadFunction(
            IntPtr pusher, KlpText gameId, KlpText lobbyId, ulong cookie, ulong* ticket, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status AwaitFunction(IntPtr pusher, KlpAwait* await, ulong* ticket, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status CallFunction(IntPtr pusher, KlpCall* call, ulong* ticket, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status PingFunction(IntPtr pusher, ulong cookie, ulong* ticket, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status CancelFunction(IntPtr pusher, ulong ticket);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status NextEventFunction(IntPtr pusher, uint timeoutMs, KlpEvent** taken);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status AckFunction(IntPtr pusher, KlpEvent* taken);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status EventFdFunction(IntPtr pusher, int* descriptor);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status DecodeEventFunction(byte* bytes, ulong size, KlpEvent** decoded, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void FreeEventFunction(KlpEvent* decoded);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status WaitFunction(IntPtr pusher, uint timeoutMs); // flush, stop

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status CloseFunction(IntPtr pusher);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status StatsFunction(IntPtr pusher, Statistics* statistics);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status LatenciesFunction(IntPtr pusher, int which, KlpHistogram* histogram);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status MetricsFunction(IntPtr pusher, byte* text, ulong capacity, ulong* size);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status SetApiKeyFunction(IntPtr pusher, KlpText apiKey, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status VerifyWebhookFunction(KlpWebhook* webhook, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate byte* TextOfFunction(int number); // status_text, outcome_text

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate byte* VersionFunction();

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status ParseRosterFunction(
            KlpText format, byte* bytes, ulong size, KlpRosterOptions* options, KlpRoster** roster, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void FreeRosterFunction(KlpRoster* roster);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate Status PushDocumentFunction(IntPtr pusher, KlpText format, byte* bytes, ulong size,
            KlpRosterOptions* options, ulong* ticket, KlpTextBuffer* why);

        public readonly OpenFunction Open;
        public readonly PushFunction Push;
        public readonly ReadFunction Read;
        public readonly AwaitFunction Await;
        public readonly CallFunction Call;
        public readonly PingFunction Ping;
        public readonly CancelFunction Cancel;
        public readonly NextEventFunction NextEvent;
        public readonly AckFunction Ack;
        public readonly EventFdFunction EventFd;
        public readonly DecodeEventFunction DecodeEvent;
        public readonly FreeEventFunction FreeEvent;
        public readonly WaitFunction Flush;
        public readonly WaitFunction Stop;
        public readonly CloseFunction Close;
        public readonly StatsFunction Stats;
        public readonly LatenciesFunction Latencies;
        public readonly MetricsFunction Metrics;
        public readonly SetApiKeyFunction SetApiKey;
        public readonly VerifyWebhookFunction VerifyWebhook;
        public readonly TextOfFunction StatusText;
        public readonly TextOfFunction OutcomeText;
        public readonly VersionFunction Version;
        public readonly ParseRosterFunction ParseRoster;
        public readonly FreeRosterFunction FreeRoster;
        public readonly PushDocumentFunction PushDocument;

        private static readonly object loading = new object();
        private static volatile Klp loaded;

        private Klp(KlpApi* table)
        {
            Bind(table->Open, out Open);
            Bind(table->Push, out Push);
            Bind(table->Read, out Read);
            Bind(table->Await, out Await);
            Bind(table->Call, out Call);
            Bind(table->Ping, out Ping);
            Bind(table->Cancel, out Cancel);
            Bind(table->NextEvent, out NextEvent);
            Bind(table->Ack, out Ack);
            Bind(table->EventFd, out EventFd);
            Bind(table->DecodeEvent, out DecodeEvent);
            Bind(table->FreeEvent, out FreeEvent);
            Bind(table->Flush, out Flush);
            Bind(table->Stop, out Stop);
            Bind(table->Close, out Close);
            Bind(table->Stats, out Stats);
            Bind(table->Latencies, out Latencies);
            Bind(table->Metrics, out Metrics);
            Bind(table->SetApiKey, out SetApiKey);
            Bind(table->VerifyWebhook, out VerifyWebhook);
            Bind(table->StatusText, out StatusText);
            Bind(table->OutcomeText, out OutcomeText);
            Bind(table->Version, out Version);
            Bind(table->ParseRoster, out ParseRoster);
            Bind(table->FreeRoster, out FreeRoster);
            Bind(table->PushDocument, out PushDocument);
        }

        private static void Bind<TFunction>(IntPtr slot, out TFunction function)
        {
            function = Marshal.GetDelegateForFunctionPointer<TFunction>(slot);
        }

        /// <summary>The library, loaded by the first call that finds it; it is never unloaded.</summary>
        public static Klp Library(string path)
        {
            if (loaded != null)
                return loaded;
            lock (loading)
                return loaded ?? (loaded = Load(path));
        }

        // path, else $KLP_LIBRARY (so that a test can put a stub in its place), else where the dynamic loader looks.
        private static Klp Load(string path)
        {
            if (IntPtr.Size != 8)
                throw new KratyException(Status.NotAvailable, "Kraty/Native.cs is for 64-bit processes");
            CheckSizes();
            if (string.IsNullOrEmpty(path))
                path = Environment.GetEnvironmentVariable("KLP_LIBRARY");
            if (string.IsNullOrEmpty(path))
                path = Soname;

            var getApi = Marshal.GetDelegateForFunctionPointer<GetApiFunction>(DynamicLoader.Find(path, "klp_get_api"));
            uint abi = NewestAbi;
            KlpApi* table = getApi(&abi);
            if (table == null)
                throw new KratyException(Status.NotAvailable, path + ": has no ABI that this host was compiled for");
            if (table->StructSize < sizeof(KlpApi))
                throw new KratyException(Status.NotAvailable, path + ": is older than Kraty/Native.cs");
            return new Klp(table);
        }

        // What these are in C; a compiler that lays one out otherwise must not get as far as a call.
        private static void CheckSizes()
        {
            CheckSize(sizeof(KlpText), 16, "klp_text");
            CheckSize(sizeof(KlpTextBuffer), 24, "klp_text_buffer");
            CheckSize(sizeof(KlpConfig), 288, "klp_config");
            CheckSize(sizeof(KlpLobby), 144, "klp_lobby");
            CheckSize(sizeof(KlpAwait), 72, "klp_await");
            CheckSize(sizeof(KlpCall), 88, "klp_call");
            CheckSize(sizeof(KlpWebhook), 64, "klp_webhook");
            CheckSize(sizeof(KlpRosterOptions), 144, "klp_roster_options");
            CheckSize(sizeof(KlpEvent), 440, "klp_event");
            CheckSize(sizeof(KlpRoster), 80, "klp_roster");
            CheckSize(sizeof(Statistics), 288, "klp_stats");
            CheckSize(sizeof(KlpHistogram), 1312, "klp_histogram");
            CheckSize(sizeof(KlpApi), 216, "klp_api");
        }

        private static void CheckSize(int size, int sizeInC, string name)
        {
            if (size != sizeInC)
                throw new KratyException(
                    Status.NotAvailable, name + " is " + size + " bytes here, and " + sizeInC + " in C");
        }
    }

    internal static unsafe class DynamicLoader
    {
#if NETCOREAPP3_0_OR_GREATER
        public static IntPtr Find(string path, string symbol)
        {
            try
            {
                return NativeLibrary.GetExport(NativeLibrary.Load(path), symbol);
            }
            catch (Exception failure) when (failure is DllNotFoundException || failure is BadImageFormatException ||
                failure is EntryPointNotFoundException)
            {
                throw new KratyException(Status.NotAvailable, path + ": " + failure.Message);
            }
        }
#else
        private const int ResolveNow = 2; // RTLD_NOW | RTLD_LOCAL

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlopen(byte* path, int flags);

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlsym(IntPtr library, byte* symbol);

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlerror();

        public static IntPtr Find(string path, string symbol)
        {
            dlerror(); // a runtime finds it by dlsym, which would drop the reason that it is called for below
            fixed (byte* file = Encoding.UTF8.GetBytes(path + "\0"), name = Encoding.UTF8.GetBytes(symbol + "\0"))
            {
                IntPtr library = dlopen(file, ResolveNow);
                IntPtr found = library == IntPtr.Zero ? library : dlsym(library, name);
                if (found == IntPtr.Zero)
                    throw new KratyException(Status.NotAvailable, Marshal.PtrToStringAnsi(dlerror()) ?? path);
                return found;
            }
        }
#endif
    }
}
