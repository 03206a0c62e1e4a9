/* SPDX-License-Identifier: Apache-2.0
 * The system's randomness. */
#ifndef KLP_PUSHER_RANDOM_H
#define KLP_PUSHER_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: the system refused. */
bool random_fill(void *bytes, size_t size);

/* Lower-case hexadecimal digits of `size` bytes, without a NUL. */
void random_hex(char *out, const unsigned char *bytes, size_t size);

enum { UUID_BYTES = 36 };

/* A version 4 UUID of 16 random bytes, without a NUL. */
void random_uuid(char out[UUID_BYTES], const unsigned char bytes[16]);

/* The UUIDs of one pusher: the n-th is a keyed hash of n. The key was random once, so they are no other's, and making
 * one takes no system call and cannot fail. */
struct uuid_series {
    uint64_t key[2];
    uint64_t count;
};

void uuid_series_next(struct uuid_series *series, char out[UUID_BYTES]);

/* Random numbers of one pusher, likewise. */
struct random_series {
    uint64_t key[2];
    uint64_t count;
};

uint32_t random_series_next(struct random_series *series);

#endif
