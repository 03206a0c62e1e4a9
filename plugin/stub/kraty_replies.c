/* SPDX-License-Identifier: Apache-2.0
 * What the Kraty in memory replied to an idempotency key: for 24 hours the same request gets the same reply. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "stub/kraty.h"
#include "stub/same_json.h"

#define KEPT_US (UINT64_C(24) * 3600 * 1000000)

/* In one block with its texts. */
struct remembered {
    klp_text key, path, body, reply;
    const char *method; /* static */
    uint64_t until_us;
};

static int by_key(const void *a, const void *b)
{
    const struct remembered *x = a, *y = b;
    if (x->key.size != y->key.size)
        return x->key.size < y->key.size ? -1 : 1;
    return memcmp(x->key.data, y->key.data, x->key.size);
}

static bool is_same_body(klp_text a, klp_text b)
{
    struct json_document document_a, document_b;

    if (a.size == b.size && memcmp(a.data, b.data, a.size) == 0)
        return true;
    if (json_read(a.data, a.size, &document_a, NULL))
        return false;
    bool is_same = false;
    if (!json_read(b.data, b.size, &document_b, NULL)) {
        is_same = same_json(&document_a, JSON_ROOT, &document_b, JSON_ROOT);
        json_free(&document_b);
    }
    json_free(&document_a);
    return is_same;
}

static bool is_same_request(const struct remembered *remembered, const struct kraty_request *request)
{
    return strcmp(remembered->method, request->method) == 0 && strcmp(remembered->path.data, request->path) == 0 &&
           is_same_body(remembered->body, request->body);
}

enum kraty_reply_found kraty_reply_find(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                                        struct kraty_answer *answer)
{
    struct remembered wanted = {.key = key};
    void *found = tfind(&wanted, &kraty->replies_by_key, by_key);
    struct remembered *remembered = found ? *(struct remembered **)found : NULL;

    if (!remembered)
        return REPLY_IS_NEW;
    if (request->now_us >= remembered->until_us) {
        tdelete(remembered, &kraty->replies_by_key, by_key);
        free(remembered);
        return REPLY_IS_NEW;
    }
    if (!is_same_request(remembered, request))
        return REPLY_CONFLICTS;
    *answer = (struct kraty_answer){.status = 200, .body_bytes = remembered->reply.size, .is_applied = true};
    answer->body = malloc(remembered->reply.size + 1);
    if (answer->body)
        memcpy(answer->body, remembered->reply.data, remembered->reply.size + 1);
    return REPLY_IS_KNOWN;
}

static klp_text put(char **at, const char *data, size_t size)
{
    klp_text kept = {*at, size};

    if (size)
        memcpy(*at, data, size);
    (*at)[size] = '\0';
    *at += size + 1;
    return kept;
}

bool kraty_reply_keep(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                      const struct kraty_answer *answer)
{
    size_t path_bytes = strlen(request->path);
    struct remembered *remembered =
        malloc(sizeof *remembered + key.size + path_bytes + request->body.size + answer->body_bytes + 4);

    if (!remembered)
        return false;
    char *at = (char *)(remembered + 1);
    remembered->key = put(&at, key.data, key.size);
    remembered->path = put(&at, request->path, path_bytes);
    remembered->body = put(&at, request->body.data, request->body.size);
    remembered->reply = put(&at, answer->body, answer->body_bytes);
    remembered->method = request->method;
    remembered->until_us = request->now_us + KEPT_US;
    if (!tsearch(remembered, &kraty->replies_by_key, by_key)) {
        free(remembered);
        return false;
    }
    return true;
}

void kraty_replies_clear(struct kraty *kraty)
{
    tdestroy(kraty->replies_by_key, free);
    kraty->replies_by_key = NULL;
}
