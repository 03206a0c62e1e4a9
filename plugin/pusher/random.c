/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/random.h"

#include <string.h>

#include "pusher/siphash.h"

void random_hex(char *out, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}

void random_uuid(char out[UUID_BYTES], const unsigned char bytes[16])
{
    static const unsigned char group_bytes[] = {4, 2, 2, 2, 6};
    unsigned char uuid[16];
    const unsigned char *from = uuid;

    memcpy(uuid, bytes, sizeof uuid);
    uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4 */
    uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
    for (size_t i = 0; i < sizeof group_bytes; i++) {
        if (i)
            *out++ = '-';
        random_hex(out, from, group_bytes[i]);
        from += group_bytes[i];
        out += 2 * group_bytes[i];
    }
}

void uuid_series_next(struct uuid_series *series, char out[UUID_BYTES])
{
    unsigned char bytes[16];

    for (uint64_t half = 0; half < 2; half++) {
        uint64_t number[2] = {series->count, half};
        uint64_t word = siphash(series->key, number, sizeof number);
        memcpy(bytes + 8 * half, &word, sizeof word);
    }
    series->count++;
    random_uuid(out, bytes);
}

uint32_t random_series_next(struct random_series *series)
{
    uint64_t number = series->count++;
    return (uint32_t)siphash(series->key, &number, sizeof number);
}
