/* SPDX-License-Identifier: Apache-2.0 */
#include "results/acknowledgement.h"

#include <string.h>

#include "json/read.h"

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool read_object(const char *reply, size_t size, uint64_t *seq)
{
    struct json_document document;
    if (json_read(reply, size, &document, NULL) != JSON_OK)
        return false;
    bool is_valid = json_unsigned(&document, json_member(&document, JSON_ROOT, "ack"), seq);
    json_free(&document);
    return is_valid;
}

bool acknowledgement_read(const char *reply, size_t size, uint64_t last_seq, uint64_t *acknowledged_seq)
{
    while (size > 0 && (is_space(reply[size - 1]) || reply[size - 1] == '\0')) /* C hosts send their NUL, too */
        size--;
    while (size > 0 && is_space(*reply))
        reply++, size--;

    if (size == 0 || (size == 2 && memcmp(reply, "ok", 2) == 0)) {
        *acknowledged_seq = last_seq;
        return true;
    }
    uint64_t seq;
    if (!read_object(reply, size, &seq))
        return false;
    *acknowledged_seq = seq < last_seq ? seq : last_seq;
    return true;
}
