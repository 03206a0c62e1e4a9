/* SPDX-License-Identifier: Apache-2.0
 * Where requests may go. Taken apart by the parser of the library that connects, so that both see the same host. */
#ifndef KLP_TRANSPORT_BASE_URL_H
#define KLP_TRANSPORT_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "kraty/lobby_pusher.h"

/* Checks a base URL (a C string of `size` bytes). `field` names it in `why`.
 * On KLP_OK *kept is how many bytes of it remain without slashes at the end. */
klp_status base_url_check(const char *url, size_t size, bool allow_insecure, const char *field, size_t *kept,
                          klp_text_buffer *why);

/* Checks a proxy's URL. `why` never repeats it, it may hold a password. A proxy reads what is plain http: unless
 * reads_all is false (https inside, or KLP_ALLOW_INSECURE) it has to be on loopback. */
klp_status proxy_url_check(const char *url, bool reads_all, const char *field, klp_text_buffer *why);

#endif
