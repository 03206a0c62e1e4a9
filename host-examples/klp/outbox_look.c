/* SPDX-License-Identifier: Apache-2.0
 * klp outbox list, failed and show. */
#include <stdlib.h>

#include "clock.h"
#include "complain.h"
#include "outbox.h"
#include "outbox_files.h"
#include "outbox_record.h"
#include "output.h"

/* A view keeps the log of a pusher that is at work from being emptied: so none is open while a reader, who may be
 * somebody with a pager, takes his time. What is read at once is bounded, and is of one moment. */
enum { PAGE_RECORDS = 10000 };

struct page {
    const struct options *options;
    const struct outbox_file *file;
    struct store *store;
    const struct store_job *job;
    FILE *out;
    uint64_t above; /* what was put there last */
    size_t count;
    uint64_t ticket; /* that alone; 0: all */
    bool has_more, has_memory;
};

/* ─── Rows ──────────────────────────────────────────────────────────────────────────────────────── */

static bool put_record(struct page *page, const struct outbox_record *record)
{
    if (page->options->is_as_json)
        page->has_memory = outbox_put_json(page->out, record);
    else if (record->with_body)
        outbox_put_in_full(page->out, record);
    else
        outbox_put_row(page->out, record);
    page->count++;
    return page->has_memory;
}

static struct outbox_record record_of(const struct page *page, const struct store_job *job,
                                      const struct store_ticket *ticket)
{
    return (struct outbox_record){.file = page->file,
                                  .job = job,
                                  .ticket = ticket,
                                  .now_unix_ms = clock_wall_ms(),
                                  .with_body = page->ticket != 0};
}

static bool put_ticket(void *user, const struct store_ticket *ticket)
{
    struct page *page = user;
    const struct outbox_record record = record_of(page, page->job, ticket);

    return (page->ticket && ticket->ticket != page->ticket) || put_record(page, &record);
}

/* A call with all of its tickets. */
static bool put_job(void *user, const struct store_job *job)
{
    struct page *page = user;

    page->has_more = page->count >= PAGE_RECORDS;
    if (page->has_more)
        return false;
    page->job = job;
    page->above = job->id;
    return store_each_ticket(page->store, job->id, put_ticket, page) == STORE_OK && page->has_memory && !page->ticket;
}

static bool put_failed(void *user, const struct store_failed *failed)
{
    struct page *page = user;
    struct outbox_record record = record_of(page, &failed->job, &failed->ticket);

    record.failed = failed;
    page->has_more = page->count >= PAGE_RECORDS;
    if (page->has_more)
        return false;
    page->above = failed->id;
    return put_record(page, &record) && !page->ticket;
}

static bool put_event(void *user, const struct store_event *event)
{
    struct page *page = user;

    if (event->ticket != page->ticket)
        return true;
    if (page->options->is_as_json)
        page->has_memory = outbox_put_event_json(page->out, page->file, event);
    else
        outbox_put_event(page->out, page->file, event);
    return false;
}

/* ─── Pages ─────────────────────────────────────────────────────────────────────────────────────── */

static bool write_out(struct output *output, FILE *out, char **bytes, const size_t *size)
{
    bool has_error = ferror(out), is_whole = fclose(out) == 0 && !has_error;

    if (!is_whole)
        complain("out of memory");
    /* without its last line break, which is the line's */
    bool is_out = is_whole && (*size == 0 || output_line(output, (klp_text){*bytes, *size - 1}));
    free(*bytes);
    return is_out;
}

static enum store_result read_page(struct page *page)
{
    if (page->options->command == COMMAND_OUTBOX_FAILED)
        return store_each_failed(page->store, page->above, put_failed, page);
    return store_each_job(page->store, page->above, put_job, page);
}

