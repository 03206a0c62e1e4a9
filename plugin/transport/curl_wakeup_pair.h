/* SPDX-License-Identifier: Apache-2.0
 * libcurl gives each multi handle a socket pair to be woken by, which it leaves open across exec and tells nobody of.
 */
#ifndef KLP_TRANSPORT_CURL_WAKEUP_PAIR_H
#define KLP_TRANSPORT_CURL_WAKEUP_PAIR_H

#include <curl/curl.h>

/* Finds the pair of a multi handle that was just made, and marks both ends close-on-exec. Where it is not found for
 * certain nothing is touched: a child of the host then inherits an idle pair. */
void curl_wakeup_pair_close_on_exec(CURLM *multi);

#endif
