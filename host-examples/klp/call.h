/* SPDX-License-Identifier: Apache-2.0
 * klp call: any other request to the server API. */
#ifndef KLP_CALL_H
#define KLP_CALL_H

#include "options.h"

/* Opens a session of its own, once a body on stdin is read: until then a signal ends it as any other program. Returns
 * the exit status. */
int call_run(const struct options *options);

#endif
