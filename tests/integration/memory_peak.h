/* SPDX-License-Identifier: Apache-2.0
 *
 * The most memory that this process ever held at once; with cmocka. */
#ifndef MEMORY_PEAK_H
#define MEMORY_PEAK_H

/* From here on it is counted anew. */
void memory_peak_forget(void);

long memory_peak_kb(void);

#endif
