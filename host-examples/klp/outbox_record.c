/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "results/event_names.h"
#include "json/write.h"

bool outbox_is_possibly_applied(const struct store_job *job)
{
    return job->possibly_applied || job->attempt_open;
}

uint32_t outbox_attempts(const struct store_job *job)
{
    return job->attempts + job->attempt_open;
}

uint32_t outbox_sends(const struct store_job *job)
{
    return job->sends + job->attempt_open;
}

/* ─── As JSON ───────────────────────────────────────────────────────────────────────────────────── */

static void put_text(struct json_writer *writer, const char *name, klp_text text)
{
    json_name(writer, name);
    json_put_string(writer, text.data, text.size);
}

static void put_text_if_any(struct json_writer *writer, const char *name, klp_text text)
{
    if (text.size)
        put_text(writer, name, text);
}

static void put_number(struct json_writer *writer, const char *name, int64_t number)
{
    json_name(writer, name);
    json_put_signed(writer, number);
}

static void put_bool(struct json_writer *writer, const char *name, bool value)
{
    json_name(writer, name);
    json_put_bool(writer, value);
}

static void put_place(struct json_writer *writer, const char *kind, const struct outbox_file *file)
{
    put_text(writer, "kind", klp_cstr(kind));
    put_text(writer, "file", klp_cstr(file->name));
    if (file->pusher) {
        put_text(writer, "pusher", klp_cstr(file->pusher));
        put_text(writer, "epoch", klp_cstr(file->facts.epoch));
    }
}

static void write_file(struct json_writer *writer, const void *user)
{
    const struct outbox_file *file = user;

    json_open(writer, '{');
    put_place(writer, "file", file);
    put_bool(writer, "in_use", file->is_in_use);
    if (file->pusher) {
        put_number(writer, "undecided", (int64_t)file->facts.jobs);
        put_number(writer, "verdicts", (int64_t)file->facts.events);
        put_number(writer, "failed", (int64_t)file->facts.failed);
        put_number(writer, "bytes", (int64_t)file->bytes);
    } else {
        put_text(writer, "error", klp_cstr(file->why));
    }
    json_close(writer, '}');
}

static void write_course(struct json_writer *writer, const struct outbox_record *record)
{
    const struct store_job *job = record->job;

    put_number(writer, "attempts", outbox_attempts(job));
    if (!record->failed) /* whose record is of before its last attempt */
        put_number(writer, "sends", outbox_sends(job));
    if (job->http_status)
        put_number(writer, "http_status", job->http_status);
    put_text_if_any(writer, "last_error", job->last_error);
    if (!record->failed && job->next_unix_ms)
        put_number(writer, "next_unix_ms", job->next_unix_ms);
    put_number(writer, "recoveries", job->recoveries);
    if (!record->failed) {
        put_bool(writer, "attempt_open", job->attempt_open);
        put_bool(writer, "possibly_applied", outbox_is_possibly_applied(job));
        return;
    }
    put_text(writer, "outcome", klp_cstr(event_outcome_name(record->failed->outcome)));
    put_text(writer, "error_code", record->failed->error_code);
    put_number(writer, "ended_unix_ms", record->failed->ended_unix_ms);
}

static void write_body(struct json_writer *writer, const struct store_job *job)
{
    const klp_text key = {job->body.data + job->idempotency_offset, job->idempotency_bytes};
    char fingerprint[2 * sizeof job->fingerprint + 1];

    for (size_t i = 0; i < sizeof job->fingerprint; i++)
        snprintf(fingerprint + 2 * i, 3, "%02x", job->fingerprint[i]);
    put_text_if_any(writer, "idempotency_key", key);
    put_text(writer, "fingerprint", klp_cstr(fingerprint));
    put_text(writer, "body", job->body);
}

static void write_record(struct json_writer *writer, const void *user)
{
    const struct outbox_record *record = user;
    const struct store_job *job = record->job;
    const struct store_ticket *ticket = record->ticket;
    char cookie[24];

    snprintf(cookie, sizeof cookie, "%" PRIu64, ticket->cookie);
    json_open(writer, '{');
    put_place(writer, record->failed ? "failed" : "undecided", record->file);
    put_bool(writer, "in_use", record->file->is_in_use);
    put_number(writer, "ticket", (int64_t)ticket->ticket);
    if (!record->failed && job->id != ticket->ticket)
        put_number(writer, "joined", (int64_t)job->id);
    put_text(writer, "op", klp_cstr(event_op_name(job->op)));
    put_text(writer, "cookie", klp_cstr(cookie)); /* a string, as in an event */
    put_text_if_any(writer, "game_id", job->game_id);
    put_text_if_any(writer, "event_key", job->event_key);
    put_text_if_any(writer, "key", job->key);
    put_text_if_any(writer, "method", job->method);
    put_text_if_any(writer, "path", job->path);
    put_text_if_any(writer, "trace_parent", ticket->trace_parent);
    put_number(writer, "accepted_unix_ms", ticket->accepted_unix_ms);
    put_number(writer, "age_ms", record->now_unix_ms - ticket->accepted_unix_ms);
    put_number(writer, "deadline_unix_ms", ticket->deadline_unix_ms);
    write_course(writer, record);
    if (record->with_body)
        write_body(writer, job);
    json_close(writer, '}');
}

