/* SPDX-License-Identifier: Apache-2.0
 * The proxy that the environment names, for a host that asks for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_group.h"

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

static int listener;
static unsigned port;
static char proxy[64]; /* where it listens */

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

static int set_up(void **state)
{
    clear_environment(state);
    listener = guest_listen(&port);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", port);
    return forget_everything(state);
}

static int tear_down(void **state)
{
    close(listener);
    return clear_environment(state);
}

static klp_config config_of(struct sandbox_client *sandbox)
{
    klp_config config = guest_config(sandbox_url(sandbox), certificates.authority);
    config.flags = KLP_PROXY_FROM_ENVIRONMENT;
    return config;
}

static void assert_used(const klp_config *config)
{
    bool is_tls = strncmp(config->base_url.data, "https:", 6) == 0;
    char said[4096];

    klp_pusher *pusher = guest_open(config);
    guest_push(pusher, "by proxy");
    int connection = guest_accept(listener);
    guest_receive(connection, said, sizeof said);
    assert_memory_equal(said, is_tls ? "CONNECT 127.0.0.1:" : "POST http://127.0.0.1", 18);
    if (is_tls)
        assert_null(strstr(said, SANDBOX_KEY)); /* a tunnel is no business of the key */
    guest_stop(pusher, 0);
    guest_close(pusher);
    close(connection);
}

static void assert_not_used(const klp_config *config)
{
    struct guest_verdict verdict = guest_push_once(config, "directly");
    guest_assert_applied(verdict.event);
    guest_done(&verdict);
    assert_false(guest_was_visited(listener));
}

static void the_variables_of_the_scheme_name_the_proxy_and_others_do_not(void **state)
{
    static const bool is_for_http[] = {true, false, false, false, true, true};
    static const bool is_for_https[] = {false, false, true, true, true, true};

    (void)state;
    for (size_t i = 0; i < 6; i++) { /* HTTP_PROXY: whoever calls a CGI can set it */
        klp_config http = config_of(plain), https = config_of(secure);
        clear_environment(NULL);
        setenv(variables[i], proxy, 1);
        is_for_http[i] ? assert_used(&http) : assert_not_used(&http);
        is_for_https[i] ? assert_used(&https) : assert_not_used(&https);
    }
}

static void the_first_that_is_not_empty_is_taken(void **state)
{
    klp_config config = config_of(secure);

    (void)state;
    setenv("https_proxy", "", 1);
    setenv("HTTPS_PROXY", proxy, 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    assert_used(&config);
    setenv("https_proxy", proxy, 1);
    setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    assert_used(&config);
}

static void hosts_that_the_environment_exempts_are_reached_directly(void **state)
{
    static const char *const lists[] = {"127.0.0.1", "localhost, 127.0.0.1", "*", "127.0.0.0/8"};

    (void)state;
    setenv("all_proxy", proxy, 1);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        klp_config http = config_of(plain), https = config_of(secure);
        setenv(i % 2 ? "NO_PROXY" : "no_proxy", lists[i], 1);
        assert_not_used(&http);
        assert_not_used(&https);
        unsetenv("no_proxy");
        unsetenv("NO_PROXY");
    }
    klp_config config = config_of(plain);
    setenv("no_proxy", "lobbies.example,10.0.0.1", 1);
    assert_used(&config);
}

static void a_value_without_a_scheme_is_an_http_proxy(void **state)
{
    klp_config config = config_of(secure);

    (void)state;
    setenv("https_proxy", proxy + strlen("http://"), 1);
    assert_used(&config);
}

static void a_proxy_of_the_configuration_stands_above_the_environment(void **state)
{
    klp_config config = config_of(plain);

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("no_proxy", "*", 1);
    config.proxy = klp_cstr(proxy);
    assert_used(&config);
}

static void without_the_flag_the_environment_is_not_asked(void **state)
{
    klp_config config = config_of(secure);

    (void)state;
    config.flags = 0;
    setenv("https_proxy", proxy, 1);
    assert_not_used(&config);
    setenv("https_proxy", "no://such:proxy@at all", 1);
    guest_close(guest_open(&config));
}

static void what_changes_after_open_changes_nothing(void **state)
{
    klp_config config = config_of(plain);

    (void)state;
    klp_pusher *pusher = guest_open(&config);
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    guest_push(pusher, "m");
    guest_assert_applied(guest_next_event(pusher));
    guest_close(pusher);
    assert_false(guest_was_visited(listener));
}

static void a_value_that_is_no_proxy_is_refused_by_name_and_not_shown(void **state)
{
    static const char *const values[] = {"ftp://me:hunter2@127.0.0.1:21", "http://me:hunter2@:x",
                                         "http://me:hunter2@127.0.0.1:99999", "me:hunter2@\xff\xfe", "://me:hunter2@h"};
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    char longest[4096];

    (void)state;
    memset(longest, 'h', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t name = 0; name < sizeof names / sizeof *names; name++) {
        for (size_t i = 0; i <= sizeof values / sizeof *values; i++) {
            klp_config config = config_of(secure);
            klp_text_buffer why = {0};
            klp_pusher *pusher = NULL;
            clear_environment(NULL);
            setenv(names[name], i < sizeof values / sizeof *values ? values[i] : longest, 1);
            assert_int_equal(guest_api()->open(&config, &pusher, &why), KLP_E_INVALID_ARGUMENT);
            assert_null(pusher);
            assert_ptr_equal(strstr(why.data, names[name]), why.data);
            assert_null(strstr(why.data, "hunter2"));
        }
    }
}

static void a_proxy_elsewhere_is_not_to_read_a_key_that_is_sent_in_the_clear(void **state)
{
    klp_config config = config_of(plain);
    klp_text_buffer why = {0};
    klp_pusher *pusher = NULL;

    (void)state;
    setenv("http_proxy", "me:hunter2@proxy.example:3128", 1);
    assert_int_equal(guest_api()->open(&config, &pusher, &why), KLP_E_INVALID_ARGUMENT);
    assert_ptr_equal(strstr(why.data, "http_proxy is not on loopback"), why.data);
    assert_null(strstr(why.data, "hunter2"));
    config = config_of(secure); /* it sees a tunnel only */
    setenv("https_proxy", "me:hunter2@proxy.example:3128", 1);
    guest_close(guest_open(&config));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_variables_of_the_scheme_name_the_proxy_and_others_do_not),
        test(the_first_that_is_not_empty_is_taken),
        test(hosts_that_the_environment_exempts_are_reached_directly),
        test(a_value_without_a_scheme_is_an_http_proxy),
        test(a_proxy_of_the_configuration_stands_above_the_environment),
        test(without_the_flag_the_environment_is_not_asked),
        test(what_changes_after_open_changes_nothing),
        test(a_value_that_is_no_proxy_is_refused_by_name_and_not_shown),
        test(a_proxy_elsewhere_is_not_to_read_a_key_that_is_sent_in_the_clear),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
