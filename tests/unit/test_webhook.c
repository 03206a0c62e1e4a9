/* SPDX-License-Identifier: Apache-2.0 */
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
#include <openssl/hmac.h>

#include "kraty/webhook.h"
#include "random.h"
#include "vectors.h"

#define NOW         INT64_C(1780920000)
#define NOW_TEXT    "1780920000"
#define TOLERANCE_S 300
#define TAG_BYTES   32
#define HEX_BYTES   64
#define BODY        "{\"id\":\"evt_1\",\"eventName\":\"lobby.started\"}"
#define SECRET      "whsec_test_12345"

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

/* ─── Signing ────────────────────────────────────────────────────────────────────────────────────── */

static void make_tag(unsigned char tag[TAG_BYTES], klp_text secret, klp_text time, klp_text body)
{
    unsigned size = 0;
    size_t total = time.size + 1 + body.size;
    char *message = malloc(total);
    assert_non_null(message);
    if (time.size)
        memcpy(message, time.data, time.size);
    message[time.size] = '.';
    if (body.size)
        memcpy(message + time.size + 1, body.data, body.size);
    assert_non_null(
        HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)message, total, tag, &size));
    assert_int_equal(size, TAG_BYTES);
    free(message);
}

/* 64 hex digits and a NUL. */
static void sign_time(char hex[HEX_BYTES + 1], klp_text secret, klp_text time, klp_text body)
{
    unsigned char tag[TAG_BYTES];
    make_tag(tag, secret, time, body);
    for (size_t i = 0; i < TAG_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", tag[i]);
}

/* For BODY, now. */
static void sign(char hex[HEX_BYTES + 1], const char *secret)
{
    sign_time(hex, klp_cstr(secret), klp_cstr(NOW_TEXT), klp_cstr(BODY));
}

/* ─── Asking ─────────────────────────────────────────────────────────────────────────────────────── */

static enum webhook_result verify(klp_text header, klp_text secret, klp_text body)
{
    struct webhook webhook = {header, &secret, 1, body, TOLERANCE_S, NOW};
    return webhook_verify(&webhook);
}

/* SECRET and BODY; a %s in the header is the right v1. */
__attribute__((format(printf, 1, 0))) static enum webhook_result result_of(const char *format)
{
    char hex[HEX_BYTES + 1];
    char header[8192];
    sign(hex, SECRET);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_in_range(snprintf(header, sizeof header, format, hex), 0, sizeof header - 1);
#pragma GCC diagnostic pop
    return verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY));
}

/* A header that names this time and is rightly signed for it. */
static enum webhook_result result_at(klp_text time, int64_t now_unix_s, uint32_t tolerance_s)
{
    klp_text secret = klp_cstr(SECRET);
    char hex[HEX_BYTES + 1];
    char header[1024];
    sign_time(hex, secret, time, klp_cstr(BODY));
    assert_true(time.size < 512);
    memcpy(header, "t=", 2);
    memcpy(header + 2, time.data, time.size);
    int size = snprintf(header + 2 + time.size, sizeof header - 2 - time.size, ",v1=%s", hex);
    struct webhook webhook = {
        {header, 2 + time.size + (size_t)size}, &secret, 1, klp_cstr(BODY), tolerance_s, now_unix_s};
    return webhook_verify(&webhook);
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

/* ─── The header ─────────────────────────────────────────────────────────────────────────────────── */

static void webhooks_are_judged_as_the_vectors_say(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("webhook_signatures.json");
    size_t i;
    json_t *entry;
    unsigned valid = 0;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        /* what a case does not say is said once, for all */
#define OF(name) (json_object_get(entry, name) ? json_object_get(entry, name) : json_object_get(vectors, name))
        klp_text secret = klp_cstr(json_string_value(OF("secret")));
        struct webhook webhook = {klp_cstr(json_string_value(OF("header"))),
                                  &secret,
                                  1,
                                  klp_cstr(json_string_value(OF("body"))),
                                  (uint32_t)json_integer_value(OF("tolerance_s")),
                                  json_integer_value(OF("now_unix_s"))};
#undef OF
        json_t *expected = json_object_get(entry, "valid");
        assert_true(json_is_boolean(expected));
        enum webhook_result result = webhook_verify(&webhook);
        if ((result == WEBHOOK_VALID) != json_is_true(expected))
            fail_msg("%s: %s", json_string_value(json_object_get(entry, "name")), webhook_result_text(result));
        assert_int_not_equal(result, WEBHOOK_NO_MEMORY);
        valid += json_is_true(expected);
    }
    assert_true(valid > 0 && valid < i);
    json_decref(vectors);
}

