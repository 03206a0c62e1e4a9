/* SPDX-License-Identifier: Apache-2.0
 * Events that wait on the disk, since there are more of them than memory is to hold, or since an earlier process has
 * left them there. The worker's. */
#ifndef KLP_PUSHER_PAGING_H
#define KLP_PUSHER_PAGING_H

#include "pusher/journal.h"

/* So few in memory that some more are brought; so many that from then on they stay on the disk. */
enum { PAGING_FEW = 256, PAGING_MANY = 4096 };

/* Brings some of them into memory, in the order of their seqs, when few are there. */
void paging_load(struct klp_pusher *pusher, uint64_t now_us);

/* Where this round's event goes: true: it stays on the disk, and out of memory; or it is to wait in `behind`, for those
 * on the disk come before it. */
bool paging_keeps(const struct job *job, bool is_committed);

/* The worker ends: what waits in memory behind those on the disk is told, after those, as far as they can be read in a
 * tenth of a second; the rest of them is for the next process. */
void paging_end(struct klp_pusher *pusher);

/* From now on this file's events wait on the disk: all that there are of it are in memory. */
void paging_begin(struct journal_file *file);

/* After a process that died while it read an event. */
void paging_note_death(struct journal_file *file);

#endif
