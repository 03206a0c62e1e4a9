/* SPDX-License-Identifier: Apache-2.0
 * The library's own libcurl, for a request of the doctor's: klp is linked with none, so that nothing of klp's stands
 * before what the library was built on. */
#ifndef KLP_DOCTOR_CURL_H
#define KLP_DOCTOR_CURL_H

#include <curl/curl.h>
#include <stdbool.h>

struct borrowed_curl {
    bool is_there;
    __typeof__(curl_version_info) *version_info;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_header) *easy_header;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_getdate) *getdate;
};

/* `find` gives a function by its name; NULL: it is not there, and then none is. */
bool curl_borrow(struct borrowed_curl *curl, void *(*find)(void *user, const char *name), void *user);

#endif
