/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "json/utf8.h"
#include "json/write.h"

enum { TEXT_BYTES = 1024, LINE_BYTES = 8192 };

static const char *const names[HEALTH_KINDS] = {"ok", "warn", "fail", "skip"};

/* What is no text becomes one, and control characters, of one byte or two, do nothing to a terminal. */
static void tame(char *text)
{
    size_t size = strlen(text), kept = 0;

    for (size_t at = 0; at < size;) {
        size_t bytes = utf8_character(text + at, size - at);
        unsigned char first = (unsigned char)text[at];
        bool is_control = first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text[at + 1] < 0xa0);
        if (bytes == 0 || is_control) {
            text[kept++] = '?';
            at += bytes ? bytes : 1;
        } else {
            memmove(text + kept, text + at, bytes);
            kept += bytes;
            at += bytes;
        }
    }
    text[kept] = '\0';
}

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_name(writer, name);
    json_put_string(writer, text, strlen(text));
}

static size_t write_json(char line[LINE_BYTES], enum health health, const char *check, const char *advice,
                         const char *found)
{
    struct json_writer writer = {.data = line, .capacity = LINE_BYTES};

    json_open(&writer, '{');
    put_text(&writer, "check", check);
    put_text(&writer, "status", names[health]);
    put_text(&writer, "found", found);
    if (advice)
        put_text(&writer, "advice", advice);
    json_close(&writer, '}');
    return writer.size;
}

static size_t write_words(char line[LINE_BYTES], enum health health, const char *check, const char *advice,
                          const char *found)
{
    int size = snprintf(line, LINE_BYTES, "%-4s  %-14s  %s%s%s", names[health], check, found, advice ? ". " : "",
                        advice ? advice : "");
    return size < 0 ? 0 : (size_t)size;
}

void report_line(struct report *report, enum health health, const char *check, const char *advice, const char *format,
                 ...)
{
    char found[TEXT_BYTES] = "", line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(found, sizeof found, format, arguments);
    va_end(arguments);
    tame(found);
    report->counts[health]++;
    size_t size = (report->is_as_json ? write_json : write_words)(line, health, check, advice, found);
    output_line(&report->output, (klp_text){line, size < sizeof line ? size : sizeof line});
}

void report_sum_up(const struct report *report)
{
    complain("doctor: %u failed, %u to be looked at, %u fine, %u not checked", report->counts[HEALTH_FAIL],
             report->counts[HEALTH_WARN], report->counts[HEALTH_OK], report->counts[HEALTH_SKIP]);
}
