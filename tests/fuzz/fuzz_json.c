/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as JSON, as a reply's body, and as what a secret is taken out of.
 * For libFuzzer; with KLP_FUZZ_STANDALONE a program that runs the files it is given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kraty/redact.h"
#include "kraty/reply.h"
#include "json/read.h"
#include "json/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* A string's text, with its NUL; the caller's. */
static char *decoded(const struct json_document *document, int string, size_t *size)
{
    *size = json_text(document, string, NULL, 0);
    must(*size + 2 <= json_raw(document, string).size, "a decoded text is not longer than its raw slice");
    char *text = malloc(*size + 1);
    must(text != NULL, "memory");
    must(json_text(document, string, text, *size + 1) == *size, "a string is as long as it was measured");
    must(text[*size] == '\0', "a string ends");
    must(utf8_check(text, *size, NULL), "a string is UTF-8");
    must(json_text_is(document, string, text) == (strlen(text) == *size), "a string is itself");
    return text;
}

static void walk_scalar(const struct json_document *document, int value)
{
    int64_t integer;
    uint64_t magnitude;
    size_t size;
    if (json_signed(document, value, &integer) && json_unsigned(document, value, &magnitude))
        must((uint64_t)integer == magnitude, "a number is the same signed and not");
    if (json_kind(document, value) == '"')
        free(decoded(document, value, &size));
}

/* Returns how many tokens there are in a value, with itself. */
static size_t walk(const struct json_document *document, int value)
{
    struct json_slice raw = json_raw(document, value);
    must(raw.data >= document->text && raw.data + raw.size <= document->text + document->size, "a slice is inside");
    must(json_check(raw.data, raw.size, JSON_MAX_BYTES, JSON_MAX_DEPTH, NULL, NULL), "a value is JSON by itself");
    walk_scalar(document, value);

    size_t tokens = 1;
    size_t length = 0;
    for (int child = json_first(document, value); child != JSON_NONE; child = json_next(document, child), length++) {
        if (json_kind(document, value) == '{') {
            size_t size;
            char *name = decoded(document, child, &size);
            if (strlen(name) == size)
                must(json_member(document, value, name) >= json_value_of_key(document, child), "a member is found");
            free(name);
            tokens += 1 + walk(document, json_value_of_key(document, child));
        } else {
            tokens += walk(document, child);
        }
    }
    must(length == json_length(document, value), "a container is as long as its walk");
    return tokens;
}

static void read_reply(const char *body, size_t size, enum reply_payload wanted)
{
    struct reply reply;
    must(reply_read(body, size, wanted, &reply), "memory");
    if (reply.kind == REPLY_HAS_ERROR) {
        must(json_text(&reply.document, reply.code, NULL, 0) > 0, "an error has a code");
        must(reply.message == JSON_NONE || json_kind(&reply.document, reply.message) == '"', "a message is a string");
    } else if (reply.kind == REPLY_HAS_PAYLOAD) {
        must(json_kind(&reply.document, reply.payload) == '{', "a payload is an object");
        must(wanted != REPLY_WANTS_LOBBY || reply.lobby.filled_slots <= reply.lobby.capacity, "slots are bounded");
    } else {
        must(reply.fault.reason && reply.fault.at <= size, "what is no reply says why");
    }
    reply_free(&reply);
}

static void must_not_hold(const struct json_document *document, const char *needle)
{
    for (int token = 0; (size_t)token < document->count; token++) {
        size_t size;
        if (json_kind(document, token) != '"')
            continue;
        char *text = decoded(document, token, &size);
        must(!memmem(text, size, needle, strlen(needle)), "a redacted text does not hold the needle");
        free(text);
    }
}

static void redact(const char *text, size_t size, const struct json_document *document)
{
    static const char needle[] = "a/\"\\b";
    char *copy = malloc(size + 1);
    must(copy != NULL, "memory");
    memcpy(copy, text, size);
    redact_text(copy, size, needle, strlen(needle));
    must(!memmem(copy, size, needle, strlen(needle)), "a redacted text does not hold the needle");

    memcpy(copy, text, size);
    redact_json(copy, size, needle, strlen(needle));
    if (document) {
        struct json_document after;
        must(json_read(copy, size, &after, NULL) == JSON_OK, "redacted JSON is JSON");
        must(after.count == document->count, "redacted JSON has the same tokens");
        must_not_hold(&after, needle);
        json_free(&after);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct json_document document;
    struct json_fault fault = {NULL, 0};
    enum json_result result = json_read(text, size, &document, &fault);
    must(result != JSON_NO_MEMORY, "memory");
    if (result == JSON_OK)
        must(walk(&document, JSON_ROOT) == document.count, "a walk meets every token");
    else
        must(fault.reason && fault.at <= size, "what is refused has a reason and a place");
    read_reply(text, size, REPLY_WANTS_LOBBY);
    read_reply(text, size, REPLY_WANTS_API_KEY);
    redact(text, size, result == JSON_OK ? &document : NULL);
    json_free(&document);
    return 0;
}

#ifdef KLP_FUZZ_STANDALONE
int main(int count, char **paths)
{
    static uint8_t bytes[2 * JSON_MAX_BYTES];
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (!file) {
            perror(paths[i]);
            return 1;
        }
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d files\n", count - 1);
    return 0;
}
#endif
