/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "complain.h"
#include "outbox.h"
#include "outbox_files.h"
#include "output.h"
#include "pusher/random.h"
#include "json/write.h"

enum { SHORTEST_RANDOM = 16 }; /* the host's own key may leave room for less: then it stays */

struct numbers {
    uint64_t *items;
    size_t count;
    bool has_memory;
};

/* One that is to be sent again. */
struct again {
    uint64_t failed, ticket;
    char *body; /* with another idempotency key; NULL: as it was */
    char *key;
    size_t key_bytes;
    bool is_found, has_memory, has_randomness;
};

/* ─── A fresh key ───────────────────────────────────────────────────────────────────────────────── */

/* The server may have kept its answer to the old one, and would give it again. Of a push that may have been applied
 * that is just what is wanted: then its bytes stay. */
static bool is_to_have_another_key(const struct store_failed *failed)
{
    return failed->outcome == KLP_NOT_APPLIED && failed->job.idempotency_bytes >= SHORTEST_RANDOM;
}

/* As many bytes as there are, for the body's size stays; a key that the host had made may have more or less than a
 * UUID.
 */
static bool write_key(char *at, size_t size)
{
    unsigned char random[16];
    char uuid[UUID_BYTES];

    for (size_t done = 0; done < size; done += UUID_BYTES) {
        if (!random_fill(random, sizeof random))
            return false;
        random_uuid(uuid, random);
        memcpy(at + done, uuid, size - done < UUID_BYTES ? size - done : UUID_BYTES);
    }
    return true;
}

static bool take_failed(void *user, const struct store_failed *failed)
{
    struct again *again = user;
    const struct store_job *job = &failed->job;

    if (failed->id != again->failed)
        return false;
    again->is_found = true;
    again->key_bytes = job->key.size;
    again->key = malloc(job->key.size + 1);
    again->has_memory = again->key;
    if (again->key)
        memcpy(again->key, job->key.data, job->key.size);
    if (!again->has_memory || !is_to_have_another_key(failed))
        return false;
    again->body = malloc(job->body.size);
    again->has_memory = again->body;
    if (!again->body)
        return false;
    memcpy(again->body, job->body.data, job->body.size);
    again->has_randomness = write_key(again->body + job->idempotency_offset, job->idempotency_bytes);
    return false;
}

/* ─── One ───────────────────────────────────────────────────────────────────────────────────────── */

static void write_line(struct json_writer *writer, const struct outbox_file *file, const struct again *again)
{
    json_open(writer, '{');
    json_name(writer, "kind");
    json_put_string(writer, "requeued", strlen("requeued"));
    json_name(writer, "file");
    json_put_string(writer, file->name, strlen(file->name));
    json_name(writer, "pusher");
    json_put_string(writer, file->pusher, strlen(file->pusher));
    json_name(writer, "failed");
    json_put_unsigned(writer, again->failed);
    json_name(writer, "ticket");
    json_put_unsigned(writer, again->ticket);
    json_name(writer, "key");
    json_put_string(writer, again->key, again->key_bytes);
    json_name(writer, "fresh_idempotency_key");
    json_put_bool(writer, again->body != NULL);
    json_close(writer, '}');
}

static bool tell(struct output *output, const struct outbox_file *file, const struct again *again)
{
    struct json_writer measured = {.data = NULL};

    write_line(&measured, file, again);
    struct json_writer writer = {.data = malloc(measured.size), .capacity = measured.size};
    if (!writer.data) {
        complain("out of memory");
        return false;
    }
    write_line(&writer, file, again);
    bool is_told = output_line(output, (klp_text){writer.data, writer.size});
    free(writer.data);
    return is_told;
}

static bool prepare(struct store *store, struct again *again)
{
    again->has_memory = again->has_randomness = true;
    if (store_each_failed(store, again->failed - 1, take_failed, again))
        complain("%s", store_last_failure(store));
    else if (!again->is_found)
        complain("ticket %" PRIu64 " is no longer kept", again->failed);
    else if (!again->has_memory || !again->has_randomness)
        complain(again->has_memory ? "the system gave no randomness" : "out of memory");
    else
        return true;
    return false;
}

/* Its number is reserved. */
static bool requeue_one(struct store *store, const struct outbox_file *file, uint64_t failed, uint64_t ticket,
                        struct output *output)
{
    struct again again = {.failed = failed, .ticket = ticket};
    bool is_done =
        prepare(store, &again) &&
        outbox_file_commit(store, store_requeue(store, failed, ticket, again.body, clock_wall_ms()) == STORE_OK) &&
        tell(output, file, &again);

    free(again.body);
    free(again.key);
    return is_done;
}

/* ─── All ───────────────────────────────────────────────────────────────────────────────────────── */

static bool take_number(void *user, const struct store_failed *failed)
{
    struct numbers *numbers = user;

    if ((numbers->count & (numbers->count - 1)) == 0) { /* 0, 1, 2, 4, …: grow */
        size_t capacity = numbers->count ? 2 * numbers->count : 1;
        void *grown = realloc(numbers->items, capacity * sizeof *numbers->items);
        numbers->has_memory = grown != NULL;
        if (!grown)
            return false;
        numbers->items = grown;
    }
    numbers->items[numbers->count++] = failed->id;
    return true;
}

static bool requeue_all(struct store *store, const struct outbox_file *file, const struct numbers *numbers,
                        struct output *output)
{
    uint64_t last_ticket = store_facts(store)->last_ticket, last_seq = store_facts(store)->last_seq;
    bool is_done = outbox_file_commit(store, store_reserve(store, last_ticket + numbers->count, last_seq) == STORE_OK);

    for (size_t i = 0; is_done && i < numbers->count; i++)
        is_done = requeue_one(store, file, numbers->items[i], last_ticket + 1 + i, output);
    return is_done;
}

/* `ticket` 0: every one. */
static bool requeue_file(const struct outbox_files *files, const struct outbox_file *file, uint64_t ticket,
                         struct output *output)
{
    struct numbers numbers = {.has_memory = true};
    struct store *store = outbox_file_open(files, file);
    bool is_done = false;

    if (!store)
        return false;
    enum store_result result = STORE_OK;
    if (ticket)
        take_number(&numbers, &(struct store_failed){.id = ticket});
    else
        result = store_each_failed(store, 0, take_number, &numbers);
    if (result)
        complain("%s", store_last_failure(store));
    else if (!numbers.has_memory)
        complain("out of memory");
    else
        is_done = requeue_all(store, file, &numbers, output);
    store_close(store);
    free(numbers.items);
    return is_done;
}

int outbox_requeue(const struct options *options)
{
    struct outbox_files files;
    struct outbox_place place;
    struct output output = {.signals = -1};
    bool is_done = true;

    if (!outbox_files_find(options, &files))
        return EXIT_USAGE;
    if (options->ticket) {
        is_done = outbox_files_find_ticket(&files, options->ticket, OUTBOX_FAILED, &place) &&
                  requeue_file(&files, place.file, options->ticket, &output);
    } else {
        for (size_t i = 0; i < files.count && !output.has_failed; i++)
            if (files.items[i].facts.failed)
                is_done &= requeue_file(&files, &files.items[i], 0, &output);
        is_done &= outbox_files_complain(&files) == 0;
    }
    outbox_files_clear(&files);
    return is_done ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}
