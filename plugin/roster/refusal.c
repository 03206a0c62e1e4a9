/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json/utf8.h"

bool roster_refuse(struct roster_refusal *refusal, enum roster_fault fault, const char *format, ...)
{
    char *sentence = refusal->sentence;
    va_list arguments;

    refusal->fault = fault;
    va_start(arguments, format);
    int needed = vsnprintf(sentence, sizeof refusal->sentence, format, arguments);
    va_end(arguments);
    size_t most = sizeof refusal->sentence - 1;
    struct utf8_fault cut_character;
    if (needed < 0)
        sentence[0] = '\0';
    else if ((size_t)needed > most && !utf8_check(sentence, most, &cut_character))
        sentence[cut_character.at] = '\0';
    return false;
}

const char *roster_printable(const char *text, size_t size, char out[ROSTER_PRINTABLE_BYTES])
{
    static const char ellipsis[] = "…";
    size_t kept = utf8_cut(text, size, ROSTER_PRINTABLE_BYTES - sizeof ellipsis);

    for (size_t i = 0; i < kept; i++) {
        unsigned char byte = (unsigned char)text[i];
        out[i] = byte < 0x20 || byte == 0x7f ? '?' : text[i];
    }
    memcpy(out + kept, kept < size ? ellipsis : "", kept < size ? sizeof ellipsis : 1);
    return out;
}
