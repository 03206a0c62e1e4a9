/* SPDX-License-Identifier: Apache-2.0
 * Turns a job into its event. Never fails: what there is no memory for is left out, the verdict is told. */
#ifndef KLP_PUSHER_CONCLUDE_H
#define KLP_PUSHER_CONCLUDE_H

#include "delivery/judge.h"
#include "pusher/job.h"
#include "transport/transport.h"

struct conclusion {
    klp_text api_key;          /* to be kept out of what the server says */
    uint64_t reply_bytes_left; /* how much of a reply may be kept */
    uint64_t now_us;
    int64_t unix_s;
};

/* The verdict of an attempt that has ended. */
void conclude_attempt(struct job *job, const struct transport_reply *reply, const struct conclusion *conclusion);

/* The verdict of a job that we end ourselves. `reply` is of its attempt, taken off the wire, or NULL. */
void conclude_local(struct job *job, enum local_end end, const struct transport_reply *reply,
                    const struct conclusion *conclusion);

#endif