/* False: stderr says why. */
static bool tell_page(struct page *page, const struct outbox_files *files, struct output *output)
{
    char *bytes = NULL;
    size_t size = 0;

    page->store = outbox_file_view(files, page->file);
    if (!page->store)
        return false;
    page->out = open_memstream(&bytes, &size);
    page->has_memory = page->out;
    page->has_more = false;
    page->count = 0;
    enum store_result result = page->has_memory ? read_page(page) : STORE_OK;
    if (result)
        complain("%s", store_last_failure(page->store));
    else if (!page->has_memory)
        complain("out of memory");
    store_close(page->store);
    bool is_out = page->out && write_out(output, page->out, &bytes, &size);
    return is_out && !result && page->has_memory;
}

static bool tell_heading(const struct page *page, struct output *output)
{
    const struct outbox_file *file = page->file;
    bool is_failed = page->options->command == COMMAND_OUTBOX_FAILED;
    bool is_as_json = page->options->is_as_json;
    char *bytes = NULL;
    size_t size = 0;

    if (is_failed && (is_as_json || !file->pusher))
        return true;
    FILE *out = open_memstream(&bytes, &size);
    if (!out) {
        complain("out of memory");
        return false;
    }
    if (is_as_json)
        outbox_put_file_json(out, file);
    else
        outbox_put_file(out, file);
    if (!is_as_json && (is_failed ? file->facts.failed : file->facts.jobs))
        outbox_put_heading(out, is_failed);
    return write_out(output, out, &bytes, &size);
}

static bool tell_file(const struct options *options, const struct outbox_files *files, const struct outbox_file *file,
                      struct output *output)
{
    struct page page = {.options = options, .file = file, .has_more = file->pusher != NULL};
    bool is_told = tell_heading(&page, output);

    while (is_told && page.has_more)
        is_told = tell_page(&page, files, output);
    return is_told;
}

static int tell_all(const struct options *options)
{
    struct outbox_files files;
    struct output output = {.signals = -1};
    bool is_told = true;

    if (!outbox_files_find(options, &files))
        return EXIT_USAGE;
    for (size_t i = 0; i < files.count && !output.has_failed; i++)
        is_told &= tell_file(options, &files, &files.items[i], &output);
    is_told &= outbox_files_complain(&files) == 0;
    outbox_files_clear(&files);
    return is_told && !output.has_failed ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}

int outbox_list(const struct options *options)
{
    return tell_all(options);
}

int outbox_failed(const struct options *options)
{
    return tell_all(options);
}

/* ─── One ───────────────────────────────────────────────────────────────────────────────────────── */

static enum store_result read_place(struct page *page, const struct outbox_place *place)
{
    enum store_result result = STORE_OK;

    if (place->job)
        result = store_each_job(page->store, place->job - 1, put_job, page);
    if (!result && place->has_verdict)
        result = store_each_event(page->store, 0, put_event, page);
    if (!result && place->has_failed)
        result = store_each_failed(page->store, page->ticket - 1, put_failed, page);
    return result;
}

static bool show(const struct options *options, const struct outbox_files *files, const struct outbox_place *place)
{
    struct page page = {.options = options, .file = place->file, .ticket = options->ticket, .has_memory = true};
    struct output output = {.signals = -1};
    char *bytes = NULL;
    size_t size = 0;

    page.store = outbox_file_view(files, place->file);
    if (!page.store)
        return false;
    page.out = open_memstream(&bytes, &size);
    enum store_result result = page.out ? read_place(&page, place) : STORE_NO_MEMORY;
    if (result && page.out)
        complain("%s", store_last_failure(page.store));
    else if (!page.out || !page.has_memory)
        complain("out of memory");
    store_close(page.store);
    bool is_out = page.out && write_out(&output, page.out, &bytes, &size);
    return is_out && !result && page.has_memory;
}

int outbox_show(const struct options *options)
{
    struct outbox_files files;
    struct outbox_place place;

    if (!outbox_files_find(options, &files))
        return EXIT_USAGE;
    bool is_shown =
        outbox_files_find_ticket(&files, options->ticket, OUTBOX_UNDECIDED | OUTBOX_VERDICT | OUTBOX_FAILED, &place) &&
        show(options, &files, &place);
    outbox_files_clear(&files);
    return is_shown ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}
