/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "kraty/retry_after.h"
#include "random.h"
#include "vectors.h"

#define NOW     INT64_C(1794139200) /* Sun, 08 Nov 2026 12:00:00 GMT */
#define DAY     INT64_C(86400)
#define YEAR_MS (365 * DAY * 1000)

static int64_t wait_of(const char *value)
{
    return retry_after_ms(value, strlen(value), NULL, 0, NOW);
}

static int64_t wait_from(const char *value, const char *date)
{
    return retry_after_ms(value, strlen(value), date, strlen(date), NOW + 5000);
}

static bool date_of(const char *text, int64_t now_unix_s, int64_t *unix_s)
{
    return http_date_read(text, strlen(text), now_unix_s, unix_s);
}

static void headers_mean_what_the_vectors_say(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("retry_after.json");
    const char *date = json_string_value(json_object_get(vectors, "now"));
    assert_non_null(date);
    size_t i;
    json_t *entry;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        const char *value = json_string_value(json_object_get(entry, "value"));
        json_t *expected = json_object_get(entry, "wait_ms");
        int64_t wait_ms = wait_from(value, date);
        if (json_is_integer(expected))
            assert_int_equal(wait_ms, json_integer_value(expected));
        else if (json_is_string(expected))
            assert_true(wait_ms >= YEAR_MS);
        else
            assert_int_equal(wait_ms, -1);
    }
    json_decref(vectors);
}

