/* SPDX-License-Identifier: Apache-2.0
 * JSON as large as it may be, and no memory for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "json_fault.h"
#include "slowed.h"

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A linear pass over a mebibyte takes milliseconds, a quadratic one minutes: sanitizers and valgrind fit in between. */
#define PROMPTLY_S (is_under_valgrind() ? 30.0 : 5.0)

/* A mebibyte of `unit` after `head`, ended by `tail`, filled up with white space. */
static char *mebibyte(const char *head, const char *unit, const char *tail)
{
    char *text = malloc(JSON_MAX_BYTES + 1);
    assert_non_null(text);
    size_t size = strlen(head), unit_bytes = strlen(unit), tail_bytes = strlen(tail);
    memcpy(text, head, size);
    for (; size + unit_bytes + tail_bytes <= JSON_MAX_BYTES; size += unit_bytes)
        memcpy(text + size, unit, unit_bytes);
    memcpy(text + size, tail, tail_bytes);
    size += tail_bytes;
    memset(text + size, ' ', JSON_MAX_BYTES + 1 - size);
    return text;
}

/* Visits all that is in a container and what is in that; returns how many tokens that were. */
static size_t walk(const struct json_document *document, int value)
{
    size_t tokens = 1;
    size_t length = 0;
    for (int element = json_first(document, value); element != JSON_NONE; element = json_next(document, element)) {
        length++;
        if (json_kind(document, value) == '{')
            tokens += 1 + walk(document, json_value_of_key(document, element));
        else
            tokens += walk(document, element);
    }
    assert_int_equal(length, json_length(document, value));
    return tokens;
}

static void large_documents_are_read_promptly(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit, *tail;
    } cases[] = {
        {"[0", ",0", "]"},
        {"[[]", ",[]", "]"},
        {"[{}", ",{}", "]"},
        {"[\"\"", ",\"\"", "]"},
        {"{\"\":0", ",\"\":0", "}"},
        {"{\"a\":[]", ",\"a\":[]", "}"},
        {"[[0]", ",[0,[0,{\"a\":[0]}]]", "]"},
        {"\"", "x", "\""},
        {"\"", "\\u0041", "\""},
        {"\"", "\\ud83d\\ude00", "\""},
        {"\"", "\xe6\x97\xa5", "\""},
        {"{\"", "x", "\":0}"},
        {"", " ", "7"},
        {"7", " ", ""},
        {"1", "0", ""},
        {"0.", "0", "1"},
        {"1e", "0", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mebibyte(cases[i].head, cases[i].unit, cases[i].tail);
        struct json_document document;
        int64_t integer;
        double start = seconds_now();
        assert_int_equal(json_read(text, JSON_MAX_BYTES, &document, NULL), JSON_OK);
        assert_int_equal(walk(&document, JSON_ROOT), document.count);
        json_member(&document, JSON_ROOT, "a");
        json_text(&document, JSON_ROOT, NULL, 0);
        json_signed(&document, JSON_ROOT, &integer);
        json_free(&document);
        assert_true(seconds_now() - start < PROMPTLY_S);
        expect_fault(text, JSON_MAX_BYTES + 1, "too large", JSON_MAX_BYTES);
        free(text);
    }
}

static void large_nonsense_is_refused_promptly(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit, *tail, *reason;
        size_t at;
    } cases[] = {
        {"", "[", "", "nested too deep", 32},
        {"", "{\"a\":", "", "nested too deep", 160},
        {"[", "{},", "]", "expected a value", JSON_MAX_BYTES - 1},
        {"\"", "x", "", "unfinished string", 0},
        {"\"", "\\\"", "", "unfinished string", 0},
        {"", "\"\"", "", "text after the end", 2},
        {"", " ", "", "is empty", JSON_MAX_BYTES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mebibyte(cases[i].head, cases[i].unit, cases[i].tail);
        size_t size = JSON_MAX_BYTES;
        if (i == 2) /* without the white space that fills it up */
            size = (JSON_MAX_BYTES - 2) / 3 * 3 + 2;
        double start = seconds_now();
        expect_fault(text, size, cases[i].reason, i == 2 ? size - 1 : cases[i].at);
        assert_true(seconds_now() - start < PROMPTLY_S);
        free(text);
    }
}

#if !IS_SANITIZED
static int read_without_memory(const char *text, size_t size)
{
    /* Next to nothing more for this process: the tokens of a mebibyte need ten. */
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    struct json_document document;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    memset(&document, 0xff, sizeof document);
    enum json_result result = json_read(text, size, &document, NULL);
    bool is_empty = !document.tokens && document.count == 0;
    json_free(&document);
    return result == JSON_NO_MEMORY && is_empty ? 0 : 1;
}
#endif

static void without_memory_nothing_is_read(void **state)
{
    (void)state;
#if IS_SANITIZED
    skip(); /* a sanitizer does not live with a limit on its address space */
#else
    if (is_under_valgrind())
        skip(); /* its own allocator has memory to give, whatever the limit */
    char *text = mebibyte("[0", ",0", "]");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_without_memory(text, JSON_MAX_BYTES));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    free(text);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_documents_are_read_promptly),
        cmocka_unit_test(large_nonsense_is_refused_promptly),
        cmocka_unit_test(without_memory_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
