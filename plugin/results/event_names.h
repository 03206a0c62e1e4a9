/* SPDX-License-Identifier: Apache-2.0
 * What numbers are called in the JSON of an event. */
#ifndef KLP_RESULTS_EVENT_NAMES_H
#define KLP_RESULTS_EVENT_NAMES_H

#include <stdint.h>

/* "" for a number without a name. */
const char *event_op_name(int32_t op);
const char *event_outcome_name(int32_t outcome);
const char *event_origin_name(int32_t origin);

/* The number, or 0 when there is none of that name. */
int32_t event_op_of(const char *name);
int32_t event_outcome_of(const char *name);
int32_t event_origin_of(const char *name);

#endif
