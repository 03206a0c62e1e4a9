/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "results/results_url.h"

static void addresses_are_taken_that_need_no_look_up(void **state)
{
    static const struct {
        const char *url, *address;
        bool is_ipv6;
    } urls[] = {
        {"ipc:///run/mm/results.ipc", "ipc:///run/mm/results.ipc", false},
        {"tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", false},
        {"tcp://10.1.2.3:1", "tcp://10.1.2.3:1", false},
        {"tcp://localhost:65535", "tcp://127.0.0.1:65535", false},
        {"tcp://[::1]:5555", "tcp://[::1]:5555", true},
        {"tcp://[2001:db8:1111:2222:3333:4444:5555:6666]:5555", "tcp://[2001:db8:1111:2222:3333:4444:5555:6666]:5555",
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct results_address address;
        klp_text_buffer why = {0};
        if (results_url_check(urls[i].url, &address, &why))
            fail_msg("%s: %s", urls[i].url, why.data);
        assert_string_equal(address.text, urls[i].address);
        assert_int_equal(address.is_ipv6, urls[i].is_ipv6);
    }
}

static void everything_else_is_refused_by_name(void **state)
{
    static const struct {
        const char *url, *reason;
    } urls[] = {
        {"", "does not begin with"},
        {"inproc://x", "does not begin with"},
        {"ws://127.0.0.1:1", "does not begin with"},
        {"ipc://", "no path"},
        {"tcp://", "no port"},
        {"tcp://127.0.0.1", "no port"},
        {"tcp://127.0.0.1:", "no port"},
        {"tcp://127.0.0.1:0", "no port"},
        {"tcp://127.0.0.1:65536", "no port"},
        {"tcp://127.0.0.1:99999999999999999999", "no port"},
        {"tcp://127.0.0.1:5x", "no port"},
        {"tcp://:5555", "no numeric address"},
        {"tcp://results.internal:5555", "no numeric address"},
        {"tcp://127.0.0.1.:5555", "no numeric address"},
        {"tcp://eth0;127.0.0.1:5555", "no numeric address"},
        {"tcp://[::1:5555", "no numeric address"},
        {"tcp://[]:5555", "no numeric address"},
        {"tcp://[127.0.0.1]:5555", "no numeric address"},
        {"tcp://[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:5555", "no numeric address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct results_address address;
        klp_text_buffer why = {0};
        print_message("  %s\n", urls[i].url);
        assert_int_equal(results_url_check(urls[i].url, &address, &why), KLP_E_INVALID_ARGUMENT);
        assert_non_null(strstr(why.data, urls[i].reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_that_need_no_look_up),
        cmocka_unit_test(everything_else_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