static void seconds_are_exact_and_saturate(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t wait_ms;
    } cases[] = {
        {"0", 0},
        {"007", 7000},
        {"0.0", 0},
        {"0.5", 500},
        {"1.25", 1250},
        {"1.999", 1999},
        {"1.9990000", 1999},
        {"1.9990001", 2000}, /* a wait is a floor: rounded up */
        {"0.0001", 1},
        {"\t3 \t", 3000},
        {"9223372036854775", INT64_C(9223372036854775000)},
        {"9223372036854775.807", INT64_MAX},
        {"9223372036854775.8071", INT64_MAX},
        {"9223372036854776", INT64_MAX},
        {"9223372036854775808", INT64_MAX},
        {"18446744073709551617", INT64_MAX},
        {"99999999999999999999999999999999999999999999.5", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(wait_of(cases[i].value), cases[i].wait_ms);
    assert_int_equal(retry_after_ms("12junk", 2, NULL, 0, NOW), 12000); /* the size counts, not a NUL */
    assert_int_equal(retry_after_ms(NULL, 0, NULL, 0, NOW), -1);
}

static void what_is_neither_seconds_nor_a_date_is_ignored(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.",
        ".5",
        "1,5",
        "1e3",
        "0x10",
        "1 2",
        "1s",
        "soon",
        "NaN",
        "inf",
        "1..5",
        "1.5.5",
        "--1",
        "Sun",
        "Sun, 08 Nov 2026 12:00:30",
        "Sun, 08 Nov 2026 12:00:30 UTC",
        "Sun, 8 Nov 2026 12:00:30 GMT",
        "Sun, 08 Nov 2026 12:00:30 GMT!",
        "Sun, 08 Nov 2026 24:00:00 GMT",
        "Sun, 08 Nov 2026 12:60:00 GMT",
        "Sun, 08 Nov 2026 12:00:61 GMT",
        "Sun, 00 Nov 2026 12:00:30 GMT",
        "Mon, 31 Nov 2026 12:00:30 GMT",
        "Sun, 29 Feb 2026 12:00:30 GMT",
        "Sun, 08 Nop 2026 12:00:30 GMT",
        "Som, 08 Nov 2026 12:00:30 GMT",
        "Sun 08 Nov 2026 12:00:30 GMT",
        "Sun, 08-Nov-26 12:00:05 GMT",
        "Sunday, 08-Nov-2026 12:00:05 GMT",
        "Sunday, 08 Nov 26 12:00:05 GMT",
        "Sun Nov 8 12:00:05 2026",
        "Sun Nov  8 12:00:05 26",
        "Sun Nov  8 12:00:05 2026 GMT",
        "Sun Nov 32 12:00:05 2026",
        "Sun, 08 Nov 2026 -1:00:30 GMT",
        "Sun, 08 Nov 2026 1 :00:30 GMT",
        "2026-11-08T12:00:30Z",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(wait_of(values[i]), -1);
}

static void a_date_is_relative_to_the_replys_own_date(void **state)
{
    (void)state;
    static const char date[] = "Sun, 08 Nov 2026 12:00:00 GMT"; /* our clock is 5000 s ahead, see wait_from() */
    assert_int_equal(wait_from("Sun, 08 Nov 2026 12:00:30 GMT", date), 30000);
    assert_int_equal(wait_from("Sun, 08 Nov 2026 12:00:30 GMT", " Sun Nov  8 12:00:10 2026 "), 20000);
    assert_int_equal(wait_from("Sun, 08 Nov 2026 12:00:00 GMT", date), 0);
    assert_int_equal(wait_from("Thu, 01 Jan 1970 00:00:00 GMT", date), 0);
    assert_int_equal(wait_from("Fri, 31 Dec 9999 23:59:59 GMT", date), (INT64_C(253402300799) - NOW) * 1000);
    /* Without a valid one our clock counts. */
    assert_int_equal(wait_from("Sun, 08 Nov 2026 13:23:25 GMT", ""), 5000);
    assert_int_equal(wait_from("Sun, 08 Nov 2026 13:23:25 GMT", "yesterday"), 5000);
    assert_int_equal(wait_of("Sun, 08 Nov 2026 12:00:30 GMT"), 30000);
    /* Seconds do not ask for any clock. */
    assert_int_equal(wait_from("30", "yesterday"), 30000);
}

static void a_clock_far_off_saturates(void **state)
{
    (void)state;
    static const char value[] = "Sun, 08 Nov 2026 12:00:30 GMT";
    assert_int_equal(retry_after_ms(value, strlen(value), NULL, 0, INT64_MIN), INT64_MAX);
    assert_int_equal(retry_after_ms(value, strlen(value), NULL, 0, INT64_MAX), 0);
    static const char two_digits[] = "Sunday, 08-Nov-26 12:00:05 GMT";
    assert_true(retry_after_ms(two_digits, strlen(two_digits), NULL, 0, INT64_MIN) >= 0);
    assert_int_equal(retry_after_ms(two_digits, strlen(two_digits), NULL, 0, INT64_MAX), 0);
}

static void leap_days_and_leap_seconds_are_known(void **state)
{
    (void)state;
    int64_t unix_s;
    assert_true(date_of("Thu, 29 Feb 2024 00:00:00 GMT", NOW, &unix_s));
    assert_int_equal(unix_s, INT64_C(1709164800));
    assert_true(date_of("Tue, 29 Feb 2000 00:00:00 GMT", NOW, &unix_s));
    assert_int_equal(unix_s, INT64_C(951782400));
    assert_false(date_of("Thu, 29 Feb 1900 00:00:00 GMT", NOW, &unix_s));
    assert_true(date_of("Sat, 31 Dec 2016 23:59:60 GMT", NOW, &unix_s));
    assert_int_equal(unix_s, INT64_C(1483228800));
    assert_true(date_of("Thu, 01 Jan 1970 00:00:00 GMT", NOW, &unix_s));
    assert_int_equal(unix_s, 0);
    assert_true(date_of("Sun, 06 Nov 1994 08:49:37 GMT", NOW, &unix_s));
    assert_int_equal(unix_s, INT64_C(784111777));
}

static void two_digits_name_a_year_at_most_fifty_ahead(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        int64_t unix_s;
    } cases[] = {
        {"Sunday, 08-Nov-26 12:00:00 GMT", NOW},
        {"Sunday, 06-Nov-94 08:49:37 GMT", INT64_C(784111777)},
        {"Saturday, 01-Jan-00 00:00:00 GMT", INT64_C(946684800)},
        {"Sunday, 08-Nov-76 12:00:00 GMT", INT64_C(3372062400)}, /* 2076: fifty years to the second */
        {"Monday, 08-Nov-76 12:00:01 GMT", INT64_C(216302401)},  /* 1976 */
        {"Saturday, 31-Dec-99 23:59:59 GMT", INT64_C(946684799)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t unix_s;
        assert_true(date_of(cases[i].date, NOW, &unix_s));
        assert_int_equal(unix_s, cases[i].unix_s);
    }
    /* In 2099 a year 01 is the coming one. */
    int64_t unix_s;
    assert_true(date_of("Saturday, 01-Jan-01 00:00:00 GMT", INT64_C(4086201600), &unix_s));
    assert_int_equal(unix_s, INT64_C(4133980800));
}

/* The C library is asked in its own way: with a time zone that is UTC, and names that are English. */
static void any_moment_is_read_in_all_three_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    struct random random = {42};
    for (unsigned round = 0; round < 100000; round++) {
        /* from year 1000 to year 3000; for the second form from 49 years ago to 49 years ahead */
        size_t form = round % 3;
        int64_t span_days = form == 1 ? 98 * 365 : 2000 * 365;
        int64_t first_day = form == 1 ? NOW / DAY - 49 * 365 : INT64_C(-354285);
        int64_t expected =
            (first_day + random_below(&random, (uint32_t)span_days)) * DAY + random_below(&random, (uint32_t)DAY);
        time_t time = (time_t)expected;
        struct tm parts;
        char text[64];
        assert_non_null(gmtime_r(&time, &parts));
        assert_true(strftime(text, sizeof text, forms[form], &parts) > 0);
        int64_t unix_s;
        if (!date_of(text, NOW, &unix_s) || unix_s != expected)
            fail_msg("%s is not %lld", text, (long long)expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_mean_what_the_vectors_say),
        cmocka_unit_test(seconds_are_exact_and_saturate),
        cmocka_unit_test(what_is_neither_seconds_nor_a_date_is_ignored),
        cmocka_unit_test(a_date_is_relative_to_the_replys_own_date),
        cmocka_unit_test(a_clock_far_off_saturates),
        cmocka_unit_test(leap_days_and_leap_seconds_are_known),
        cmocka_unit_test(two_digits_name_a_year_at_most_fifty_ahead),
        cmocka_unit_test(any_moment_is_read_in_all_three_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
