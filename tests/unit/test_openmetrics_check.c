/* SPDX-License-Identifier: Apache-2.0
 * The checker has to find what is wrong, or the test of the metrics proves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "openmetrics_check.h"

#define P        "{pusher=\"p\"} "
#define EOF_LINE "# EOF\n"

#define GAUGE     "# TYPE a gauge\n# HELP a x\n"
#define HISTOGRAM "# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n# HELP h_seconds x\n"

static struct om_check check;

static void what_follows_the_rules_is_taken(void **state)
{
    static const char *const texts[] = {
        EOF_LINE,
        GAUGE "a" P "1\n" EOF_LINE,
        GAUGE "a" P "1.50\na{pusher=\"q\"} 18446744073709551615\n" EOF_LINE,
        GAUGE "a{pusher=\"\\\"\\\\\\n\"} 1\n" EOF_LINE,
        "# TYPE a counter\n# HELP a x \\n y\na_total" P "1\n" EOF_LINE,
        "# TYPE g stateset\n# HELP g x\ng{pusher=\"p\",g=\"on\"} 1\ng{pusher=\"p\",g=\"off\"} 0\n" EOF_LINE,
        HISTOGRAM "h_seconds_bucket{pusher=\"p\",le=\"0.5\"} 1\nh_seconds_bucket{pusher=\"p\",le=\"1.0\"} 1\n"
                  "h_seconds_bucket{pusher=\"p\",le=\"+Inf\"} 2\nh_seconds_count" P "2\nh_seconds_sum" P
                  "2.5\n" EOF_LINE,
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *fault = om_check(&check, texts[i], strlen(texts[i]));
        if (fault)
            fail_msg("%s: %s", texts[i], fault);
    }
}

static void what_breaks_a_rule_is_found(void **state)
{
    static const struct {
        const char *text, *fault;
    } texts[] = {
        {"", "no end"},
        {"# EOF", "bad metadata"},
        {"# EOF\n\n", "something behind the end"},
        {GAUGE "a" P "1\n", "no end"},
        {GAUGE EOF_LINE, "a family without samples"},
        {"# TYPE a gauge\na" P "1\n" EOF_LINE, "a family without help"},
        {"a" P "1\n" EOF_LINE, "a sample before any family"},
        {GAUGE "b" P "1\n" EOF_LINE, "a sample of another family"},
        {GAUGE "a" P "1\n" GAUGE "a" P "1\n" EOF_LINE, "a family that was there already"},
        {GAUGE "a" P "1\na" P "2\n" EOF_LINE, "a sample that is there twice"},
        {GAUGE "a_total" P "1\n" EOF_LINE, "a gauge with a suffix"},
        {GAUGE "a" P "-1\n" EOF_LINE, "a bad number"},
        {GAUGE "a" P "1.\n" EOF_LINE, "a bad number"},
        {GAUGE "a" P "1,5\n" EOF_LINE, "a bad number"},
        {GAUGE "a" P "1\r\n" EOF_LINE, "a bad number"},
        {GAUGE "a" P "\n" EOF_LINE, "a bad number"},
        {GAUGE "a 1\n" EOF_LINE, "no labels"},
        {GAUGE "a{pusher=\"p\"}1\n" EOF_LINE, "no space before the number"},
        {GAUGE "a{pusher=\"p\",} 1\n" EOF_LINE, "a bad label"},
        {GAUGE "a{pusher=\"\\r\"} 1\n" EOF_LINE, "a bad label"},
        {GAUGE "a{pusher=\"\n\"} 1\n" EOF_LINE, "a bad label"},
        {GAUGE "a{pusher=\"\"\"} 1\n" EOF_LINE, "labels that do not end"},
        {GAUGE "a{pusher=\"p\",pusher=\"p\"} 1\n" EOF_LINE, "a label that is there twice"},
        {GAUGE "a{pusher=\"\xff\"} 1\n" EOF_LINE, "no UTF-8"},
        {"# TYPE a sum\n" EOF_LINE, "an unknown type"},
        {"# HELP a x\n# TYPE a gauge\na" P "1\n" EOF_LINE, "metadata of another family"},
        {"# TYPE a_x gauge\n# HELP a_x x\n# UNIT a_x x\n" EOF_LINE, "UNIT is not behind TYPE"},
        {"# TYPE a gauge\n# UNIT a seconds\n" EOF_LINE, "the unit does not end the name"},
        {GAUGE "# HELP a x\n" EOF_LINE, "HELP is not behind TYPE and UNIT"},
        {"# TYPE a gauge\n# HELP a \\x\n" EOF_LINE, "bad help"},
        {"# TYPE a counter\n# HELP a x\na" P "1\n" EOF_LINE, "a counter without _total"},
        {"# TYPE g stateset\n# HELP g x\ng{pusher=\"p\"} 1\n" EOF_LINE, "a state with a suffix, or without its label"},
        {"# TYPE g stateset\n# HELP g x\ng{g=\"p\"} 2\n" EOF_LINE, "a state of no 0 or 1"},
        {HISTOGRAM "h_seconds_count" P "0\nh_seconds_sum" P "0.0\n" EOF_LINE, "no buckets"},
        {HISTOGRAM "h_seconds_bucket" P "0\n" EOF_LINE, "a bucket without le, or another with it"},
        {HISTOGRAM "h_seconds_bucket{le=\"+Inf\"} 0.0\n" EOF_LINE, "a count that is no integer"},
        {HISTOGRAM "h_seconds_bucket{le=\"1.0\"} 0\nh_seconds_count" P "0\nh_seconds_sum" P "0.0\n" EOF_LINE,
         "+Inf is not the last bucket"},
        {HISTOGRAM "h_seconds_bucket{le=\"1\"} 0\nh_seconds_bucket{le=\"+Inf\"} 0\n" EOF_LINE,
         "a bound that is not canonical"},
        {HISTOGRAM "h_seconds_bucket{le=\"1.50\"} 0\nh_seconds_bucket{le=\"+Inf\"} 0\n" EOF_LINE,
         "a bound that is not canonical"},
        {HISTOGRAM
         "h_seconds_bucket{le=\"1.0\"} 0\nh_seconds_bucket{le=\"0.5\"} 0\nh_seconds_bucket{le=\"+Inf\"} 0\n" EOF_LINE,
         "bounds that do not rise"},
        {HISTOGRAM "h_seconds_bucket{le=\"1.0\"} 2\nh_seconds_bucket{le=\"+Inf\"} 1\n" EOF_LINE,
         "buckets that are not cumulative"},
        {HISTOGRAM "h_seconds_bucket{le=\"+Inf\"} 1\nh_seconds_count" P "1\n" EOF_LINE, "not one count and one sum"},
        {HISTOGRAM "h_seconds_bucket{le=\"+Inf\"} 1\nh_seconds_count" P "2\nh_seconds_sum" P "0.0\n" EOF_LINE,
         "+Inf is not the count"},
        {GAUGE "a" P "1\n# TYPE a_total gauge\n# HELP a_total x\na_total" P "1\n" EOF_LINE,
         "a family named as another's sample"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *fault = om_check(&check, texts[i].text, strlen(texts[i].text));
        if (!fault || strcmp(fault, texts[i].fault) != 0)
            fail_msg("%s: %s", texts[i].text, fault ? fault : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_the_rules_is_taken),
        cmocka_unit_test(what_breaks_a_rule_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
