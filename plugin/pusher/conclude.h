/* SPDX-License-Identifier: Apache-2.0
 * Turns a job into its event. Never fails: what there is no memory for is left out, the verdict is told. */
#ifndef KLP_PUSHER_CONCLUDE_H
#define KLP_PUSHER_CONCLUDE_H

#include "delivery/judge.h"
#include "kraty/redact.h"
#include "kraty/reply.h"
#include "pusher/job.h"
#include "transport/transport.h"

struct conclusion {
    const struct secrets *secrets; /* to be kept out of what the server says */
    uint64_t reply_bytes_left;     /* how much of a reply may be kept */
    uint64_t now_us;
    bool others_go_on; /* that share the request of a call that we end ourselves */
};

/* What an attempt came to. Its texts are the transport's reply's, which must outlive it. */
struct assessment {
    struct attempt attempt;
    struct verdict verdict;
    int64_t retry_after_ms; /* or KLP_NO_RETRY_AFTER */
    const struct transport_reply *answer;
    struct reply reply;
    bool is_read; /* the reply could be taken apart, for what that gave */
};

/* Judges an attempt that has ended and notes it in the job. */
void assess_attempt(struct job *job, const struct transport_reply *answer, int64_t unix_s,
                    struct assessment *assessment);
void assessment_free(struct assessment *assessment);

/* Notes an attempt that was taken off the wire. */
void note_aborted(struct job *job, const struct transport_reply *answer);

/* One that joined another takes over what became of that. */
void copy_course(struct job *job, const struct job *leader);

/* The verdict of the last attempt becomes the job's. */
void conclude_assessed(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion);

/* The verdict of a job that we end ourselves. `reply` is of its attempt, taken off the wire, or NULL. */
void conclude_local(struct job *job, enum local_end end, const struct transport_reply *reply,
                    const struct conclusion *conclusion);

/* A lobby that still forms: its event carries it, should its time be up before there is more to tell. */
void conclude_later(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion);

/* The verdict on a call that cannot be made, since `assessment`, of an attempt to find out whether it can, failed. */
void conclude_refused(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion);

#endif
