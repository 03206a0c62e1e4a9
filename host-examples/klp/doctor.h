/* SPDX-License-Identifier: Apache-2.0
 * klp doctor: what a first integration trips over, looked at one by one. Changes nothing: two GETs are all that is
 * sent, and no file is left. */
#ifndef KLP_DOCTOR_H
#define KLP_DOCTOR_H

#include "options.h"

/* Returns the exit status. */
int doctor_run(const struct options *options);

#endif
