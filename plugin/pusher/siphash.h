/* SPDX-License-Identifier: Apache-2.0
 * SipHash-1-3: a keyed hash that nobody without the key can make collide. */
#ifndef KLP_PUSHER_SIPHASH_H
#define KLP_PUSHER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *bytes, size_t size);

#endif
