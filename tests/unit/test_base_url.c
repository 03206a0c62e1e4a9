/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/base_url.h"

static void urls_are_taken_with_the_slashes_at_their_end_dropped(void **state)
{
    static const struct {
        const char *url, *kept;
    } urls[] = {
        {"https://api.kraty.io", "https://api.kraty.io"},
        {"https://api.kraty.io/", "https://api.kraty.io"},
        {"https://api.kraty.io//", "https://api.kraty.io"},
        {"HTTPS://api.kraty.io/gateway/v2/", "HTTPS://api.kraty.io/gateway/v2"},
        {"https://10.0.0.1:8443", "https://10.0.0.1:8443"},
        {"https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x"},
        {"https://gateway/a@b", "https://gateway/a@b"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"http://127.9.9.9", "http://127.9.9.9"},
        {"http://localhost:1/", "http://localhost:1"},
        {"http://LOCALHOST", "http://LOCALHOST"},
        {"http://[::1]:80", "http://[::1]:80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        size_t kept = 0;
        klp_text_buffer why = {0};
        if (base_url_check(urls[i].url, strlen(urls[i].url), false, "base_url", &kept, &why))
            fail_msg("%s: %s", urls[i].url, why.data);
        assert_int_equal(kept, strlen(urls[i].kept));
        assert_memory_equal(urls[i].url, urls[i].kept, kept);
    }
}

static void urls_that_could_take_the_key_elsewhere_are_refused(void **state)
{
    static const struct {
        const char *url, *reason;
    } urls[] = {
        {"", "does not begin with"},
        {"api.kraty.io", "does not begin with"},
        {"ftp://api.kraty.io", "does not begin with"},
        {"file:///etc/passwd", "does not begin with"},
        {"https://", "is not a URL"},
        {"https://:443", "is not a URL"},
        {"https://api.kraty.io:99999", "is not a URL"},
        {"https://user:secret@api.kraty.io", "user info"},
        {"https://api.kraty.io@evil.example", "user info"},
        {"https://@api.kraty.io", "user info"},
        {"https://api.kraty.io/?a=b", "a query at 21"},
        {"https://api.kraty.io?", "a query at 20"},
        {"https://api.kraty.io/#x", "a fragment at 21"},
        {"https://api.kraty.io\\@evil.example", "byte 0x5c at 20"},
        {"https://api.kraty.io /", "byte 0x20 at 20"},
        {"https://api.kraty.io\n", "byte 0x0a at 20"},
        {"https://\xc3\xa9.example", "byte 0xc3 at 8"},
        {"http://api.kraty.io", "not loopback"},
        {"http://127.0.0.1.evil.example", "not loopback"},
        {"http://localhost.evil.example", "not loopback"},
        {"http://128.0.0.1", "not loopback"},
        {"http://0.0.0.0", "not loopback"},
        {"http://[::2]", "not loopback"},
        {"http://[::ffff:10.0.0.1]", "not loopback"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        size_t kept = 0;
        klp_text_buffer why = {0};
        print_message("  %s\n", urls[i].url);
        assert_int_equal(base_url_check(urls[i].url, strlen(urls[i].url), false, "base_url", &kept, &why),
                         KLP_E_INVALID_ARGUMENT);
        assert_memory_equal(why.data, "base_url ", 9);
        assert_non_null(strstr(why.data, urls[i].reason));
        assert_null(strstr(why.data, "secret"));
    }
}

static void plain_http_goes_anywhere_once_it_is_allowed_by_name(void **state)
{
    size_t kept = 0;

    (void)state;
    assert_int_equal(base_url_check("http://10.0.0.1", 15, true, "base_url", &kept, NULL), KLP_OK);
}

static void a_proxy_needs_a_scheme_and_keeps_its_password_to_itself(void **state)
{
    klp_text_buffer why = {0};

    (void)state;
    assert_int_equal(proxy_url_check("http://user:secret@10.0.0.1:3128", false, "proxy", &why), KLP_OK);
    assert_int_equal(proxy_url_check("socks5h://127.0.0.1:1080", true, "proxy", &why), KLP_OK);
    assert_int_equal(proxy_url_check("user:secret@proxy:3128", false, "proxy", &why), KLP_E_INVALID_ARGUMENT);
    assert_null(strstr(why.data, "secret"));
    assert_int_equal(proxy_url_check("http://user:secret@:x", false, "proxy", &why), KLP_E_INVALID_ARGUMENT);
    assert_null(strstr(why.data, "secret"));
    assert_int_equal(proxy_url_check("http://user:secret@10.0.0.1:3128", true, "proxy", &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "would read the API key"));
    assert_null(strstr(why.data, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_with_the_slashes_at_their_end_dropped),
        cmocka_unit_test(urls_that_could_take_the_key_elsewhere_are_refused),
        cmocka_unit_test(plain_http_goes_anywhere_once_it_is_allowed_by_name),
        cmocka_unit_test(a_proxy_needs_a_scheme_and_keeps_its_password_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
