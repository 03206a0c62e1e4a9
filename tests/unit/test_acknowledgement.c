/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "results/acknowledgement.h"

static void replies_of_the_host_acknowledge_what_they_say(void **state)
{
    static const struct {
        const char *reply;
        bool is_valid;
        uint64_t seq;
    } replies[] = {
        {"", true, 100},
        {"ok", true, 100},
        {" ok\r\n", true, 100},
        {"{\"ack\":7}", true, 7},
        {"{\"ack\": 100}", true, 100},
        {"{\"ack\":101}", true, 100},
        {"{\"ack\":0}", true, 0},
        {"{\"ack\":18446744073709551615}", true, 100},
        {"{\"ack\":7,\"new\":1}\n", true, 7},
        {"{\"ack\":-1}", false, 0},
        {"{\"ack\":\"7\"}", false, 0},
        {"{\"ack\":1.5}", false, 0},
        {"{}", false, 0},
        {"OK!", false, 0},
        {"7", false, 0},
        {"{\"ack\":7", false, 0},
        {"null", false, 0},
        {"[7]", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        uint64_t seq = 12345;
        print_message("  %s\n", replies[i].reply);
        assert_int_equal(acknowledgement_read(replies[i].reply, strlen(replies[i].reply), 100, &seq),
                         replies[i].is_valid);
        if (replies[i].is_valid)
            assert_int_equal(seq, replies[i].seq);
    }
    uint64_t seq = 0;
    assert_true(acknowledgement_read("ok", 3, 9, &seq)); /* with its NUL */
    assert_int_equal(seq, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_the_host_acknowledge_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