static void a_header_is_read_as_it_is_meant(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "t=" NOW_TEXT ",v1=%s",
        "v1=%s,t=" NOW_TEXT,
        " \t t=" NOW_TEXT "\t ,\t v1=%s \t",
        ",,t=" NOW_TEXT ", ,\t,v1=%s,,",
        "t=" NOW_TEXT ",v1=%s,v1=not-hex",
        "t=" NOW_TEXT ",v1=,v1=%s",
        "t=" NOW_TEXT ",v1=%1$s0,v1=%1$s",
        "t=" NOW_TEXT ",v1= %1$s,v1=%1$s",
        "t=" NOW_TEXT ",v1,v1=%s",
        "t=" NOW_TEXT ",v2=%1$s,v11=%1$s,v1=%1$s",
        "t,tt=5,T=6,=,t =7,v0=t=8,t=" NOW_TEXT ",v1=%s", /* one t among what is none */
        "t=" NOW_TEXT ",v1=0000000000000000000000000000000000000000000000000000000000000000,v1=%s",
        "t=" NOW_TEXT ",v1=%s,v1=0000000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (result_of(headers[i]) != WEBHOOK_VALID)
            fail_msg("%s", headers[i]);
}

static void a_header_that_lacks_or_repeats_is_malformed(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        " ",
        ",",
        "t",
        "t=",
        "=",
        "t=" NOW_TEXT,
        "v1=%s",
        "t=" NOW_TEXT ",%s",
        "t=" NOW_TEXT ";v1=%s",
        "t=" NOW_TEXT " v1=%s",
        "t:" NOW_TEXT ",v1:%s",
        "T=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",V1=%s",
        "t =" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",v1 =%s",
        "t=" NOW_TEXT ",v1= %s",
        "t=" NOW_TEXT ",v1=\"%s\"",
        "t=" NOW_TEXT ",v1=0x%s",
        "t=" NOW_TEXT ",v1=%s\r\n",
        "t=" NOW_TEXT ",v1=%.63s",
        "t=" NOW_TEXT ",v1=%.63sg",
        "t=" NOW_TEXT ",v1=%.63s/",
        "t=" NOW_TEXT ",v1=%.63s:",
        "t=" NOW_TEXT ",v1=%.63s@",
        "t=" NOW_TEXT ",v1=%.63sG",
        "t=" NOW_TEXT ",v1=%.63s`",
        "t=" NOW_TEXT ",v1=g%.63s",
        "t=" NOW_TEXT ",v1=%1$s%1$s",
        "t=" NOW_TEXT ",v0=%s",
        /* which of them is signed, and which is recent? */
        "t=" NOW_TEXT ",t=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",t=1,v1=%s",
        "t=1,t=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",v1=%s,t=x",
        "t=,t=" NOW_TEXT ",v1=%s",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (result_of(headers[i]) != WEBHOOK_HEADER_MALFORMED)
            fail_msg("%s", headers[i]);
    assert_int_equal(verify((klp_text)KLP_TEXT_NONE, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);
}

static void a_time_is_digits_and_signed_as_it_stands(void **state)
{
    (void)state;
    static const klp_text right[] = {KLP_LIT(NOW_TEXT), KLP_LIT("0" NOW_TEXT),
                                     KLP_LIT("000000000000000000000000000000000000000000000000" NOW_TEXT)};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_int_equal(result_at(right[i], NOW, 0), WEBHOOK_VALID);
    /* the same time, written in another way than it was signed */
    assert_int_equal(result_of("t=0" NOW_TEXT ",v1=%s"), WEBHOOK_SIGNATURE_WRONG);

    static const klp_text malformed[] = {
        KLP_LIT(""),
        KLP_LIT("+1780920000"),
        KLP_LIT("-1780920000"),
        KLP_LIT("17809 20000"),
        KLP_LIT("1780920000.0"),
        KLP_LIT("1780920000."),
        KLP_LIT("1.78092e9"),
        KLP_LIT("0x6a26b340"),
        KLP_LIT("1780920000s"),
        KLP_LIT("1780920000/"), /* the neighbours of the digits */
        KLP_LIT("178092000:"),
        KLP_LIT("1780920000\n"),
        KLP_LIT("1780920000\0"),
        KLP_LIT("\0001780920000"),
        KLP_LIT("\xd9\xa1\xd9\xa2"),    /* other scripts' digits */
        KLP_LIT("9223372036854775808"), /* one more than fits */
        KLP_LIT("9223372036854775810"),
        KLP_LIT("18446744075490471616"),                    /* 2^64 and now */
        KLP_LIT("340282366920938463463374607433549131456"), /* 2^128 and now */
        KLP_LIT("99999999999999999999999999999999999999999999999999"),
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        if (result_at(malformed[i], NOW, TOLERANCE_S) != WEBHOOK_HEADER_MALFORMED)
            fail_msg("%s", malformed[i].data);
    /* blanks that belong to no part's edge */
    assert_int_equal(result_of("t= " NOW_TEXT ",v1=%s"), WEBHOOK_HEADER_MALFORMED);
    assert_int_equal(result_of("t=\t" NOW_TEXT ",v1=%s"), WEBHOOK_HEADER_MALFORMED);
}

static void a_header_has_room_for_4096_bytes(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[4098];
    sign(hex, SECRET);
    int size = snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s,", hex);
    memset(header + size, 'x', sizeof header - (size_t)size);
    assert_int_equal(verify((klp_text){header, 4096}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_VALID);
    assert_int_equal(verify((klp_text){header, 4097}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);

    size_t huge_bytes = 8 << 20;
    char *huge = malloc(huge_bytes);
    assert_non_null(huge);
    for (const char *fill = ", tv1=0\n"; *fill; fill++) {
        memset(huge, *fill, huge_bytes);
        assert_int_equal(verify((klp_text){huge, huge_bytes}, klp_cstr(SECRET), klp_cstr(BODY)),
                         WEBHOOK_HEADER_MALFORMED);
        assert_int_equal(verify((klp_text){huge, 4096}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);
    }
    free(huge);
}

/* The right v1 at a place, from 1, among wrong ones. */
static enum webhook_result result_of_many(const char *wrong, size_t count, size_t place)
{
    char hex[HEX_BYTES + 1];
    char header[8192];
    sign(hex, SECRET);
    size_t size = (size_t)snprintf(header, sizeof header, "t=" NOW_TEXT);
    for (size_t i = 1; i <= count; i++)
        size += (size_t)snprintf(header + size, sizeof header - size, ",v1=%s", i == place ? hex : wrong);
    assert_true(size < sizeof header);
    return verify((klp_text){header, size}, klp_cstr(SECRET), klp_cstr(BODY));
}

static void the_first_sixteen_v1_count(void **state)
{
    (void)state;
    static const char wrong[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
    for (size_t place = 1; place <= 40; place++)
        assert_int_equal(result_of_many(wrong, 40, place), place <= 16 ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG);
    /* what is no tag takes nobody's place */
    assert_int_equal(result_of_many("0", 500, 500), WEBHOOK_VALID);
    assert_int_equal(result_of_many("", 500, 500), WEBHOOK_VALID);
    assert_int_equal(result_of_many("0", 500, 0), WEBHOOK_HEADER_MALFORMED);
}

/* The header ends where its size says: a reader that went on would be told by the sanitizer, or by the verdict. */
static void a_header_ends_with_its_size(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    sign(hex, SECRET);
    size_t whole = (size_t)snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    for (size_t size = 0; size <= whole; size++) {
        char *exact = malloc(size + !size);
        assert_non_null(exact);
        memcpy(exact, header, size);
        assert_int_equal(verify((klp_text){exact, size}, klp_cstr(SECRET), klp_cstr(BODY)),
                         size == whole ? WEBHOOK_VALID : WEBHOOK_HEADER_MALFORMED);
        free(exact);
    }
}

/* ─── The signature ──────────────────────────────────────────────────────────────────────────────── */

static void any_of_several_secrets_may_be_right(void **state)
{
    (void)state;
    static const klp_text secrets[] = {KLP_LIT("old"), KLP_LIT(""), KLP_LIT("new"), KLP_LIT("newer"), KLP_LIT("a")};
    char hex[HEX_BYTES + 1];
    char header[128];
    for (size_t i = 0; i < 5; i++) {
        sign(hex, secrets[i].data);
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        for (size_t count = 0; count <= 5; count++) {
            bool is_known = i < count && secrets[i].size > 0;
            struct webhook webhook = {klp_cstr(header), secrets, count, klp_cstr(BODY), TOLERANCE_S, NOW};
            assert_int_equal(webhook_verify(&webhook), is_known ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG);
        }
    }
}

static void an_empty_secret_signs_nothing(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    sign(hex, "");
    snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    const klp_text empty[] = {KLP_TEXT_NONE, KLP_LIT(""), {SECRET, 0}};
    struct webhook webhook = {klp_cstr(header), empty, 3, klp_cstr(BODY), TOLERANCE_S, NOW};
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);

    /* nor does it stand for the one before it */
    const klp_text after_another[] = {KLP_LIT("other"), KLP_TEXT_NONE};
    webhook.secrets = after_another;
    webhook.secret_count = 2;
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);
    webhook.secrets = NULL;
    webhook.secret_count = 0;
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);
}

static void secrets_of_any_bytes_and_size_are_whole(void **state)
{
    (void)state;
    char secret[300];
    char hex[HEX_BYTES + 1];
    char header[128];
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (char)(i % 7 * 41);                   /* NUL bytes among them */
    for (size_t size = 2; size < sizeof secret; size++) { /* 64 bytes are a block of SHA-256 */
        sign_time(hex, (klp_text){secret, size}, klp_cstr(NOW_TEXT), klp_cstr(BODY));
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        assert_int_equal(verify(klp_cstr(header), (klp_text){secret, size}, klp_cstr(BODY)), WEBHOOK_VALID);
        klp_text shorter = {secret, size - 1};
        /* HMAC itself fills a short secret up with NUL bytes */
        if (secret[size - 1] != 0 || size > 64)
            assert_int_equal(verify(klp_cstr(header), shorter, klp_cstr(BODY)), WEBHOOK_SIGNATURE_WRONG);
    }
}

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

static void a_body_is_any_bytes_and_all_of_them(void **state)
{
    (void)state;
    enum { BODY_BYTES = 1 << 20 };
    char *body = malloc(BODY_BYTES);
    assert_non_null(body);
    char hex[HEX_BYTES + 1];
    char header[128];
    klp_text secret = klp_cstr(SECRET);
    struct random random = {7};
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)random_below(&random, 256);
    body[0] = body[1000] = body[BODY_BYTES - 1] = 0;
    static const size_t sizes[] = {0, 1, 2, 52, 53, 54, 63, 64, 65, 1001, 4096, BODY_BYTES - 1, BODY_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        klp_text whole = {body, sizes[i]};
        sign_time(hex, secret, klp_cstr(NOW_TEXT), whole);
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_VALID);
        if (sizes[i] == 0) {
            assert_int_equal(verify(klp_cstr(header), secret, (klp_text)KLP_TEXT_NONE), WEBHOOK_VALID);
            continue;
        }
        klp_text shorter = {body, sizes[i] - 1};
        assert_int_equal(verify(klp_cstr(header), secret, shorter), WEBHOOK_SIGNATURE_WRONG);
        body[sizes[i] - 1] ^= 1;
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_SIGNATURE_WRONG);
        body[sizes[i] - 1] ^= 1;
        body[0] ^= 1;
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_SIGNATURE_WRONG);
        body[0] ^= 1;
    }
    free(body);
}

