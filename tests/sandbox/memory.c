/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_US (24ULL * 3600 * 1000000)

struct remembered {
    uint64_t until_us;
    char *key;
    size_t key_bytes;
    char *call; /* "POST /server/…" */
    char *body;
    size_t body_bytes;
    struct reply reply;
    struct remembered *newer;
};

static void free_remembered(struct remembered *remembered)
{
    reply_clear(&remembered->reply);
    free(remembered->body);
    free(remembered->call);
    free(remembered->key);
    free(remembered);
}

void memory_init(struct memory *memory)
{
    *memory = (struct memory){0};
    memory->newest = &memory->oldest;
}

void memory_clear(struct memory *memory)
{
    for (struct remembered *entry = memory->oldest, *newer; entry; entry = newer) {
        newer = entry->newer;
        free_remembered(entry);
    }
    table_clear(&memory->by_key);
    memory_init(memory);
}

/* Everything is kept equally long, so the oldest is always the first to go. */
static void forget_expired(struct memory *memory, uint64_t now_us)
{
    while (memory->oldest && memory->oldest->until_us <= now_us) {
        struct remembered *expired = memory->oldest;
        memory->oldest = expired->newer;
        if (!memory->oldest)
            memory->newest = &memory->oldest;
        table_take(&memory->by_key, expired->key, expired->key_bytes);
        free_remembered(expired);
    }
}

static char *join(const char *first, char between, const char *second, size_t *size)
{
    size_t first_bytes = strlen(first), second_bytes = strlen(second);
    *size = first_bytes + 1 + second_bytes;
    char *joined = malloc(*size + 1);
    if (!joined)
        return NULL;
    char *out = mempcpy(joined, first, first_bytes);
    *out++ = between;
    memcpy(out, second, second_bytes + 1);
    return joined;
}

static bool same_call(const struct remembered *remembered, const struct memory_request *request)
{
    size_t method_bytes = strlen(request->method);
    return strncmp(remembered->call, request->method, method_bytes) == 0 && remembered->call[method_bytes] == ' ' &&
           strcmp(remembered->call + method_bytes + 1, request->path) == 0;
}

static bool same_body(const struct remembered *remembered, const struct memory_request *request)
{
    if (remembered->body_bytes == request->body_bytes &&
        memcmp(remembered->body, request->body, request->body_bytes) == 0)
        return true;

    json_t *kept = json_loadb(remembered->body, remembered->body_bytes, 0, NULL);
    json_t *given = json_loadb(request->body, request->body_bytes, 0, NULL);
    bool same = kept && given && json_equal(kept, given);
    json_decref(kept);
    json_decref(given);
    return same;
}

enum memory_answer memory_ask(struct memory *memory, const struct memory_request *request, uint64_t now_us,
                              struct reply *reply)
{
    size_t key_bytes;
    char *key = join(request->game, '\0', request->idempotency_key, &key_bytes);
    if (!key)
        return MEMORY_UNKNOWN;

    forget_expired(memory, now_us);
    const struct remembered *remembered = table_get(&memory->by_key, key, key_bytes);
    free(key);
    if (!remembered)
        return MEMORY_UNKNOWN;
    if (!same_call(remembered, request) || !same_body(remembered, request))
        return MEMORY_CONFLICT;
    reply_set_bytes(reply, 200, remembered->reply.body, remembered->reply.body_bytes);
    return MEMORY_REPLAY;
}

void memory_keep(struct memory *memory, const struct memory_request *request, uint64_t now_us,
                 const struct reply *reply)
{
    size_t call_bytes;
    struct remembered *remembered = calloc(1, sizeof *remembered);
    if (!remembered)
        return;

    remembered->until_us = now_us + KEPT_US;
    remembered->key = join(request->game, '\0', request->idempotency_key, &remembered->key_bytes);
    remembered->call = join(request->method, ' ', request->path, &call_bytes);
    remembered->body = malloc(request->body_bytes + 1);
    if (!remembered->key || !remembered->call || !remembered->body)
        goto free_it;
    memcpy(remembered->body, request->body, request->body_bytes);
    remembered->body_bytes = request->body_bytes;
    reply_set_bytes(&remembered->reply, reply->status, reply->body, reply->body_bytes);
    if (!remembered->reply.body)
        goto free_it;
    if (!table_put(&memory->by_key, remembered->key, remembered->key_bytes, remembered))
        goto free_it;

    *memory->newest = remembered;
    memory->newest = &remembered->newer;
    return;

free_it:
    free_remembered(remembered);
}
