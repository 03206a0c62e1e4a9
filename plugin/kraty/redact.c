/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/redact.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "json/escape.h"

#define SECRET_MIN_BYTES 8u

void redact_needle(const char *api_key, size_t size, const char **needle, size_t *needle_size)
{
    const char *dot = size ? memchr(api_key, '.', size) : NULL;
    size_t secret_size = dot ? (size_t)(api_key + size - dot) - 1 : 0;
    bool has_secret = secret_size >= SECRET_MIN_BYTES;
    *needle = has_secret ? dot + 1 : api_key;
    *needle_size = has_secret ? secret_size : size;
}

/* In both walks a character is blanked only after the question whether an occurrence starts at it, and that looks
 * ahead only: so occurrences that overlap are all found. */

void redact_text(char *text, size_t size, const char *needle, size_t needle_size)
{
    size_t end_of_occurrence = 0;
    if (needle_size == 0)
        return;
    for (size_t at = 0; at < size; at++) {
        if (text[at] == needle[0] && size - at >= needle_size && memcmp(text + at, needle, needle_size) == 0)
            end_of_occurrence = at + needle_size;
        if (at < end_of_occurrence)
            text[at] = '*';
    }
}

/* Bytes that a string's next character takes, escaped or not; *code_point is what it says. Bytes that are not ASCII
 * come one by one: no needle has them. */
static size_t character_at(const char *json, size_t size, uint32_t *code_point)
{
    size_t bytes = json[0] == '\\' ? json_escape_read(json, size, code_point) : 0;
    if (bytes)
        return bytes;
    *code_point = (unsigned char)json[0];
    return 1;
}

/* Bytes of the occurrence that starts here; 0 when none does. An unescaped quote is the end of the string. */
static size_t occurrence_at(const char *json, size_t size, const char *needle, size_t needle_size)
{
    size_t at = 0;
    for (size_t i = 0; i < needle_size; i++) {
        uint32_t code_point;
        if (at == size || json[at] == '"')
            return 0;
        at += character_at(json + at, size - at, &code_point);
        if (code_point != (unsigned char)needle[i])
            return 0;
    }
    return at;
}

/* A key of digits may come back as a number. It stays one, of as many digits. */
static void blank(char *json, size_t bytes, bool in_string)
{
    for (size_t i = 0; i < bytes; i++) {
        if (in_string)
            json[i] = '*';
        else if (json[i] >= '0' && json[i] <= '9')
            json[i] = '1';
    }
}

void redact_json(char *json, size_t size, const char *needle, size_t needle_size)
{
    size_t end_of_occurrence = 0;
    size_t bytes = 0;
    bool in_string = false;
    if (needle_size == 0)
        return;
    for (size_t at = 0; at < size; at += bytes) {
        bytes = 1;
        if (json[at] == '"')
            in_string = !in_string;
        if (json[at] == '"')
            continue;
        uint32_t code_point = (unsigned char)json[at];
        if (in_string)
            bytes = character_at(json + at, size - at, &code_point);
        size_t occurrence_bytes = 0;
        if (code_point == (unsigned char)needle[0])
            occurrence_bytes = occurrence_at(json + at, size - at, needle, needle_size);
        if (occurrence_bytes)
            end_of_occurrence = at + occurrence_bytes;
        if (at < end_of_occurrence)
            blank(json + at, bytes, in_string);
    }
}

void secrets_add(struct secrets *secrets, const char *api_key, size_t size)
{
    if (secrets->count == sizeof secrets->of / sizeof *secrets->of)
        return;
    redact_needle(api_key, size, &secrets->of[secrets->count].needle, &secrets->of[secrets->count].size);
    secrets->count++;
}

void secrets_redact_text(const struct secrets *secrets, char *text, size_t size)
{
    for (size_t i = 0; i < secrets->count; i++)
        redact_text(text, size, secrets->of[i].needle, secrets->of[i].size);
}

void secrets_redact_json(const struct secrets *secrets, char *json, size_t size)
{
    for (size_t i = 0; i < secrets->count; i++)
        redact_json(json, size, secrets->of[i].needle, secrets->of[i].size);
}
