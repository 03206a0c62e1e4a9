/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/retry_after.h"

#include <string.h>

#define SECONDS_A_DAY INT64_C(86400)

/* ─── A cursor over the header ───────────────────────────────────────────────────────────────────── */

struct cursor {
    const char *at;
    const char *end;
};

static bool take_literal(struct cursor *cursor, const char *literal)
{
    size_t size = strlen(literal);
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, literal, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Exactly so many digits. */
static bool take_digits(struct cursor *cursor, unsigned count, int *value)
{
    *value = 0;
    for (; count > 0; count--, cursor->at++) {
        if (cursor->at == cursor->end || !is_digit(*cursor->at))
            return false;
        *value = *value * 10 + (*cursor->at - '0');
    }
    return true;
}

/* One of `count` names; *index says which. */
static bool take_name(struct cursor *cursor, const char *const *names, int count, int *index)
{
    for (*index = 0; *index < count; ++*index) {
        if (take_literal(cursor, names[*index]))
            return true;
    }
    return false;
}

/* ─── Days ───────────────────────────────────────────────────────────────────────────────────────── */

struct moment {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_real(const struct moment *moment)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int days_in_month = days[moment->month - 1] + (moment->month == 2 && is_leap_year(moment->year));
    /* 60: a leap second */
    return moment->day >= 1 && moment->day <= days_in_month && moment->hour <= 23 && moment->minute <= 59 &&
           moment->second <= 60;
}

/* Days since 1970 in the Gregorian calendar, for years from 0. Years are counted from March on, so that the leap
 * day is a year's last; 153 days are the five months from March (or August) on. The era of 400 years repeats. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t shifted_year = (int64_t)year - (month <= 2) + 400;
    int64_t shifted_month = (month + 9) % 12;
    int64_t day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    int64_t days = shifted_year * 365 + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 + day_of_year;
    return days - INT64_C(865565); /* the same sum for 1 January 1970 */
}

static int64_t unix_seconds(const struct moment *moment)
{
    int second_of_day = (moment->hour * 60 + moment->minute) * 60 + moment->second;
    return days_since_1970(moment->year, moment->month, moment->day) * SECONDS_A_DAY + second_of_day;
}

/* The year that holds a time, of those an HTTP date can name. */
static int year_of(int64_t unix_s)
{
    int earliest = 0;
    int latest = 9999;
    while (earliest < latest) {
        int middle = (earliest + latest + 1) / 2;
        if (days_since_1970(middle, 1, 1) * SECONDS_A_DAY <= unix_s)
            earliest = middle;
        else
            latest = middle - 1;
    }
    return earliest;
}

/* RFC 9110, section 5.6.7: the latest year with these two digits that is not more than 50 years ahead. */
static void place_year(struct moment *moment, int64_t now_unix_s)
{
    int now_year = year_of(now_unix_s);
    struct moment earlier = *moment;
    moment->year += now_year / 100 * 100 + 100;
    for (;; moment->year -= 100) {
        earlier.year = moment->year - 50;
        if (earlier.year < 50 || unix_seconds(&earlier) <= now_unix_s)
            return;
    }
}

/* ─── The three forms of a date ──────────────────────────────────────────────────────────────────── */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const short_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static bool take_month(struct cursor *cursor, int *month)
{
    if (!take_name(cursor, months, 12, month))
        return false;
    ++*month;
    return true;
}

