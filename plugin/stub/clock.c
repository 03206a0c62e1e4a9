/* SPDX-License-Identifier: Apache-2.0
 * The pusher's time is its world's. A thread that is in no world reads the system's. */
#include "clock.h"

#include "stub/virtual_time.h"
#include "stub/world.h"

uint64_t clock_now_us(void)
{
    const struct world *world = world_entered();
    return world ? atomic_load(&world->now_us) : clock_outside_us();
}

int64_t clock_unix_ms(void)
{
    const struct world *world = world_entered();
    struct timespec now;

    if (world)
        return virtual_time_unix_ms(atomic_load(&world->now_us));
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_unix_s(void)
{
    return clock_unix_ms() / 1000;
}
