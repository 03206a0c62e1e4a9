/* SPDX-License-Identifier: Apache-2.0
 * Where the plugin connects to, whom it trusts, and where the API key goes: nowhere else. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_group.h"

/* ---- proxies ---- */

static const char *const proxy_variables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

static void set_environment(const char *proxy, const char *exempt)
{
    for (size_t i = 0; i < sizeof proxy_variables / sizeof *proxy_variables; i++)
        proxy ? setenv(proxy_variables[i], proxy, 1) : unsetenv(proxy_variables[i]);
    exempt ? setenv("no_proxy", exempt, 1) : unsetenv("no_proxy");
    exempt ? setenv("NO_PROXY", exempt, 1) : unsetenv("NO_PROXY");
}

static int clear_environment(void **state)
{
    (void)state;
    set_environment(NULL, NULL);
    return 0;
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    char proxy[64];
    unsigned port;
    int listener = guest_listen(&port);

    (void)state;
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", port);
    set_environment(proxy, NULL);
    klp_config config = guest_config(sandbox_url(plain), NULL);
    struct guest_verdict verdict = guest_push_once(&config, "by http");
    guest_assert_applied(verdict.event);
    guest_done(&verdict);
    config = guest_config(sandbox_url(secure), certificates.authority);
    verdict = guest_push_once(&config, "by https");
    guest_assert_applied(verdict.event);
    guest_done(&verdict);
    assert_false(guest_was_visited(listener));
    close(listener);
}

/* Nor is a name exempt that the environment exempts. */
static void the_proxy_of_the_configuration_is_used(void **state)
{
    static const char *const schemes[] = {"http", "https"};
    char proxy[64], said[4096];
    unsigned port;
    int listener = guest_listen(&port);

    (void)state;
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", port);
    set_environment(NULL, "127.0.0.1,localhost,*");
    for (size_t i = 0; i < 2; i++) {
        klp_config config = guest_config(sandbox_url(i == 0 ? plain : secure), certificates.authority);
        config.proxy = klp_cstr(proxy);
        klp_pusher *pusher = guest_open(&config);
        guest_push(pusher, schemes[i]);
        int connection = guest_accept(listener);
        guest_receive(connection, said, sizeof said);
        assert_memory_equal(said, i == 0 ? "POST http://127.0.0.1" : "CONNECT 127.0.0.1:", 18);
        if (i == 1)
            assert_null(strstr(said, SANDBOX_KEY)); /* a tunnel is no business of the key */
        guest_stop(pusher, 0);
        guest_close(pusher);
        close(connection);
    }
    assert_int_equal(sandbox_lobby_count(plain) + sandbox_lobby_count(secure), 0);
    close(listener);
}

/* ---- redirects ---- */

static void redirects_are_not_followed(void **state)
{
    static const unsigned statuses[] = {301, 302, 303, 307, 308};
    char rule[256];
    unsigned port;
    int listener = guest_listen(&port);

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        sandbox_reset(plain);
        snprintf(rule, sizeof rule,
                 "{\"times\": -1, \"action\": {\"status\": %u, \"headers\": {\"Location\": \"http://127.0.0.1:%u/\"}}}",
                 statuses[i], port);
        sandbox_script(plain, rule);
        klp_config config = guest_config(sandbox_url(plain), NULL);
        struct guest_verdict verdict = guest_push_once(&config, "elsewhere");
        assert_int_equal(verdict.event->ok, 0);
        assert_int_equal(verdict.event->outcome, KLP_NOT_APPLIED);
        assert_int_equal(verdict.event->http_status, statuses[i]);
        guest_done(&verdict);
    }
    assert_false(guest_was_visited(listener));
    close(listener);
}

/* ---- what open() refuses ---- */

static const char *refusal_of(const klp_config *config)
{
    klp_text_buffer why = {0};
    klp_pusher *pusher = (klp_pusher *)&why;

    klp_status status = guest_api()->open(config, &pusher, &why);
    if (status == KLP_OK)
        guest_close(pusher);
    assert_int_equal(status, KLP_E_INVALID_ARGUMENT);
    assert_null(pusher);
    assert_true(why.size > 0);
    return why.data;
}

