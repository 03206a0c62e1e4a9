/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics.h"

#include <stdbool.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define PREFIX "kraty_lobby_pusher_"

/* ─── Text ───────────────────────────────────────────────────────────────────────────────────────── */

struct metrics_writer {
    char *out;
    size_t capacity, size;
    klp_text pusher;
};

static void put(struct metrics_writer *writer, const char *text, size_t size)
{
    size_t room = writer->capacity > writer->size ? writer->capacity - writer->size : 0;
    size_t fitting = size < room ? size : room;
    if (fitting > 0)
        memcpy(writer->out + writer->size, text, fitting);
    writer->size += size;
}

static void put_text(struct metrics_writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

static void put_escaped(struct metrics_writer *writer, klp_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n')
            put(writer, "\\n", 2);
        else if (text.data[i] == '"' || text.data[i] == '\\')
            put(writer, (const char[]){'\\', text.data[i]}, 2);
        else
            put(writer, text.data + i, 1);
    }
}

/* With at least so many digits. printf() would ask the locale where there is a point, and costs more. */
static void put_decimal(struct metrics_writer *writer, uint64_t value, size_t least_digits)
{
    char digits[20]; /* 2^64 - 1 */
    size_t at = sizeof digits;
    while (value > 0 || sizeof digits - at < least_digits) {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    }
    put(writer, digits + at, sizeof digits - at);
}

static void put_seconds_of_us(struct metrics_writer *writer, uint64_t us)
{
    put_decimal(writer, us / 1000000, 1);
    put_text(writer, ".");
    put_decimal(writer, us % 1000000, 6);
}

static void put_seconds_of_ms(struct metrics_writer *writer, uint64_t ms)
{
    put_decimal(writer, ms / 1000, 1);
    put_text(writer, ".");
    put_decimal(writer, ms % 1000, 3);
}

/* ─── Lines ──────────────────────────────────────────────────────────────────────────────────────── */

static void put_metadata(struct metrics_writer *writer, const char *keyword, const char *family, const char *value)
{
    put_text(writer, "# ");
    put_text(writer, keyword);
    put_text(writer, " " PREFIX);
    put_text(writer, family);
    put_text(writer, " ");
    put_text(writer, value);
    put_text(writer, "\n");
}

/* The unit, where there is one, is the end of the family's name, too: the format wants it so. */
static void begin_family(struct metrics_writer *writer, const char *family, const char *type, const char *unit,
                         const char *help)
{
    put_metadata(writer, "TYPE", family, type);
    if (unit)
        put_metadata(writer, "UNIT", family, unit);
    put_metadata(writer, "HELP", family, help);
}

/* A sample to its first label. */
static void begin_sample(struct metrics_writer *writer, const char *family, const char *suffix)
{
    put_text(writer, PREFIX);
    put_text(writer, family);
    put_text(writer, suffix);
    put_text(writer, "{pusher=\"");
    put_escaped(writer, writer->pusher);
    put_text(writer, "\"");
}

static void put_label(struct metrics_writer *writer, const char *name, const char *value)
{
    put_text(writer, ",");
    put_text(writer, name);
    put_text(writer, "=\"");
    put_text(writer, value);
    put_text(writer, "\"");
}

static void put_integer_value(struct metrics_writer *writer, uint64_t value)
{
    put_text(writer, "} ");
    put_decimal(writer, value, 1);
    put_text(writer, "\n");
}

/* ─── Statistics ─────────────────────────────────────────────────────────────────────────────────── */

enum kind { COUNTER, GAUGE, GAUGE_OF_BYTES, GAUGE_OF_MS };

/* Samples that follow each other and have the same family differ in their label. */
struct family {
    const char *name, *help;
    const char *label, *label_value; /* or NULL */
    size_t field;                    /* its offset in klp_stats */
    enum kind kind;
};

#define FIELD(name) offsetof(klp_stats, name)