struct placed_event {
    const struct outbox_file *file;
    const struct store_event *event;
};

static void write_event(struct json_writer *writer, const void *user)
{
    const struct placed_event *placed = user;

    json_open(writer, '{');
    put_place(writer, "verdict", placed->file);
    put_bool(writer, "in_use", placed->file->is_in_use);
    put_number(writer, "ticket", (int64_t)placed->event->ticket);
    put_number(writer, "seq", (int64_t)placed->event->seq);
    put_number(writer, "recoveries", placed->event->recoveries);
    json_name(writer, "event");
    json_put_raw_on_one_line(writer, placed->event->json.data, placed->event->json.size);
    json_close(writer, '}');
}

static bool put(FILE *out, void (*write)(struct json_writer *writer, const void *user), const void *user)
{
    struct json_writer measured = {.data = NULL};

    write(&measured, user);
    struct json_writer writer = {.data = malloc(measured.size), .capacity = measured.size};
    if (!writer.data)
        return false;
    write(&writer, user);
    fwrite(writer.data, 1, writer.size, out);
    fputc('\n', out);
    free(writer.data);
    return true;
}

bool outbox_put_file_json(FILE *out, const struct outbox_file *file)
{
    return put(out, write_file, file);
}

bool outbox_put_json(FILE *out, const struct outbox_record *record)
{
    return put(out, write_record, record);
}

bool outbox_put_event_json(FILE *out, const struct outbox_file *file, const struct store_event *event)
{
    return put(out, write_event, &(struct placed_event){file, event});
}

/* ─── For a person ──────────────────────────────────────────────────────────────────────────────── */

/* Control characters of UTF-8, in one byte or two, do what they like to a terminal. */
static void put_tame(FILE *out, klp_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        unsigned char next = i + 1 < text.size ? (unsigned char)text.data[i + 1] : 0;
        bool is_two_bytes = byte == 0xC2 && next >= 0x80 && next < 0xA0;
        fputc(byte < 0x20 || byte == 0x7F || is_two_bytes ? '?' : byte, out);
        i += is_two_bytes;
    }
}

/* A column; what comes behind it is not moved by characters of several bytes. */
static void put_column(FILE *out, klp_text text, int width)
{
    int shown = 0;

    put_tame(out, text);
    for (size_t i = 0; i < text.size; i++)
        shown += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    fprintf(out, "%*s", shown < width ? width - shown : 0, "");
}

struct span {
    char text[24];
};

/* "42s", "3m", "2h", "9d". */
static struct span span_of(int64_t ms)
{
    static const struct {
        int64_t s;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    struct span span;
    int64_t s = ms > 0 ? ms / 1000 : 0;
    size_t i = 0;

    while (i + 1 < sizeof units / sizeof *units && s < 2 * units[i].s)
        i++;
    snprintf(span.text, sizeof span.text, "%" PRId64 "%c", s / units[i].s, units[i].unit);
    return span;
}

static struct span time_left(int64_t unix_ms, int64_t now_unix_ms)
{
    struct span span, left = span_of(unix_ms - now_unix_ms);

    snprintf(span.text, sizeof span.text, "in %.20s", left.text);
    return span;
}

static struct span next_of(const struct outbox_record *record)
{
    const struct store_job *job = record->job;

    if (job->attempt_open)
        return (struct span){"open"};
    if (job->next_unix_ms <= record->now_unix_ms)
        return (struct span){"due"};
    return time_left(job->next_unix_ms, record->now_unix_ms);
}

static struct span deadline_of(const struct outbox_record *record)
{
    int64_t deadline_ms = record->ticket->deadline_unix_ms;

