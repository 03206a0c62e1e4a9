/* SPDX-License-Identifier: Apache-2.0
 * The system's randomness. */
#ifndef KLP_PUSHER_RANDOM_H
#define KLP_PUSHER_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* False: the system refused. */
bool random_fill(void *bytes, size_t size);

/* Lower-case hexadecimal digits of `size` bytes, without a NUL. */
void random_hex(char *out, const unsigned char *bytes, size_t size);

enum { UUID_BYTES = 36 };

/* A version 4 UUID of 16 random bytes, without a NUL. */
void random_uuid(char out[UUID_BYTES], const unsigned char bytes[16]);

#endif