static const struct family families[] = {
    {"accepted_calls", "Calls that were given a ticket.", NULL, NULL, FIELD(accepted), COUNTER},
    {"refused_calls", "Calls that were refused since a queue was full.", NULL, NULL, FIELD(refused_full), COUNTER},
    {"push_verdicts", "Verdicts on pushes.", "outcome", "applied", FIELD(applied), COUNTER},
    {"push_verdicts", NULL, "outcome", "not_applied", FIELD(not_applied), COUNTER},
    {"push_verdicts", NULL, "outcome", "possibly_applied", FIELD(possibly_applied), COUNTER},
    {"replayed_pushes", "Applied pushes that the server knew already.", NULL, NULL, FIELD(replayed), COUNTER},
    {"joined_pushes", "Pushes that joined an equal one under way.", NULL, NULL, FIELD(joined), COUNTER},
    {"query_verdicts", "Verdicts on reads, awaits and pings.", "result", "ok", FIELD(queries_ok), COUNTER},
    {"query_verdicts", NULL, "result", "failed", FIELD(queries_failed), COUNTER},
    {"call_verdicts", "Verdicts on calls of any other kind.", "result", "ok", FIELD(calls_ok), COUNTER},
    {"call_verdicts", NULL, "result", "failed", FIELD(calls_failed), COUNTER},
    {"attempts", "Requests started.", NULL, NULL, FIELD(attempts), COUNTER},
    {"retries", "Requests started because an earlier one of the same call had failed.", NULL, NULL, FIELD(retries),
     COUNTER},
    {"sends", "Requests that may have reached the wire.", NULL, NULL, FIELD(sends), COUNTER},
    {"connections", "Connections opened.", NULL, NULL, FIELD(connections), COUNTER},
    {"events_acknowledged", "Events that the host acknowledged.", NULL, NULL, FIELD(events_acknowledged), COUNTER},
    {"messages_sent", "Messages sent to the result socket.", NULL, NULL, FIELD(messages_sent), COUNTER},
    {"replies_ignored", "Replies from the result socket that were no acknowledgement.", NULL, NULL,
     FIELD(replies_ignored), COUNTER},
    {"replies_left_out", "Replies of the server that were left out of their events.", NULL, NULL,
     FIELD(replies_left_out), COUNTER},
    {"queued_calls", "Calls without a verdict that are not on the wire.", NULL, NULL, FIELD(queued), GAUGE},
    {"in_flight_requests", "Requests on the wire.", NULL, NULL, FIELD(in_flight), GAUGE},
    {"unread_events", "Events that are not acknowledged.", NULL, NULL, FIELD(unread_events), GAUGE},
    {"queued_bytes", "Memory of calls and of unread events without their replies.", NULL, NULL, FIELD(queued_bytes),
     GAUGE_OF_BYTES},
    {"reply_bytes", "Memory of replies in unread events.", NULL, NULL, FIELD(reply_bytes), GAUGE_OF_BYTES},
    {"gate_opens_in_seconds", "How long the gate stays closed.", NULL, NULL, FIELD(gate_opens_in_ms), GAUGE_OF_MS},
    {"awaiting", "Awaits without a verdict.", NULL, NULL, FIELD(awaiting), GAUGE},
    {"oldest_push_age_seconds", "Since the oldest push without a verdict was accepted.", NULL, NULL,
     FIELD(oldest_push_age_ms), GAUGE_OF_MS},
    {"api_key_generation", "1 for the first API key, one more with every new one.", NULL, NULL,
     FIELD(api_key_generation), GAUGE},
    {"journaled_calls", "Calls written into the outbox.", NULL, NULL, FIELD(journaled), COUNTER},
    {"recovered_calls", "Calls taken up out of the outbox.", NULL, NULL, FIELD(recovered), COUNTER},
    {"adopted_files", "Outbox files of others that were taken up.", NULL, NULL, FIELD(adopted), COUNTER},
    {"set_aside", "Calls and events that three recoveries in a row did not survive.", NULL, NULL, FIELD(set_aside),
     COUNTER},
    {"outbox_bytes", "The outbox on the disk.", NULL, NULL, FIELD(outbox_bytes), GAUGE_OF_BYTES},
    {"degraded", "1 while there is no outbox, or none that can be written, where there is to be one.", NULL, NULL,
     FIELD(degraded), GAUGE},
};

_Static_assert(COUNT(families) + 1 == (sizeof(klp_stats) - offsetof(klp_stats, accepted)) / sizeof(uint64_t),
               "every field is told: here, but for the gate");

