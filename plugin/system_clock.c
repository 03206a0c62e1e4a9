/* SPDX-License-Identifier: Apache-2.0
 * The time of the pusher, and of the world: the system's. (The stub has another.) */
#include "clock.h"

uint64_t clock_now_us(void)
{
    return clock_outside_us();
}

int64_t clock_unix_s(void)
{
    return (int64_t)time(NULL);
}

int64_t clock_unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