/* "17.80…" signed as t=17 and a body "80…" is no other time and body. */
static void a_time_and_a_body_cannot_be_split_elsewhere(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    klp_text secret = klp_cstr(SECRET);
    sign_time(hex, secret, klp_cstr(NOW_TEXT), klp_cstr("5.x"));
    snprintf(header, sizeof header, "t=" NOW_TEXT ".5,v1=%s", hex);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr("x")), WEBHOOK_HEADER_MALFORMED);
    snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr("5.x")), WEBHOOK_VALID);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr(".5.x")), WEBHOOK_SIGNATURE_WRONG);
}

static bool is_hex_letter(char character)
{
    return ((character | 0x20) >= 'a') && ((character | 0x20) <= 'f');
}

static void one_changed_bit_is_refused(void **state)
{
    (void)state;
    struct random random = {2026};
    for (unsigned round = 0; round < 12; round++) {
        char secret_bytes[48], body_bytes[160], header_bytes[128], hex[HEX_BYTES + 1];
        klp_text secret = {secret_bytes, 16 + random_below(&random, 33)};
        klp_text body = {body_bytes, 1 + random_below(&random, 160)};
        for (size_t i = 0; i < secret.size; i++)
            secret_bytes[i] = (char)('!' + random_below(&random, 94));
        for (size_t i = 0; i < body.size; i++)
            body_bytes[i] = (char)random_below(&random, 256);
        sign_time(hex, secret, klp_cstr(NOW_TEXT), body);
        if (round % 2)
            for (char *digit = hex; *digit; digit++)
                *digit = (char)(*digit >= 'a' ? *digit - 0x20 : *digit);
        int size = snprintf(header_bytes, sizeof header_bytes, "t=" NOW_TEXT ",v1=%s", hex);
        klp_text header = {header_bytes, (size_t)size};
        assert_int_equal(verify(header, secret, body), WEBHOOK_VALID);

        const struct {
            char *bytes;
            size_t size;
        } parts[] = {{header_bytes, header.size}, {secret_bytes, secret.size}, {body_bytes, body.size}};
        size_t digits_from = header.size - HEX_BYTES;
        for (size_t part = 0; part < 3; part++)
            for (size_t bit = 0; bit < parts[part].size * 8; bit++) {
                char *byte = &parts[part].bytes[bit / 8];
                /* a letter in the other case is the same digit */
                bool is_same = part == 0 && bit / 8 >= digits_from && bit % 8 == 5 && is_hex_letter(*byte);
                *byte = (char)(*byte ^ 1 << bit % 8);
                enum webhook_result result = verify(header, secret, body);
                *byte = (char)(*byte ^ 1 << bit % 8);
                if ((result == WEBHOOK_VALID) != is_same)
                    fail_msg("round %u, part %zu, bit %zu: %s", round, part, bit, webhook_result_text(result));
                if (part > 0)
                    assert_int_equal(result, WEBHOOK_SIGNATURE_WRONG);
            }
        assert_int_equal(verify(header, secret, body), WEBHOOK_VALID);
    }
}

