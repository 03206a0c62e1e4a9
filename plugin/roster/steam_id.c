/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/steam_id.h"

#include <stdint.h>

/* From the highest bit: universe (8), type (4), instance (20), account (32). */
enum { FIRST_UNIVERSE = 1, LAST_UNIVERSE = 4, TYPE_INDIVIDUAL = 1, LAST_INSTANCE = 4 };

static bool read_id(klp_text text, uint64_t *id)
{
    *id = 0;
    if (text.size == 0 || text.data[0] == '0')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || *id > (UINT64_MAX - digit) / 10)
            return false;
        *id = *id * 10 + digit;
    }
    return true;
}

bool steam_id_is(klp_text text)
{
    uint64_t id;
    return read_id(text, &id);
}

bool steam_id_is_individual(klp_text text)
{
    uint64_t id;

    if (!read_id(text, &id))
        return false;
    uint64_t universe = id >> 56, type = id >> 52 & 0xF, instance = id >> 32 & 0xFFFFF, account = id & 0xFFFFFFFF;
    return universe >= FIRST_UNIVERSE && universe <= LAST_UNIVERSE && type == TYPE_INDIVIDUAL &&
           instance <= LAST_INSTANCE && account != 0;
}
