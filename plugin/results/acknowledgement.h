/* SPDX-License-Identifier: Apache-2.0
 * What a host answers to a message of events. Pure. */
#ifndef KLP_RESULTS_ACKNOWLEDGEMENT_H
#define KLP_RESULTS_ACKNOWLEDGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An empty reply or `ok` acknowledges all of the message, {"ack": seq} what is up to and including seq; never more
 * than was told, which ends at last_seq. False: the reply is none of these, and acknowledges nothing. */
bool acknowledgement_read(const char *reply, size_t size, uint64_t last_seq, uint64_t *acknowledged_seq);

#endif