static uint64_t field_of(const klp_stats *stats, size_t field)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + field, sizeof value);
    return value;
}

static void put_family_sample(struct metrics_writer *writer, const struct family *family, uint64_t value)
{
    static const char *const units[] = {[GAUGE_OF_BYTES] = "bytes", [GAUGE_OF_MS] = "seconds"};
    const char *type = family->kind == COUNTER ? "counter" : "gauge";

    if (family->help)
        begin_family(writer, family->name, type, units[family->kind], family->help);
    begin_sample(writer, family->name, family->kind == COUNTER ? "_total" : "");
    if (family->label)
        put_label(writer, family->label, family->label_value);
    if (family->kind != GAUGE_OF_MS) {
        put_integer_value(writer, value);
        return;
    }
    put_text(writer, "} ");
    put_seconds_of_ms(writer, value);
    put_text(writer, "\n");
}

static void put_gate(struct metrics_writer *writer, uint64_t gate)
{
    static const char *const states[] = {
        [KLP_GATE_OPEN] = "open",       [KLP_GATE_RAMPING] = "ramping",         [KLP_GATE_HELD] = "held",
        [KLP_GATE_PROBING] = "probing", [KLP_GATE_KEY_REFUSED] = "key_refused",
    };

    begin_family(writer, "gate", "stateset", NULL, "What stands before everything that is sent.");
    for (size_t state = 0; state < COUNT(states); state++) {
        begin_sample(writer, "gate", "");
        put_label(writer, PREFIX "gate", states[state]); /* so a state is told from any other label */
        put_integer_value(writer, state == gate);
    }
}

/* ─── Latencies ──────────────────────────────────────────────────────────────────────────────────── */

/* Every fourth bound is a power of two: those from 128 µs, less than a request takes, to 19 hours. What took longer is
 * in +Inf. More would be of little use, and each is a series that somebody stores. */
enum { FIRST_BUCKET = 23, LAST_BUCKET = 139, BUCKET_STEP = 4 };

static void put_bucket(struct metrics_writer *writer, const char *family, uint32_t bucket, uint64_t cumulative)
{
    begin_sample(writer, family, "_bucket");
    put_text(writer, ",le=\"");
    /* a bucket's bound is exclusive and `le` is not: durations are whole microseconds only because they were cut */
    put_seconds_of_us(writer, klp_histogram_bound_us(bucket));
    put_text(writer, "\"");
    put_integer_value(writer, cumulative);
}

static void put_histogram(struct metrics_writer *writer, const char *family, const char *help,
                          const klp_histogram *histogram)
{
    uint64_t cumulative = 0;

    begin_family(writer, family, "histogram", "seconds", help);
    for (uint32_t bucket = 0; bucket < KLP_HISTOGRAM_BUCKETS; bucket++) {
        cumulative += histogram->buckets[bucket];
        if (bucket >= FIRST_BUCKET && bucket <= LAST_BUCKET && (bucket - FIRST_BUCKET) % BUCKET_STEP == 0)
            put_bucket(writer, family, bucket, cumulative);
    }
    begin_sample(writer, family, "_bucket");
    put_label(writer, "le", "+Inf");
    put_integer_value(writer, cumulative);
    begin_sample(writer, family, "_count");
    put_integer_value(writer, cumulative);
    begin_sample(writer, family, "_sum");
    put_text(writer, "} ");
    put_seconds_of_us(writer, histogram->sum_us);
    put_text(writer, "\n");
}

size_t metrics_write(const struct metrics *metrics, char *out, size_t capacity)
{
    struct metrics_writer writer = {.out = out, .capacity = capacity, .pusher = metrics->name};

    for (size_t i = 0; i < COUNT(families); i++)
        put_family_sample(&writer, &families[i], field_of(metrics->stats, families[i].field));
    put_gate(&writer, metrics->stats->gate);
    put_histogram(&writer, "push_queue_seconds", "From a push to the start of its first attempt.", metrics->queue);
    put_histogram(&writer, "push_verdict_seconds", "From a push to its verdict.", metrics->total);
    put_text(&writer, "# EOF\n");
    return writer.size;
}
