/* SPDX-License-Identifier: Apache-2.0
 * What verifying asks of OpenSSL: memory, one fetch a thread, comparisons that take as long, and a clean-up. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "webhook_signing.h"

/* ─── Between the plugin and OpenSSL ─────────────────────────────────────────────────────────────── */

static _Thread_local unsigned comparisons;
static _Thread_local unsigned allocations;
static _Thread_local unsigned refused_allocation; /* which one fails, from 1; 0: none */
static _Thread_local bool is_fetch_refused;
static atomic_uint fetches;
static pthread_barrier_t *meeting_of_fetchers;
static _Thread_local const unsigned char *watched_tag;
static _Thread_local bool is_watched_tag_cleansed;

/* These three stand before libcrypto's. */

int CRYPTO_memcmp(const void *left, const void *right, size_t size)
{
    comparisons += size == TAG_BYTES;
    return memcmp(left, right, size);
}

void OPENSSL_cleanse(void *data, size_t size)
{
    if (watched_tag && size == TAG_BYTES && memcmp(data, watched_tag, TAG_BYTES) == 0)
        is_watched_tag_cleansed = true;
    explicit_bzero(data, size);
}

EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *library, const char *algorithm, const char *properties)
{
    EVP_MAC *(*fetch)(OSSL_LIB_CTX *, const char *, const char *);
    void *address = dlsym(RTLD_NEXT, "EVP_MAC_fetch");
    memcpy(&fetch, &address, sizeof fetch);
    fetches++;
    if (is_fetch_refused)
        return NULL;
    EVP_MAC *mac = fetch(library, algorithm, properties);
    if (meeting_of_fetchers)
        pthread_barrier_wait(meeting_of_fetchers);
    return mac;
}

static bool may_allocate(void)
{
    return ++allocations != refused_allocation;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? malloc(size) : NULL;
}

static void *reallocate(void *data, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? realloc(data, size) : NULL;
}

static void release(void *data, const char *file, int line)
{
    (void)file;
    (void)line;
    free(data);
}

/* ─── The first use, of which a process has one ──────────────────────────────────────────────────── */

#define RIGHT_HEADER "t=" NOW_TEXT ",v1=c1a4bc454e1c08bf913e889283fb4e3a8ad533b5951f753264c17dc871e9070b"

static void in_a_child(int (*run)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void clean_up_of_openssl(void)
{
    _exit(1);
}

static int verify_and_exit(void)
{
    if (verify(klp_cstr(RIGHT_HEADER), klp_cstr(SECRET), klp_cstr(BODY)) == WEBHOOK_NO_MEMORY)
        return 2;
    return OPENSSL_atexit(clean_up_of_openssl) ? 0 : 3;
}

static void the_first_use_does_not_clean_up_at_exit(void **state)
{
    (void)state;
    in_a_child(verify_and_exit);
}

/* Does not return: what OpenSSL leaks when it is refused memory is not ours. */
static int verify_without_memory(void)
{
    bool is_valid = false;
    unsigned refusals = 0;
    char hex[HEX_BYTES + 1];
    char header[128];

    sign(hex, SECRET);
    snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    is_fetch_refused = true;
    if (verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY)) != WEBHOOK_NO_MEMORY)
        _exit(4);
    is_fetch_refused = false;
    for (unsigned i = 1; i < 1000 && !is_valid; i++) {
        ERR_raise(ERR_LIB_USER, (int)i); /* the host's own */
        unsigned long error = ERR_peek_last_error();
        allocations = 0;
        refused_allocation = i;
        enum webhook_result result = verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY));
        is_valid = result == WEBHOOK_VALID && allocations < i;
        allocations = 0;
        enum webhook_result wrong = verify(klp_cstr(header), klp_cstr("other"), klp_cstr(BODY));
        refused_allocation = 0;
        refusals += result == WEBHOOK_NO_MEMORY;
        if ((result != WEBHOOK_VALID && result != WEBHOOK_NO_MEMORY) ||
            (wrong != WEBHOOK_SIGNATURE_WRONG && wrong != WEBHOOK_NO_MEMORY))
            _exit(1);
        if (ERR_peek_last_error() != error)
            _exit(2);
    }
    _exit(!is_valid || refusals < 2 ? 3 : 0);
}

