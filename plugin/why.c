/* SPDX-License-Identifier: Apache-2.0 */
#include "why.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/utf8.h"

enum { OWN_TEXT_BYTES = 512 };

static pthread_key_t own_text_key;
static pthread_once_t own_text_once = PTHREAD_ONCE_INIT;
static int own_text_failed = 1;

static void make_own_text_key(void)
{
    own_text_failed = pthread_key_create(&own_text_key, free);
}

/* A text of the calling thread's own. Not a thread-local variable: glibc aborts the process when it cannot allocate
 * the storage of one that belongs to a library loaded with dlopen. */
static char *own_text(void)
{
    pthread_once(&own_text_once, make_own_text_key);
    if (own_text_failed)
        return NULL;
    char *text = pthread_getspecific(own_text_key);
    if (!text) {
        text = malloc(OWN_TEXT_BYTES);
        if (text && pthread_setspecific(own_text_key, text)) {
            free(text);
            text = NULL;
        }
    }
    return text;
}

void why_clear(klp_text_buffer *why)
{
    static char nothing[] = "";

    if (!why)
        return;
    why->size = 0;
    if (why->data && why->capacity > 0)
        why->data[0] = '\0';
    else
        why->data = nothing, why->capacity = 0;
}

klp_status why_say(klp_text_buffer *why, klp_status status, const char *format, ...)
{
    static char no_memory[] = "out of memory while saying why";

    if (!why)
        return status;

    char *text = why->data;
    size_t capacity = why->capacity;
    if (!text || capacity == 0) {
        text = own_text();
        capacity = OWN_TEXT_BYTES;
        why->capacity = 0;
        if (!text) {
            why->data = no_memory;
            why->size = sizeof no_memory - 1;
            return status;
        }
        why->data = text;
    }

    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(text, capacity, format, arguments);
    va_end(arguments);
    if (needed < 0) {
        text[0] = '\0';
        why->size = 0;
        return status;
    }
    why->size = (size_t)needed;
    if (why->size >= capacity) {
        struct utf8_fault cut_character;
        why->size = utf8_check(text, capacity - 1, &cut_character) ? capacity - 1 : cut_character.at;
        text[why->size] = '\0';
    }
    return status;
}
