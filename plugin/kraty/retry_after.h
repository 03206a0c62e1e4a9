/* SPDX-License-Identifier: Apache-2.0
 * The Retry-After header: seconds, or one of HTTP's three date forms. */
#ifndef KLP_KRATY_RETRY_AFTER_H
#define KLP_KRATY_RETRY_AFTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970 of an HTTP date (IMF-fixdate, RFC 850, asctime); false when it is none.
 * now_unix_s places the two-digit year of RFC 850: never more than 50 years ahead. */
bool http_date_read(const char *text, size_t size, int64_t now_unix_s, int64_t *unix_s);

/* Milliseconds to wait, 0…INT64_MAX (saturated); -1 when the header is absent or says nothing valid.
 * `date` is the reply's own Date header (size 0: none), to which a date is relative; without a valid one it is
 * relative to now_unix_s. A date that has passed is 0. */
int64_t retry_after_ms(const char *value, size_t size, const char *date, size_t date_size, int64_t now_unix_s);

#endif
