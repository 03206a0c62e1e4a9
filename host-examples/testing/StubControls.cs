// SPDX-License-Identifier: Apache-2.0
//
// The controls of the stub (kraty/lobby_pusher_stub.h has their contracts), for a host's tests in C#: compiled with the
// tests, beside host-examples/dotnet/Kraty, and not with the host.
using System;
using System.Runtime.InteropServices;

#pragma warning disable 649 // fields that the library writes

namespace Kraty
{
    public sealed partial class LobbyPusher
    {
        private StubControls stub;

        /// <summary>The controls of this pusher; a KratyException when the library that was loaded is not the stub.</summary>
        public StubControls Stub
        {
            get { return stub ?? (stub = new StubControls(call => With(call))); }
        }
    }

    public sealed unsafe class StubControls
    {
        private const uint NewestAbi = 1;

        private struct Table
        {
            public uint StructSize, Abi;
            public IntPtr Script, HoldTime, RunTime, AdvanceMs, ElapsedUs, Refuse, RepeatEvent, Recover, Request, Lobby, Reset;
        }

        private struct StubLobby
        {
            public uint StructSize, Capacity;
            public KlpText Id, GameId, EventKey, Key;
            public KlpText* PlayerIds;
            public ulong PlayerCount;
            public KlpText MetadataJson;
            public int FillBots;
            public uint TimesPushed;
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Table* GetApiFunction(uint* abi);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Status ScriptFunction(IntPtr pusher, KlpText json, KlpTextBuffer* why);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Status PlainFunction(IntPtr pusher);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Status NumberFunction(IntPtr pusher, ulong number);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Status RefuseFunction(IntPtr pusher, Status status, uint times);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate Status LobbyFunction(IntPtr pusher, ulong index, StubLobby* lobby);

        private readonly Func<Func<IntPtr, Status>, Status> with;
        private readonly ScriptFunction script;
        private readonly PlainFunction holdTime, runTime, reset;
        private readonly NumberFunction advanceMs, repeatEvent;
        private readonly RefuseFunction refuse;
        private readonly LobbyFunction lobby;

        internal StubControls(Func<Func<IntPtr, Status>, Status> with)
        {
            string path = LobbyPusher.LibraryPath ?? Environment.GetEnvironmentVariable("KLP_LIBRARY");
            uint abi = NewestAbi;
            Table* table = Function<GetApiFunction>(DynamicLoader.Find(path, "klp_stub_get_api"))(&abi);
            if (table == null || table->StructSize < sizeof(Table))
                throw new KratyException(Status.NotAvailable, path + ": has no stub ABI that this test was compiled for");
            this.with = with;
            script = Function<ScriptFunction>(table->Script);
            holdTime = Function<PlainFunction>(table->HoldTime);
            runTime = Function<PlainFunction>(table->RunTime);
            advanceMs = Function<NumberFunction>(table->AdvanceMs);
            refuse = Function<RefuseFunction>(table->Refuse);
            repeatEvent = Function<NumberFunction>(table->RepeatEvent);
            lobby = Function<LobbyFunction>(table->Lobby);
            reset = Function<PlainFunction>(table->Reset);
        }

        public void Script(string json)
        {
            string reason = "";
            Status status = with(pusher =>
            {
                using (Arena arena = Arena.Rent())
                {
                    var why = default(KlpTextBuffer);
                    Status said = script(pusher, arena.Text(json, "json"), &why);
                    reason = why.ToString();
                    return said;
                }
            });
            Check(status, reason);
        }

        public void HoldTime()
        {
            Check(with(pusher => holdTime(pusher)), "hold_time");
        }

        public void RunTime()
        {
            Check(with(pusher => runTime(pusher)), "run_time");
        }

        public void Advance(TimeSpan time)
        {
            Check(with(pusher => advanceMs(pusher, checked((ulong)time.TotalMilliseconds))), "advance_ms");
        }

        public void Refuse(Status status, uint times)
        {
            Check(with(pusher => refuse(pusher, status, times)), "refuse");
        }

        public void RepeatEvent(ulong seq)
        {
            Check(with(pusher => repeatEvent(pusher, seq)), "repeat_event");
        }

        public void Reset()
        {
            Check(with(pusher => reset(pusher)), "reset");
        }

        /// <summary>The key of the index-th lobby that there is; null: there are not so many.</summary>
        public string LobbyKey(ulong index)
        {
            string key = null;
            Status status = with(pusher =>
            {
                var found = new StubLobby { StructSize = (uint)sizeof(StubLobby) };
                Status said = lobby(pusher, index, &found);
                key = said == Status.Ok ? found.Key.ToString() : null;
                return said;
            });
            Check(status == Status.NotAvailable ? Status.Ok : status, "lobby");
            return key;
        }

        private static TFunction Function<TFunction>(IntPtr pointer)
        {
            return Marshal.GetDelegateForFunctionPointer<TFunction>(pointer);
        }

        private static void Check(Status status, string reason)
        {
            if (status != Status.Ok)
                throw new KratyException(status, reason);
        }
    }
}
