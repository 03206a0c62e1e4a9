/* SPDX-License-Identifier: Apache-2.0
 * One request of the doctor's own, to see how far it comes and what the server's clock says: a GET of the ping's path
 * without an API key, sent as the library sends its own. */
#ifndef KLP_DOCTOR_PROBE_H
#define KLP_DOCTOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor_curl.h"
#include "options.h"

enum { PROBE_URL_BYTES = 2048 + 32 }; /* the longest that the library takes, and the path */

struct probe {
    char base_url[PROBE_URL_BYTES]; /* without the slash at its end */
    bool is_tls;
    bool is_done; /* what is below is known */
    CURLcode code;
    long http_status;         /* 0: no reply */
    long system_error;        /* errno of the connection */
    long verify_result;       /* of OpenSSL */
    bool has_authority_file;  /* libcurl names one, which can be read, or there is --ca-file */
    char authority_file[256]; /* the system's */
    char address[64];         /* "" where there was no connection */
    long port;
    curl_off_t name_us, connect_us, tls_us, total_us; /* from the start to its end; 0: it did not come that far */
    int64_t sent_unix_ms, answered_unix_ms;           /* by our clock */
    char date[64];                                    /* the reply's header; "" without */
    char failure[CURL_ERROR_SIZE];
};

/* Where the library will find the server, once it has agreed to the options. */
void probe_find_url(struct probe *probe, const struct options *options);

/* False: there is no memory for it. */
bool probe_run(struct probe *probe, const struct borrowed_curl *curl, const struct options *options,
               uint32_t timeout_ms);

#endif