static void plain_http_to_another_machine_is_refused_unless_allowed(void **state)
{
    static const char *const others[] = {
        "http://lobbies.example", "http://10.0.0.1:8080",   "http://128.0.0.1", "http://127.0.0.1.lobbies.example",
        "http://[2001:db8::1]",   "HTTP://lobbies.example", "http://0.0.0.0",   "http://localhost.example"};
    static const char *const own[] = {"http://127.0.0.1:1", "http://localhost", "http://[::1]:80", "http://127.9.9.9"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        klp_config config = guest_config(others[i], NULL);
        assert_non_null(strstr(refusal_of(&config), "base_url"));
        config.flags = KLP_ALLOW_INSECURE;
        guest_close(guest_open(&config));
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        klp_config config = guest_config(own[i], NULL);
        guest_close(guest_open(&config));
    }
}

static void keys_that_are_no_keys_are_refused_and_not_shown(void **state)
{
    static const char *const keys[] = {"pk.sec ret",
                                       " pk.secret",
                                       "pk.secret\n",
                                       "pk.\x01secret",
                                       "pk.secr\xc3\xa9t",
                                       "pk.secret\x7f",
                                       "pk.secret\r\nX-Other: 1",
                                       "\t"};
    char path[] = "/tmp/guest-key-XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        klp_config config = guest_config(sandbox_url(plain), NULL);
        config.api_key = klp_cstr(keys[i]);
        const char *why = refusal_of(&config);
        assert_non_null(strstr(why, "api_key"));
        assert_null(strstr(why, "cret"));
        assert_null(strstr(why, "pk."));

        config.api_key = klp_cstr(NULL);
        setenv("KRATY_SERVER_KEY", keys[i], 1);
        why = refusal_of(&config);
        unsetenv("KRATY_SERVER_KEY");
        assert_non_null(strstr(why, "KRATY_SERVER_KEY"));
        assert_null(strstr(why, "cret"));
    }
    assert_int_equal(write(file, "pk.sec ret\n", 11), 11);
    klp_config config = guest_config(sandbox_url(plain), NULL);
    config.api_key = klp_cstr(NULL);
    config.api_key_file = klp_cstr(path);
    const char *why = refusal_of(&config);
    assert_non_null(strstr(why, "api_key_file"));
    assert_null(strstr(why, "sec"));
    close(file);
    unlink(path);
}

/* ---- TLS ---- */

static void a_server_of_the_given_authority_is_trusted(void **state)
{
    klp_config config = guest_config(sandbox_url(secure), certificates.authority);
    struct guest_verdict verdict = guest_push_once(&config, "trusted");

    (void)state;
    guest_assert_applied(verdict.event);
    guest_done(&verdict);
    assert_int_equal(sandbox_lobby_count(secure), 1);
}

static void assert_not_trusted(const char *url, const char *ca_file)
{
    klp_config config = guest_config(url, ca_file);
    struct guest_verdict verdict = guest_push_once(&config, "not trusted");

    guest_assert_failed(verdict.event, KLP_NOT_APPLIED, "tls_error", false);
    assert_int_equal(verdict.event->error_origin, KLP_ORIGIN_TRANSPORT);
    assert_int_equal(verdict.event->sends, 0);
    guest_done(&verdict);
}

static void an_authority_that_the_system_does_not_know_is_not_trusted(void **state)
{
    (void)state;
    assert_not_trusted(sandbox_url(secure), NULL);
    assert_int_equal(sandbox_lobby_count(secure), 0);
}

static void a_certificate_for_another_host_is_not_trusted(void **state)
{
    char url[64];

    (void)state;
    snprintf(url, sizeof url, "https://localhost:%u", sandbox_port(secure)); /* it is for 127.0.0.1 */
    assert_not_trusted(url, certificates.authority);
    assert_int_equal(sandbox_lobby_count(secure), 0);
}

static void an_expired_certificate_is_not_trusted(void **state)
{
    struct sandbox_client *expired = sandbox_start(
        (const char *[]){"--tls-cert", certificates.expired, "--tls-key", certificates.expired_key, NULL});

    (void)state;
    assert_not_trusted(sandbox_url(expired), certificates.authority);
    assert_int_equal(sandbox_lobby_count(expired), 0);
    sandbox_stop(expired);
}

/* Nothing is sent to whom the key may not be shown, and what waits for the check is told why. */
static void a_certificate_that_is_not_trusted_ends_what_waits_for_the_keys_check(void **state)
{
    klp_config config = guest_config(sandbox_url(secure), NULL);

    (void)state;
    config.expect_environment = klp_cstr("test");
    for (int i = 0; i < 2; i++) {
        struct guest_verdict verdict = guest_push_once(&config, "not trusted");
        guest_assert_failed(verdict.event, KLP_NOT_APPLIED, "tls_error", false);
        assert_int_equal(verdict.event->error_origin, KLP_ORIGIN_TRANSPORT);
        assert_int_equal(verdict.event->attempts, 0);
        guest_done(&verdict);
    }
    assert_int_equal(sandbox_stat(secure, "requests"), 0);
}