/* ─── The time ───────────────────────────────────────────────────────────────────────────────────── */

static void a_time_is_right_within_its_bounds_wherever_they_lie(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        int64_t now_unix_s;
        uint32_t tolerance_s;
        enum webhook_result result;
    } cases[] = {
        {NOW_TEXT, NOW, 0, WEBHOOK_VALID},
        {NOW_TEXT, NOW + 1, 0, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + 300, 300, WEBHOOK_VALID},
        {NOW_TEXT, NOW + 301, 300, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + UINT32_MAX, UINT32_MAX, WEBHOOK_VALID},
        {NOW_TEXT, NOW + UINT32_MAX + 1, UINT32_MAX, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + UINT32_MAX + 1, 300, WEBHOOK_TOO_OLD}, /* 2^32 s are not 0 s */
        {NOW_TEXT, NOW - 60, 0, WEBHOOK_VALID},
        {NOW_TEXT, NOW - 61, 0, WEBHOOK_TOO_NEW},
        {NOW_TEXT, NOW - 61, UINT32_MAX, WEBHOOK_TOO_NEW},
        {NOW_TEXT, NOW - UINT32_MAX - 1, 300, WEBHOOK_TOO_NEW},
        {"0", 0, 0, WEBHOOK_VALID},
        {"0", 300, 300, WEBHOOK_VALID},
        {"0", 301, 300, WEBHOOK_TOO_OLD},
        {"0", -60, 300, WEBHOOK_VALID},
        {"0", -61, 300, WEBHOOK_TOO_NEW},
        {"0", INT64_MIN, 300, WEBHOOK_TOO_NEW},
        {"0", INT64_MAX, UINT32_MAX, WEBHOOK_TOO_OLD},
        {"9223372036854775807", INT64_MAX, 0, WEBHOOK_VALID},
        {"9223372036854775807", INT64_MAX - 60, 0, WEBHOOK_VALID},
        {"9223372036854775807", INT64_MAX - 61, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", 0, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", -1, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", INT64_MIN, UINT32_MAX, WEBHOOK_TOO_NEW}, /* 2^64 - 1 apart */
        {"9223372036854775507", INT64_MAX, 300, WEBHOOK_VALID},
        {"9223372036854775506", INT64_MAX, 300, WEBHOOK_TOO_OLD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum webhook_result result = result_at(klp_cstr(cases[i].time), cases[i].now_unix_s, cases[i].tolerance_s);
        if (result != cases[i].result)
            fail_msg("case %zu, %s: %s", i, cases[i].time, webhook_result_text(result));
    }
}

static void old_and_new_are_told_of_a_right_signature_only(void **state)
{
    (void)state;
    static const char tag[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char *const times[] = {"0", "1780919699", NOW_TEXT, "1780920061", "9223372036854775807"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "t=%s,v1=%s", times[i], tag);
        assert_int_equal(verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_SIGNATURE_WRONG);
    }
}

/* ─── The texts ──────────────────────────────────────────────────────────────────────────────────── */

static void every_result_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = WEBHOOK_VALID; i <= WEBHOOK_NO_MEMORY + 1; i++) {
        const char *text = webhook_result_text((enum webhook_result)i);
        assert_non_null(text);
        assert_true(strlen(text) > 10);
        for (int j = WEBHOOK_VALID; j < i; j++)
            assert_string_not_equal(text, webhook_result_text((enum webhook_result)j));
    }
    assert_string_equal(webhook_result_text((enum webhook_result)(WEBHOOK_NO_MEMORY + 1)), "unknown webhook_result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_use_does_not_clean_up_at_exit),
        cmocka_unit_test(a_lack_of_memory_is_told_and_does_not_last),
        cmocka_unit_test(threads_verify_at_once_from_the_first_use_on),
        cmocka_unit_test(webhooks_are_judged_as_the_vectors_say),
        cmocka_unit_test(a_header_is_read_as_it_is_meant),
        cmocka_unit_test(a_header_that_lacks_or_repeats_is_malformed),
        cmocka_unit_test(a_time_is_digits_and_signed_as_it_stands),
        cmocka_unit_test(a_header_has_room_for_4096_bytes),
        cmocka_unit_test(the_first_sixteen_v1_count),
        cmocka_unit_test(a_header_ends_with_its_size),
        cmocka_unit_test(any_of_several_secrets_may_be_right),
        cmocka_unit_test(an_empty_secret_signs_nothing),
        cmocka_unit_test(secrets_of_any_bytes_and_size_are_whole),
        cmocka_unit_test(the_work_does_not_tell_which_was_right),
        cmocka_unit_test(the_right_tag_is_not_left_behind),
        cmocka_unit_test(a_body_is_any_bytes_and_all_of_them),
        cmocka_unit_test(a_time_and_a_body_cannot_be_split_elsewhere),
        cmocka_unit_test(one_changed_bit_is_refused),
        cmocka_unit_test(a_time_is_right_within_its_bounds_wherever_they_lie),
        cmocka_unit_test(old_and_new_are_told_of_a_right_signature_only),
        cmocka_unit_test(every_result_has_a_sentence_of_its_own),
    };
    if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
