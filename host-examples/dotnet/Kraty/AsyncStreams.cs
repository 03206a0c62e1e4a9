// SPDX-License-Identifier: Apache-2.0
//
// `await foreach` and `await using`, where the runtime has what they are made of: .NET Core 3, .NET 5 and later, .NET
// Standard 2.1, Unity 2021.2 and later with it; and mono 6.4 and later, if KLP_ASYNC_STREAMS says so. Elsewhere
// NextVerdictAsync, Poll and Dispose are the same.
#if NETCOREAPP3_0_OR_GREATER || NETSTANDARD2_1_OR_GREATER || NET_STANDARD_2_1 || KLP_ASYNC_STREAMS
using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Kraty
{
    public sealed partial class LobbyPusher : IAsyncDisposable
    {
        /// <summary>
        /// Every verdict from here on, until StopAsync and the last, or Dispose. Several readers share them: each
        /// verdict goes to one.
        /// </summary>
        public IAsyncEnumerable<Verdict> Verdicts()
        {
            return new VerdictStream(reader);
        }

        /// <summary>Dispose, on a thread of its own.</summary>
        public ValueTask DisposeAsync()
        {
            return new ValueTask(OnThreadOfItsOwn(() =>
            {
                Dispose();
                return true;
            }));
        }

        // By hand: mcs knows no async iterators.
        private sealed class VerdictStream : IAsyncEnumerable<Verdict>
        {
            private readonly VerdictReader reader;

            public VerdictStream(VerdictReader reader)
            {
                this.reader = reader;
            }

            public IAsyncEnumerator<Verdict> GetAsyncEnumerator(CancellationToken cancellation)
            {
                return new Enumerator(reader, cancellation);
            }
        }

        private sealed class Enumerator : IAsyncEnumerator<Verdict>
        {
            private readonly VerdictReader reader;
            private readonly CancellationToken cancellation;

            public Enumerator(VerdictReader reader, CancellationToken cancellation)
            {
                this.reader = reader;
                this.cancellation = cancellation;
            }

            public Verdict Current { get; private set; }

            public ValueTask<bool> MoveNextAsync()
            {
                Task<Verdict> next = reader.TakeAsync(cancellation);
                if (next.Status != TaskStatus.RanToCompletion)
                    return new ValueTask<bool>(WaitAsync(next));
                Current = next.Result;
                return new ValueTask<bool>(Current != null);
            }

            public ValueTask DisposeAsync()
            {
                return default(ValueTask);
            }

            private async Task<bool> WaitAsync(Task<Verdict> next)
            {
                Current = await next.ConfigureAwait(false);
                return Current != null;
            }
        }
    }
}
#endif
