// SPDX-License-Identifier: Apache-2.0
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Kraty
{
    /// <summary>
    /// The texts of one call, as UTF-8 in unmanaged memory: nothing has to be pinned, and nothing is left for the
    /// garbage collector. Each thread keeps one for its next call. What was in it is overwritten after the call.
    /// </summary>
    internal sealed unsafe class Arena : IDisposable
    {
        private const int KeptBytes = 32 * 1024; // a lobby of some hundred players

        // Replacing half a character by another would make two players of another name into one.
        private static readonly Encoding strict = new UTF8Encoding(false, true);

        [ThreadStatic]
        private static Arena spare;

        private readonly byte* kept = (byte*)Marshal.AllocHGlobal(KeptBytes);
        private readonly Stack<Block> more = new Stack<Block>();
        private byte* next, end;

        private struct Block
        {
            public byte* Memory;
            public long Size;
        }

        private Arena()
        {
            StartOver();
        }

        // The thread that kept it has ended.
        ~Arena()
        {
            Marshal.FreeHGlobal((IntPtr)kept);
        }

        public static Arena Rent()
        {
            Arena arena = spare ?? new Arena();
            spare = null;
            return arena;
        }

        public void Dispose()
        {
            Wipe(kept, more.Count == 0 ? next - kept : KeptBytes);
            while (more.Count > 0)
            {
                Block block = more.Pop();
                Wipe(block.Memory, block.Size);
                Marshal.FreeHGlobal((IntPtr)block.Memory);
            }
            StartOver();
            spare = this;
        }

        /// <summary>null and "" are "not given". `field` is for the one who reads why it was refused.</summary>
        public KlpText Text(string text, string field)
        {
            return Text(text, field, -1);
        }

        public KlpText* Texts(IReadOnlyList<string> texts, string field, out ulong count)
        {
            int wanted = texts == null ? 0 : texts.Count;
            count = (ulong)wanted;
            KlpText* made = (KlpText*)Take((long)wanted * sizeof(KlpText));
            for (int i = 0; i < wanted; i++)
                made[i] = Text(texts[i], field, i);
            return made;
        }

        private KlpText Text(string text, string field, int index)
        {
            if (string.IsNullOrEmpty(text))
                return default(KlpText);
            try
            {
                fixed (char* characters = text)
                {
                    int size = strict.GetByteCount(characters, text.Length);
                    byte* bytes = Take(size);
                    strict.GetBytes(characters, text.Length, bytes, size);
                    return new KlpText { Data = bytes, Size = (ulong)size };
                }
            }
            catch (EncoderFallbackException)
            {
                string place = index < 0 ? field : field + "[" + index + "]";
                throw new KratyException(Status.InvalidArgument, place + " has half of a surrogate pair");
            }
        }

        // Aligned for what holds pointers.
        private byte* Take(long bytes)
        {
            bytes = (bytes + 7) & ~7L;
            if (bytes > end - next)
                TakeBlock(bytes);
            byte* taken = next;
            next += bytes;
            return taken;
        }

        private void TakeBlock(long bytes)
        {
            long size = Math.Max(bytes, 4 * KeptBytes);
            next = (byte*)Marshal.AllocHGlobal((IntPtr)size);
            end = next + size;
            more.Push(new Block { Memory = next, Size = size });
        }

        private void StartOver()
        {
            next = kept;
            end = kept + KeptBytes;
        }

        private static void Wipe(byte* bytes, long size)
        {
            for (long i = 0; i < size; i += 8) // taken in eights
                *(ulong*)(bytes + i) = 0;
        }
    }
}