    if (deadline_ms <= record->now_unix_ms)
        return (struct span){"over"};
    return time_left(deadline_ms, record->now_unix_ms);
}

static void put_call(FILE *out, const struct store_job *job)
{
    fputs(event_op_name(job->op), out);
    fputc(' ', out);
    put_tame(out, job->op == KLP_OP_PUSH ? job->event_key : job->method);
    fputc(' ', out);
    put_tame(out, job->op == KLP_OP_PUSH ? job->key : job->path);
}

void outbox_name_call(const struct store_job *job, char *out, size_t capacity)
{
    FILE *stream = fmemopen(out, capacity, "w");

    out[0] = '\0';
    if (!stream)
        return;
    put_call(stream, job);
    fclose(stream);
    out[capacity - 1] = '\0';
}

void outbox_put_file(FILE *out, const struct outbox_file *file)
{
    fputs(file->name, out);
    if (!file->pusher) {
        fprintf(out, ": cannot be read%s\n", file->is_in_use ? ", in use" : "");
        return;
    }
    fputs(": pusher ", out);
    put_tame(out, klp_cstr(file->pusher));
    fprintf(out,
            ", %s; %" PRIu64 " undecided, %" PRIu64 " verdicts not acknowledged, %" PRIu64 " failed; %" PRIu64 " KiB\n",
            file->is_in_use ? "in use" : "not in use", file->facts.jobs, file->facts.events, file->facts.failed,
            file->bytes / 1024);
}

void outbox_put_heading(FILE *out, bool is_of_failed)
{
    if (is_of_failed)
        fputs("  TICKET      ENDED  TRIES  OUTCOME           ERROR                 WHAT\n", out);
    else
        fputs("  TICKET      AGE    TRIES  NEXT     DEADLINE  APPLIED   LAST ERROR            WHAT\n", out);
}

void outbox_put_row(FILE *out, const struct outbox_record *record)
{
    const struct store_job *job = record->job;
    const struct store_failed *failed = record->failed;
    int64_t since_ms = failed ? failed->ended_unix_ms : record->ticket->accepted_unix_ms;

    fprintf(out, "  %-10" PRIu64 "  %-5s  %-5" PRIu32 "  ", record->ticket->ticket,
            span_of(record->now_unix_ms - since_ms).text, outbox_attempts(job));
    if (failed)
        fprintf(out, "%-16s  ", event_outcome_name(failed->outcome));
    else
        fprintf(out, "%-7s  %-8s  %-8s  ", next_of(record).text, deadline_of(record).text,
                outbox_is_possibly_applied(job) ? "possibly" : "no");
    klp_text error = failed ? failed->error_code : job->last_error;
    put_column(out, error.size ? error : klp_cstr("-"), 20);
    fputs("  ", out);
    put_call(out, job);
    fputc('\n', out);
}

static void put_line(FILE *out, const char *name, klp_text text)
{
    if (!text.size)
        return;
    fprintf(out, "%-16s", name);
    put_tame(out, text);
    fputc('\n', out);
}

static void put_time(FILE *out, const char *name, int64_t unix_ms, int64_t now_unix_ms)
{
    time_t unix_s = (time_t)(unix_ms / 1000);
    struct tm parts;
    char text[64] = "";

    if (!gmtime_r(&unix_s, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return;
    fprintf(out, "%-16s%s (%s%s%s)\n", name, text, unix_ms > now_unix_ms ? "in " : "",
            span_of(unix_ms > now_unix_ms ? unix_ms - now_unix_ms : now_unix_ms - unix_ms).text,
            unix_ms > now_unix_ms ? "" : " ago");
}

static void put_file_lines(FILE *out, const struct outbox_file *file)
{
    put_line(out, "pusher", klp_cstr(file->pusher));
    fprintf(out, "%-16s%s, %s\n", "file", file->name, file->is_in_use ? "in use" : "not in use");
}

void outbox_put_in_full(FILE *out, const struct outbox_record *record)
{
    const struct store_job *job = record->job;
    const struct store_ticket *ticket = record->ticket;
    const struct store_failed *failed = record->failed;

    fprintf(out, "%-16s%" PRIu64 ", %s\n", "ticket", ticket->ticket, failed ? "failed" : "undecided");
    if (!failed && job->id != ticket->ticket)
        fprintf(out, "%-16sticket %" PRIu64 "\n", "joined", job->id);
    put_file_lines(out, record->file);
    put_line(out, "op", klp_cstr(event_op_name(job->op)));
    fprintf(out, "%-16s%" PRIu64 "\n", "cookie", ticket->cookie);
    put_line(out, "game", job->game_id);
    put_line(out, "event", job->event_key);
    put_line(out, "key", job->key);
    put_line(out, "method", job->method);
    put_line(out, "path", job->path);
    put_line(out, "trace parent", ticket->trace_parent);
    put_time(out, "accepted", ticket->accepted_unix_ms, record->now_unix_ms);
    put_time(out, "deadline", ticket->deadline_unix_ms, record->now_unix_ms);
    fprintf(out, "%-16s%" PRIu32 "\n", "attempts", outbox_attempts(job));
    if (!failed)
        fprintf(out, "%-16s%" PRIu32 "\n", "requests sent", outbox_sends(job));
    if (job->http_status)
        fprintf(out, "%-16s%" PRId32 "\n", "HTTP status", job->http_status);
    put_line(out, "last error", job->last_error);
    if (failed) {
        put_line(out, "outcome", klp_cstr(event_outcome_name(failed->outcome)));
        put_line(out, "error", failed->error_code);
        put_time(out, "ended", failed->ended_unix_ms, record->now_unix_ms);
    } else {
        put_line(out, "next attempt", klp_cstr(next_of(record).text));
        put_line(out, "applied", klp_cstr(outbox_is_possibly_applied(job) ? "possibly" : "no"));
    }
    fprintf(out, "%-16s%" PRIu32 " in a row\n", "recoveries", job->recoveries);
    put_line(out, "body", job->body);
}

void outbox_put_event(FILE *out, const struct outbox_file *file, const struct store_event *event)
{
    fprintf(out, "%-16s%" PRIu64 ", has its verdict, which is not acknowledged\n", "ticket", event->ticket);
    put_file_lines(out, file);
    put_line(out, "event", event->json);
}
