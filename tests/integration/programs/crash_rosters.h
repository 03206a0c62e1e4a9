/* SPDX-License-Identifier: Apache-2.0
 *
 * What a host that is killed pushes, so that whoever counts afterwards knows it too: all of a roster follows from its
 * key, all of a push from its cookie. */
#ifndef CRASH_ROSTERS_H
#define CRASH_ROSTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CRASH_MOST_PLAYERS = 4, CRASH_TEXT_BYTES = 64 };

/* A cookie is the host's number and that of its push, from 1. */
static inline uint64_t crash_cookie(unsigned host, uint32_t push)
{
    return (uint64_t)host << 32 | push;
}

static inline unsigned crash_host_of(uint64_t cookie)
{
    return (unsigned)(cookie >> 32);
}

static inline uint32_t crash_push_of(uint64_t cookie)
{
    return (uint32_t)cookie;
}

static inline void crash_name(unsigned host, char name[CRASH_TEXT_BYTES])
{
    snprintf(name, CRASH_TEXT_BYTES, "host-%u", host);
}

/* Of the roster that this push was the first of. */
static inline void crash_key(uint64_t cookie, char key[CRASH_TEXT_BYTES])
{
    snprintf(key, CRASH_TEXT_BYTES, "m-%u-%u", crash_host_of(cookie), (unsigned)crash_push_of(cookie));
}

static inline unsigned crash_mixed(uint64_t number, unsigned salt)
{
    uint64_t mixed = (number * UINT64_C(0x9e3779b97f4a7c15)) ^ (salt * UINT64_C(0xc2b2ae3d27d4eb4f));
    mixed ^= mixed >> 29;
    mixed *= UINT64_C(0xbf58476d1ce4e5b9);
    return (unsigned)(mixed >> 33);
}

static inline size_t crash_player_count(const char *key)
{
    uint64_t sum = 0;
    for (; *key; key++)
        sum = sum * 31 + (unsigned char)*key;
    return crash_mixed(sum, 1) % CRASH_MOST_PLAYERS + 1;
}

static inline void crash_player(const char *key, size_t i, char player[CRASH_TEXT_BYTES])
{
    snprintf(player, CRASH_TEXT_BYTES, "%s.p%zu", key, i);
}

/* Whether it waits for the outbox. */
static inline bool crash_is_durable(uint64_t cookie)
{
    return crash_mixed(cookie, 2) % 5 != 0;
}

/* Whether the host gives the idempotency key, and does not leave it to the library. */
static inline bool crash_has_stamp(uint64_t cookie)
{
    return crash_mixed(cookie, 3) % 2 == 0;
}

/* Whether it is pushed again by the next life when this one had no answer. Of the others nothing hides what became. */
static inline bool crash_is_repeated(uint64_t cookie)
{
    return crash_mixed(cookie, 4) % 2 == 0;
}

#endif