static bool take_time(struct cursor *cursor, struct moment *moment)
{
    return take_digits(cursor, 2, &moment->hour) && take_literal(cursor, ":") &&
           take_digits(cursor, 2, &moment->minute) && take_literal(cursor, ":") &&
           take_digits(cursor, 2, &moment->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_imf_fixdate(struct cursor cursor, struct moment *moment)
{
    int day_of_week;
    return take_name(&cursor, short_days, 7, &day_of_week) && take_literal(&cursor, ", ") &&
           take_digits(&cursor, 2, &moment->day) && take_literal(&cursor, " ") && take_month(&cursor, &moment->month) &&
           take_literal(&cursor, " ") && take_digits(&cursor, 4, &moment->year) && take_literal(&cursor, " ") &&
           take_time(&cursor, moment) && take_literal(&cursor, " GMT") && cursor.at == cursor.end;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool read_rfc_850(struct cursor cursor, struct moment *moment, int64_t now_unix_s)
{
    int day_of_week;
    bool is_read = take_name(&cursor, long_days, 7, &day_of_week) && take_literal(&cursor, ", ") &&
                   take_digits(&cursor, 2, &moment->day) && take_literal(&cursor, "-") &&
                   take_month(&cursor, &moment->month) && take_literal(&cursor, "-") &&
                   take_digits(&cursor, 2, &moment->year) && take_literal(&cursor, " ") && take_time(&cursor, moment) &&
                   take_literal(&cursor, " GMT") && cursor.at == cursor.end;
    if (is_read)
        place_year(moment, now_unix_s);
    return is_read;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct cursor cursor, struct moment *moment)
{
    int day_of_week;
    if (!take_name(&cursor, short_days, 7, &day_of_week) || !take_literal(&cursor, " ") ||
        !take_month(&cursor, &moment->month) || !take_literal(&cursor, " "))
        return false;
    unsigned day_digits = take_literal(&cursor, " ") ? 1 : 2;
    return take_digits(&cursor, day_digits, &moment->day) && take_literal(&cursor, " ") && take_time(&cursor, moment) &&
           take_literal(&cursor, " ") && take_digits(&cursor, 4, &moment->year) && cursor.at == cursor.end;
}

static struct cursor trimmed(const char *text, size_t size)
{
    size_t start = 0;
    while (start < size && (text[start] == ' ' || text[start] == '\t'))
        start++;
    while (size > start && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (start == size)
        return (struct cursor){.at = "", .end = ""};
    return (struct cursor){.at = text + start, .end = text + size};
}

bool http_date_read(const char *text, size_t size, int64_t now_unix_s, int64_t *unix_s)
{
    struct cursor cursor = trimmed(text, size);
    struct moment moment;
    if (!read_imf_fixdate(cursor, &moment) && !read_rfc_850(cursor, &moment, now_unix_s) &&
        !read_asctime(cursor, &moment))
        return false;
    if (!is_real(&moment))
        return false;
    *unix_s = unix_seconds(&moment);
    return true;
}

/* ─── The wait ───────────────────────────────────────────────────────────────────────────────────── */

static int64_t saturating_tenfold(int64_t value, int digit)
{
    return value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
}

/* Seconds, with a fraction where a server means well. What is below a millisecond is a whole one: the wait is a
 * floor. -1 when it is no number. */
static int64_t read_seconds(struct cursor cursor)
{
    int64_t wait_ms = 0;
    const char *start = cursor.at;
    for (; cursor.at < cursor.end && is_digit(*cursor.at); cursor.at++)
        wait_ms = saturating_tenfold(wait_ms, *cursor.at - '0');
    if (cursor.at == start)
        return -1;

    bool has_fraction = take_literal(&cursor, ".");
    start = cursor.at;
    for (int place = 0; place < 3; place++) {
        bool is_there = has_fraction && cursor.at < cursor.end && is_digit(*cursor.at);
        wait_ms = saturating_tenfold(wait_ms, is_there ? *cursor.at - '0' : 0);
        cursor.at += is_there;
    }
    bool has_rest = false;
    for (; has_fraction && cursor.at < cursor.end && is_digit(*cursor.at); cursor.at++)
        has_rest = has_rest || *cursor.at != '0';
    if (cursor.at != cursor.end || (has_fraction && cursor.at == start))
        return -1;
    return has_rest && wait_ms < INT64_MAX ? wait_ms + 1 : wait_ms;
}

/* From one time to a later one; 0 when it is not later. */
static int64_t wait_between_ms(int64_t from_unix_s, int64_t to_unix_s)
{
    if (to_unix_s <= from_unix_s)
        return 0;
    uint64_t wait_s = (uint64_t)to_unix_s - (uint64_t)from_unix_s;
    return wait_s > INT64_MAX / 1000 ? INT64_MAX : (int64_t)(wait_s * 1000);
}

int64_t retry_after_ms(const char *value, size_t size, const char *date, size_t date_size, int64_t now_unix_s)
{
    struct cursor cursor = trimmed(value, size);
    int64_t wait_ms = read_seconds(cursor);
    if (wait_ms >= 0)
        return wait_ms;

    int64_t from_unix_s;
    int64_t to_unix_s;
    if (!http_date_read(date, date_size, now_unix_s, &from_unix_s))
        from_unix_s = now_unix_s;
    if (!http_date_read(cursor.at, (size_t)(cursor.end - cursor.at), from_unix_s, &to_unix_s))
        return -1;
    return wait_between_ms(from_unix_s, to_unix_s);
}