static void a_lack_of_memory_is_told_and_does_not_last(void **state)
{
    (void)state;
    in_a_child(verify_without_memory);
}

struct crowd {
    pthread_barrier_t start;
    atomic_uint wrong_results;
};

static void *verify_much(void *data)
{
    struct crowd *crowd = data;
    static const char wrong[] = "t=" NOW_TEXT ",v1=0000000000000000000000000000000000000000000000000000000000000000";

    pthread_barrier_wait(&crowd->start);
    for (unsigned i = 0; i < 1000; i++) {
        if (verify(klp_cstr(RIGHT_HEADER), klp_cstr(SECRET), klp_cstr(BODY)) != WEBHOOK_VALID)
            crowd->wrong_results++;
        if (verify(klp_cstr(wrong), klp_cstr(SECRET), klp_cstr(BODY)) != WEBHOOK_SIGNATURE_WRONG)
            crowd->wrong_results++;
    }
    return NULL;
}

/* Nobody used OpenSSL in this process before them. They all find that nothing is fetched yet, and fetch at once. */
static void threads_verify_at_once_from_the_first_use_on(void **state)
{
    struct crowd crowd = {.wrong_results = 0};
    pthread_barrier_t meeting;
    pthread_t threads[4];

    (void)state;
    assert_int_equal(pthread_barrier_init(&crowd.start, NULL, 4), 0);
    assert_int_equal(pthread_barrier_init(&meeting, NULL, 4), 0);
    meeting_of_fetchers = &meeting;
    fetches = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_much, &crowd), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    meeting_of_fetchers = NULL;
    pthread_barrier_destroy(&meeting);
    pthread_barrier_destroy(&crowd.start);
    assert_int_equal(crowd.wrong_results, 0);
    assert_int_equal(fetches, 4); /* one each, and none for the other 1,999 */
}

/* ─── What it leaves to be seen ──────────────────────────────────────────────────────────────────── */

/* One more allocation, or one comparison fewer, would tell which of them it was. */
static void the_work_does_not_tell_which_was_right(void **state)
{
    (void)state;
    static const klp_text secrets[] = {KLP_LIT("secret-0"), KLP_LIT("secret-1"), KLP_LIT("secret-2")};
    static const char wrong[] = "0000000000000000000000000000000000000000000000000000000000000000";
    unsigned allocations_of_first = 0;
    char hex[HEX_BYTES + 1];
    char header[512];
    for (size_t right = 0; right < 16; right++) { /* the last four: none */
        sign(hex, right / 4 < 3 ? secrets[right / 4].data : "none");
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s,v1=%s,v1=%s,v1=%s", right % 4 == 0 ? hex : wrong,
                 right % 4 == 1 ? hex : wrong, right % 4 == 2 ? hex : wrong, right % 4 == 3 ? hex : wrong);
        struct webhook webhook = {klp_cstr(header), secrets, 3, klp_cstr(BODY), TOLERANCE_S, NOW};
        allocations = 0;
        comparisons = 0;
        assert_int_equal(webhook_verify(&webhook), right < 12 ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG);
        assert_int_equal(comparisons, 3 * 4);
        if (right == 0)
            allocations_of_first = allocations;
        assert_int_equal(allocations, allocations_of_first);
    }
}

static void the_right_tag_is_not_left_behind(void **state)
{
    (void)state;
    unsigned char tag[TAG_BYTES];
    make_tag(tag, klp_cstr(SECRET), klp_cstr(NOW_TEXT), klp_cstr(BODY));
    watched_tag = tag;
    is_watched_tag_cleansed = false;
    enum webhook_result result =
        result_of("t=" NOW_TEXT ",v1=0000000000000000000000000000000000000000000000000000000000000000");
    watched_tag = NULL;
    assert_int_equal(result, WEBHOOK_SIGNATURE_WRONG);
    assert_true(is_watched_tag_cleansed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_use_does_not_clean_up_at_exit),
        cmocka_unit_test(a_lack_of_memory_is_told_and_does_not_last),
        cmocka_unit_test(threads_verify_at_once_from_the_first_use_on),
        cmocka_unit_test(the_work_does_not_tell_which_was_right),
        cmocka_unit_test(the_right_tag_is_not_left_behind),
    };
    if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
