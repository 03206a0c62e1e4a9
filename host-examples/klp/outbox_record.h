/* SPDX-License-Identifier: Apache-2.0
 * Records of an outbox in words: as one line of JSON, as a row of a table, in full. */
#ifndef KLP_OUTBOX_RECORD_H
#define KLP_OUTBOX_RECORD_H

#include "outbox/store.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "outbox_files.h"

/* One of its tickets, when it is undecided or failed. */
struct outbox_record {
    const struct outbox_file *file;
    const struct store_job *job;
    const struct store_ticket *ticket;
    const struct store_failed *failed; /* NULL: it is undecided */
    int64_t now_unix_ms;
    bool with_body;
};

/* Whether it may have been applied: an attempt of a process that ended while it was open counts. */
bool outbox_is_possibly_applied(const struct store_job *job);

/* Those that were started, and the requests that they may have been: one that was open when its process ended is in its
 * record's numbers only as that. */
uint32_t outbox_attempts(const struct store_job *job);
uint32_t outbox_sends(const struct store_job *job);

/* Each writes whole lines. What others have chosen, and might do something to a terminal, is made harmless in what is
 * no JSON. False: out of memory. */
bool outbox_put_file_json(FILE *out, const struct outbox_file *file);
void outbox_put_file(FILE *out, const struct outbox_file *file);

bool outbox_put_json(FILE *out, const struct outbox_record *record);
void outbox_put_heading(FILE *out, bool is_of_failed);
void outbox_put_row(FILE *out, const struct outbox_record *record);
void outbox_put_in_full(FILE *out, const struct outbox_record *record);

bool outbox_put_event_json(FILE *out, const struct outbox_file *file, const struct store_event *event);
void outbox_put_event(FILE *out, const struct outbox_file *file, const struct store_event *event);

/* "push duel match-17", "call PUT /server/v1/…", harmless; cut where there is no more room. */
void outbox_name_call(const struct store_job *job, char *out, size_t capacity);

#endif
