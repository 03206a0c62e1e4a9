/* SPDX-License-Identifier: Apache-2.0
 * The API key as it stands in the environment or in its file: whether the library would take it, what is odd about it,
 * and who else may read it.
 *
 * Nothing of it is told but its prefix, which is in outboxes and in the server's replies too: what stands before its
 * dot. A text that is not clearly of that form may have the secret anywhere, and is not told at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor_checks.h"

#define FORM "a server_integration key has the form prefix.secret"

enum { FILE_BYTES = 4096, LONGEST_PREFIX = 32 }; /* the library reads as much */

struct key {
    const char *source; /* where it stands */
    const char *note;   /* on that */
    const char *advice; /* where to put it */
    const char *text;
    size_t size;
};

/* ─── What it is like ───────────────────────────────────────────────────────────────────────────── */

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool begins_with(const struct key *key, const char *start)
{
    return key->size >= strlen(start) && memcmp(key->text, start, strlen(start)) == 0;
}

static bool is_quoted(const struct key *key)
{
    char first = key->size ? key->text[0] : '\0';
    return (first == '"' || first == '\'') && key->text[key->size - 1] == first;
}

/* Where the library would stop; key->size: nowhere. */
static size_t find_odd_byte(const struct key *key)
{
    size_t at = 0;
    while (at < key->size && (unsigned char)key->text[at] > 0x20 && (unsigned char)key->text[at] < 0x7f)
        at++;
    return at;
}

/* 0: it has none that may be shown. */
static size_t prefix_bytes(const struct key *key)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *dot = memchr(key->text, '.', key->size);
    size_t size = dot ? (size_t)(dot - key->text) : 0;

    if (size > LONGEST_PREFIX || key->size - size - 1 <= size)
        return 0; /* what stands behind the dot is no secret of that prefix */
    for (size_t i = 0; i < size; i++)
        if (!strchr(plain, key->text[i]))
            return 0;
    return size;
}

/* What is wrong for sure; NULL: nothing. */
static const char *fault_of(const struct key *key, const char **advice)
{
    size_t odd = find_odd_byte(key);

    *advice = key->advice;
    if (key->size == 0)
        return "is empty";
    if (key->size > KLP_MAX_KEY_BYTES)
        return "is longer than any API key";
    if (begins_with(key, "Bearer "))
        return "begins with `Bearer `";
    if (begins_with(key, "\xef\xbb\xbf"))
        return "begins with a byte order mark, which an editor has put there";
    if (odd == key->size)
        return NULL;
    if (memchr(key->text + odd, '\n', key->size - odd) && !is_space(key->text[key->size - 1]))
        return "has more than one line";
    if (is_space(key->text[key->size - 1]) || is_space(key->text[0]))
        return "has white space before or behind the key, perhaps a line break";
    return "has a character that no API key has: a space, or one that is not ASCII";
}

/* What the library takes, and the server hardly will. */
static const char *oddity_of(const struct key *key)
{
    if (is_quoted(key))
        return "stands in quotes, which would be sent";
    if (begins_with(key, "KRATY_SERVER_KEY="))
        return "begins with KRATY_SERVER_KEY=, which would be sent";
    return prefix_bytes(key) ? NULL : "has not that form";
}

static void judge(struct examination *examination, const struct key *key)
{
    struct report *report = &examination->report;
    const char *advice;
    const char *fault = fault_of(key, &advice);
    const char *oddity = fault ? NULL : oddity_of(key);

    examination->has_key = !fault;
    if (fault)
        report_line(report, HEALTH_FAIL, "key", advice, "%s %s", key->source, fault);
    else if (oddity)
        report_line(report, HEALTH_WARN, "key", "Copy the key again, and nothing but the key",
                    FORM "; what is in %s %s", key->source, oddity);
    else
        report_line(report, HEALTH_OK, "key", NULL, "from %s%s, %.*s.…", key->source, key->note, (int)prefix_bytes(key),
                    key->text);
}

/* ─── Where it stands ───────────────────────────────────────────────────────────────────────────── */

static void check_file_mode(struct report *report, const struct stat *facts)
{
    unsigned mode = (unsigned)facts->st_mode & 07777;

    if (mode & (S_IWGRP | S_IWOTH))
        report_line(report, HEALTH_WARN, "key-file", "chmod 0600 it, or 0640 for a group that has to read it",
                    "its mode is %04o: others may put another key there", mode);
    else if (mode & S_IROTH)
        report_line(report, HEALTH_WARN, "key-file", "chmod 0600 it, or 0640 for a group that has to read it",
                    "its mode is %04o: every user of this machine may read it", mode);
    else
        report_line(report, HEALTH_OK, "key-file", NULL, "its mode is %04o", mode);
}

/* -1: errno says why, or it is 0 and the report does. */
static ssize_t read_file(struct report *report, const char *path, char *text, size_t capacity)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat facts;
    ssize_t got = -1;

    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode)) {
        check_file_mode(report, &facts);
        got = read(descriptor, text, capacity);
    } else {
        errno = 0;
        report_line(report, HEALTH_FAIL, "key", "Give --key-file a file that holds the key", "--key-file is no file");
    }
    int error = errno;
    close(descriptor);
    errno = error;
    return got;
}

static void check_file(struct examination *examination, const char *path)
{
    char text[FILE_BYTES + 1];
    ssize_t got = read_file(&examination->report, path, text, sizeof text);
    const char *environment = getenv("KRATY_SERVER_KEY");
    struct key key = {"--key-file",
                      environment && *environment ? " (KRATY_SERVER_KEY, which is set too, does not count)" : "",
                      "The file holds the key and nothing else, on one line", text, (size_t)(got < 0 ? 0 : got)};

    if (got < 0) {
        if (errno)
            report_line(&examination->report, HEALTH_FAIL, "key", "Give --key-file a file that this user may read",
                        "--key-file: %s", strerror(errno));
        return;
    }
    while (key.size > 0 && is_space(key.text[key.size - 1])) /* as the library does */
        key.size--;
    while (key.size > 0 && is_space(key.text[0]))
        key.text++, key.size--;
    if (got > FILE_BYTES) /* … which takes no larger one */
        key.size = FILE_BYTES;
    judge(examination, &key);
    explicit_bzero(text, sizeof text);
}

void check_key(struct examination *examination)
{
    const char *environment = getenv("KRATY_SERVER_KEY");
    struct key key = {"KRATY_SERVER_KEY", "", "Set KRATY_SERVER_KEY to the key and nothing else", environment,
                      environment ? strlen(environment) : 0};

    if (examination->options->key_file) {
        check_file(examination, examination->options->key_file);
        return;
    }
    examination->is_key_in_environment = key.size > 0;
    if (key.size)
        judge(examination, &key);
    else
        report_line(&examination->report, HEALTH_FAIL, "key", "Set it to a server_integration key, or give --key-file",
                    "KRATY_SERVER_KEY is not set");
}
