/* SPDX-License-Identifier: Apache-2.0
 * The help texts. */
#ifndef KLP_USAGE_H
#define KLP_USAGE_H

#include "options.h"

/* To stdout; `command` 0 for the whole program. Returns the exit status. */
int usage_tell(int command);

#endif