/* ---- many at once ---- */

enum { PUSHERS = 4, THREADS = 2, PUSHES = 250 };

struct share {
    klp_pusher *pusher;
    unsigned first_key; /* of the PUSHES it makes, as its cookies, too */
    bool has_failed;
};

/* Off the test's own thread nothing may assert. */
static void *push_share(void *argument)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    struct share *share = argument;
    char key[32];

    for (unsigned i = 0; i < PUSHES; i++) {
        klp_lobby lobby = KLP_LOBBY_INIT;
        snprintf(key, sizeof key, "match-%u", share->first_key + i);
        lobby.event_key = klp_cstr("battle_royale");
        lobby.key = klp_cstr(key);
        lobby.player_ids = players;
        lobby.player_count = 2;
        lobby.cookie = share->first_key + i;
        share->has_failed |= guest_api()->push(share->pusher, &lobby, NULL, NULL) != KLP_OK;
    }
    return NULL;
}

/* The events of one pusher: of its own pushes, all of them, each once. */
static void assert_events_of(klp_pusher *pusher, unsigned number)
{
    const unsigned count = THREADS * PUSHES;
    bool seen[THREADS * PUSHES] = {false};
    char name[16], key[32];
    const klp_event *event;

    snprintf(name, sizeof name, "pusher-%u", number);
    for (unsigned i = 0; i < count; i++) {
        event = guest_next_event(pusher);
        guest_assert_applied(event);
        assert_string_equal(event->pusher.data, name);
        uint64_t index = event->cookie - (uint64_t)number * count;
        assert_true(index < count && !seen[index]);
        seen[index] = true;
        snprintf(key, sizeof key, "match-%llu", (unsigned long long)event->cookie);
        assert_string_equal(event->key.data, key);
        assert_int_equal(guest_api()->ack(pusher, event), KLP_OK);
    }
    assert_int_equal(guest_api()->next_event(pusher, 0, &event), KLP_E_TIMEOUT);
}

static void pushers_in_one_process_do_not_mix(void **state)
{
    klp_pusher *pushers[PUSHERS];
    struct share shares[PUSHERS * THREADS];
    pthread_t threads[PUSHERS * THREADS];

    (void)state;
    for (unsigned i = 0; i < PUSHERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "pusher-%u", i);
        klp_config config = guest_config(sandbox_url(i % 2 ? secure : plain), certificates.authority);
        config.name = klp_cstr(name);
        config.deadline_ms = GUEST_LIMIT_MS;
        pushers[i] = guest_open(&config);
    }
    for (unsigned i = 0; i < PUSHERS * THREADS; i++) {
        shares[i] = (struct share){.pusher = pushers[i / THREADS], .first_key = i * PUSHES};
        assert_int_equal(pthread_create(&threads[i], NULL, push_share, &shares[i]), 0);
    }
    for (unsigned i = 0; i < PUSHERS * THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(shares[i].has_failed);
    }
    for (unsigned i = 0; i < PUSHERS; i++)
        assert_events_of(pushers[i], i);
    for (unsigned i = 0; i < PUSHERS; i++)
        guest_close(pushers[i]);
    assert_int_equal(sandbox_lobby_count(plain), PUSHERS / 2 * THREADS * PUSHES);
    assert_int_equal(sandbox_lobby_count(secure), PUSHERS / 2 * THREADS * PUSHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(proxies_of_the_environment_are_not_used, forget_everything, clear_environment),
        cmocka_unit_test_setup_teardown(the_proxy_of_the_configuration_is_used, forget_everything, clear_environment),
        cmocka_unit_test_setup(redirects_are_not_followed, forget_everything),
        cmocka_unit_test(plain_http_to_another_machine_is_refused_unless_allowed),
        cmocka_unit_test(keys_that_are_no_keys_are_refused_and_not_shown),
        cmocka_unit_test_setup(a_server_of_the_given_authority_is_trusted, forget_everything),
        cmocka_unit_test_setup(an_authority_that_the_system_does_not_know_is_not_trusted, forget_everything),
        cmocka_unit_test_setup(a_certificate_for_another_host_is_not_trusted, forget_everything),
        cmocka_unit_test_setup(an_expired_certificate_is_not_trusted, forget_everything),
        cmocka_unit_test_setup(a_certificate_that_is_not_trusted_ends_what_waits_for_the_keys_check, forget_everything),
        cmocka_unit_test_setup(pushers_in_one_process_do_not_mix, forget_everything),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
