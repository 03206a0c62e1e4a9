/* SPDX-License-Identifier: Apache-2.0
 *
 * A page that the kernel zeroes in every child is both cheaper than getpid() and right where that is wrong: a server
 * that is pid 1 of its container, and its child in a pid namespace of its own. */
#include "pusher/fork_guard.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static const atomic_uchar *_Atomic page;
static pid_t armed_pid; /* instead of the page, on kernels before 4.14 */

bool fork_guard_arm(void)
{
    long page_bytes = sysconf(_SC_PAGESIZE);
    atomic_uchar *mapped = mmap(NULL, (size_t)page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    if (madvise(mapped, (size_t)page_bytes, MADV_WIPEONFORK))
        armed_pid = getpid();
    atomic_store_explicit(mapped, 1, memory_order_relaxed);
    atomic_store_explicit(&page, mapped, memory_order_release);
    return true;
}

bool fork_guard_is_child(void)
{
    const atomic_uchar *armed = atomic_load_explicit(&page, memory_order_acquire);
    if (!armed)
        return false;
    if (armed_pid)
        return armed_pid != getpid();
    return atomic_load_explicit(armed, memory_order_relaxed) == 0;
}
