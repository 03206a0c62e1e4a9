/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/path.h"

#include <stdbool.h>
#include <string.h>

const char *path_segment_fault(const char *text, size_t size)
{
    if (size == 0)
        return "is empty";
    if (size == 1 && text[0] == '.')
        return "is \".\", which would be a path step";
    if (size == 2 && text[0] == '.' && text[1] == '.')
        return "is \"..\", which would be a path step";
    return NULL;
}

/* What encodeURIComponent leaves alone. Spelt out: isalnum() would ask the locale. */
static bool is_unreserved(char byte)
{
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9'))
        return true;
    return byte != '\0' && strchr("-_.!~*'()", byte);
}

size_t path_encode_segment(const char *text, size_t size, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t bytes = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_unreserved(text[i])) {
            if (out)
                out[bytes] = text[i];
            bytes++;
            continue;
        }
        if (out) {
            out[bytes] = '%';
            out[bytes + 1] = digits[byte >> 4];
            out[bytes + 2] = digits[byte & 15];
        }
        bytes += 3;
    }
    return bytes;
}

static char *put(char *out, const char *literal)
{
    size_t size = strlen(literal);
    memcpy(out, literal, size);
    return out + size;
}

/* /server/v1/games/{game_id}{between}{segment}{behind} */
static size_t path_in_game(const char *game_id, size_t game_id_size, const char *between, const char *segment,
                           size_t segment_size, const char *behind, char *out, size_t capacity)
{
    static const char games[] = "/server/v1/games/";
    size_t bytes = strlen(games) + path_encode_segment(game_id, game_id_size, NULL) + strlen(between) +
                   path_encode_segment(segment, segment_size, NULL) + strlen(behind);
    if (bytes >= capacity)
        return bytes;
    out = put(out, games);
    out += path_encode_segment(game_id, game_id_size, out);
    out = put(out, between);
    out += path_encode_segment(segment, segment_size, out);
    out = put(out, behind);
    *out = '\0';
    return bytes;
}

size_t path_of_push(const char *game_id, size_t game_id_size, const char *event_key, size_t event_key_size, char *out,
                    size_t capacity)
{
    return path_in_game(game_id, game_id_size, "/events/", event_key, event_key_size, "/lobbies", out, capacity);
}

size_t path_of_read(const char *game_id, size_t game_id_size, const char *lobby_id, size_t lobby_id_size, char *out,
                    size_t capacity)
{
    return path_in_game(game_id, game_id_size, "/lobbies/", lobby_id, lobby_id_size, "", out, capacity);
}
