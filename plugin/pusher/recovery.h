/* SPDX-License-Identifier: Apache-2.0
 * The calls that a file of the outbox holds, taken up again. On the worker, or before there is one. */
#ifndef KLP_PUSHER_RECOVERY_H
#define KLP_PUSHER_RECOVERY_H

#include "pusher/journal.h"

/* Reads them, those that have joined another behind it. KLP_E_OUTBOX: the file cannot be read. Nothing is left behind
 * then. */
klp_status recovery_read(struct klp_pusher *pusher, struct journal_file *file, struct job_list *jobs);

/* They go on. Room for them in the schedule has been made. */
void recovery_admit(struct klp_pusher *pusher, struct job_list *jobs);

#endif
