/* SPDX-License-Identifier: Apache-2.0
 * Takes a secret out of text that came from elsewhere. */
#ifndef KLP_KRATY_REDACT_H
#define KLP_KRATY_REDACT_H

#include <stddef.h>

/* What is looked for: the part of an API key behind its first '.' when that is at least 8 bytes, else all of it. */
void redact_needle(const char *api_key, size_t size, const char **needle, size_t *needle_size);

/* Replaces every occurrence of the needle by '*', byte for byte, in place. Plain text. */
void redact_text(char *text, size_t size, const char *needle, size_t needle_size);

/* The same in JSON, in which the needle may stand escaped (\/, \", \\, \u0041 …): an occurrence is replaced by as many
 * '*' as it has raw bytes, so the text keeps its size and stays the JSON it was. In a number its digits become ones. */
void redact_json(char *json, size_t size, const char *needle, size_t needle_size);

/* Several API keys: while one is rotated the one of before is still good. */
struct secrets {
    size_t count;
    struct {
        const char *needle;
        size_t size;
    } of[264]; /* a key for each of 256 requests on the wire, and some of before */
};

/* The key must outlive it. Beyond the room that there is none is added. */
void secrets_add(struct secrets *secrets, const char *api_key, size_t size);
void secrets_redact_text(const struct secrets *secrets, char *text, size_t size);
void secrets_redact_json(const struct secrets *secrets, char *json, size_t size);

#endif
