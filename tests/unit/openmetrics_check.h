/* SPDX-License-Identifier: Apache-2.0
 * Whether a text is an OpenMetrics 1.0 exposition, by the rules that concern ours: stricter than a reader has to be. */
#ifndef KLP_TESTS_OPENMETRICS_CHECK_H
#define KLP_TESTS_OPENMETRICS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/utf8.h"

enum { OM_FAMILIES = 128, OM_SAMPLES = 1024, OM_LABELS = 4, OM_TEXT = 4096 };

struct om_sample {
    char family[128], suffix[16];
    char label_names[OM_LABELS][64], label_values[OM_LABELS][OM_TEXT]; /* values without their escapes */
    size_t label_count;
    char number[32]; /* as it stands there */
};

struct om_family {
    char name[128], type[16];
    bool has_unit, has_help;
    size_t samples;
};

/* What is read so far. Large: one for a test program. */
struct om_check {
    const char *at, *end;
    struct om_family families[OM_FAMILIES];
    size_t family_count;
    struct om_sample samples[OM_SAMPLES];
    size_t sample_count;
};

/* ─── Lexemes: each is taken off `at`, or is not there ─────────────────────────────────────────── */

static inline bool om_take(struct om_check *check, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(check->end - check->at) < size || memcmp(check->at, text, size) != 0)
        return false;
    check->at += size;
    return true;
}

static inline bool om_is_name_byte(char byte, bool is_first)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (!is_first && byte >= '0' && byte <= '9');
}

static inline bool om_take_name(struct om_check *check, char *name, size_t capacity)
{
    size_t size = 0;
    while (check->at < check->end && om_is_name_byte(*check->at, size == 0) && size + 1 < capacity)
        name[size++] = *check->at++;
    name[size] = '\0';
    return size > 0;
}

/* To what ends it; only the three escapes that mean something. */
static inline bool om_take_escaped(struct om_check *check, char ender, char *text, size_t capacity)
{
    size_t size = 0;
    for (; check->at < check->end && size + 1 < capacity; check->at++) {
        char byte = *check->at;
        if (byte == ender || byte == '\n' || byte == '"')
            break;
        if (byte == '\\') {
            if (++check->at == check->end || !strchr("n\"\\", *check->at) || !*check->at)
                return false;
            byte = *check->at == 'n' ? '\n' : *check->at;
        }
        text[size++] = byte;
    }
    text[size] = '\0';
    return check->at < check->end && *check->at == ender;
}

/* Digits, or digits with a point between them; no sign: nothing of ours is below zero. */
static inline bool om_is_number(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || text[whole] == '\0')
        return whole > 0;
    return text[whole] == '.' && text[whole + 1] && strspn(text + whole + 1, "0123456789") == strlen(text + whole + 1);
}

static inline bool om_is_integer(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* ─── Lines ─────────────────────────────────────────────────────────────────────────────────────── */

static inline const char *om_type_line(struct om_check *check, const char *name)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "stateset"};
    struct om_family *family = &check->families[check->family_count];

    for (size_t i = 0; i < check->family_count; i++)
        if (strcmp(check->families[i].name, name) == 0)
            return "a family that was there already";
    if (check->family_count > 0 && check->families[check->family_count - 1].samples == 0)
        return "a family without samples";
    if (++check->family_count == OM_FAMILIES)
        return "too many families";
    memset(family, 0, sizeof *family);
    strcpy(family->name, name);
    if (!om_take_name(check, family->type, sizeof family->type))
        return "no type";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], family->type) == 0)
            return NULL;
    return "an unknown type";
}

static inline const char *om_unit_line(struct om_check *check, struct om_family *family)
{
    char unit[64];
    if (family->has_unit || family->has_help || family->samples)
        return "UNIT is not behind TYPE";
    if (!om_take_name(check, unit, sizeof unit))
        return "no unit";
    size_t size = strlen(unit), name_size = strlen(family->name);
    if (name_size < size + 2 || family->name[name_size - size - 1] != '_' ||
        strcmp(family->name + name_size - size, unit) != 0)
        return "the unit does not end the name";
    family->has_unit = true;
    return NULL;
}

static inline const char *om_help_line(struct om_check *check, struct om_family *family)
{
    char help[OM_TEXT];
    if (family->has_help || family->samples)
        return "HELP is not behind TYPE and UNIT";
    family->has_help = true;
    return om_take_escaped(check, '\n', help, sizeof help) && *help ? NULL : "bad help";
}

static inline const char *om_metadata_line(struct om_check *check)
{
    char keyword[8], name[128];
    if (!om_take_name(check, keyword, sizeof keyword) || !om_take(check, " ") ||
        !om_take_name(check, name, sizeof name) || !om_take(check, " "))
        return "bad metadata";
    if (strcmp(keyword, "TYPE") == 0)
        return om_type_line(check, name);
    struct om_family *family = check->family_count ? &check->families[check->family_count - 1] : NULL;
    if (!family || strcmp(family->name, name) != 0)
        return "metadata of another family";
    if (strcmp(keyword, "UNIT") == 0)
        return om_unit_line(check, family);
    return strcmp(keyword, "HELP") == 0 ? om_help_line(check, family) : "an unknown keyword";
}

static inline const char *om_labels(struct om_check *check, struct om_sample *sample)
{
    if (!om_take(check, "{"))
        return "no labels";
    do {
        size_t label = sample->label_count++;
        if (label == OM_LABELS)
            return "too many labels";
        if (!om_take_name(check, sample->label_names[label], sizeof sample->label_names[label]) ||
            !om_take(check, "=\"") ||
            !om_take_escaped(check, '"', sample->label_values[label], sizeof sample->label_values[label]) ||
            !om_take(check, "\""))
            return "a bad label";
        for (size_t i = 0; i < label; i++)
            if (strcmp(sample->label_names[i], sample->label_names[label]) == 0)
                return "a label that is there twice";
    } while (om_take(check, ","));
    return om_take(check, "}") ? NULL : "labels that do not end";
}

static inline const char *om_label(const struct om_sample *sample, const char *name)
{
    for (size_t i = 0; i < sample->label_count; i++)
        if (strcmp(sample->label_names[i], name) == 0)
            return sample->label_values[i];
    return NULL;
}

static inline bool om_is_same_series(const struct om_sample *a, const struct om_sample *b)
{
    if (strcmp(a->family, b->family) != 0 || strcmp(a->suffix, b->suffix) != 0 || a->label_count != b->label_count)
        return false;
    for (size_t i = 0; i < a->label_count; i++) {
        const char *value = om_label(b, a->label_names[i]);
        if (!value || strcmp(value, a->label_values[i]) != 0)
            return false;
    }
    return true;
}

/* Which names a sample of the type may have, and which numbers. */
static inline const char *om_by_type(const struct om_family *family, const struct om_sample *sample)
{
    if (strcmp(family->type, "counter") == 0)
        return strcmp(sample->suffix, "_total") == 0 ? NULL : "a counter without _total";
    if (strcmp(family->type, "gauge") == 0)
        return *sample->suffix ? "a gauge with a suffix" : NULL;
    if (strcmp(family->type, "stateset") == 0) {
        if (*sample->suffix || !om_label(sample, family->name))
            return "a state with a suffix, or without its label";
        return strcmp(sample->number, "0") == 0 || strcmp(sample->number, "1") == 0 ? NULL : "a state of no 0 or 1";
    }
    bool is_bucket = strcmp(sample->suffix, "_bucket") == 0;
    if (is_bucket != (om_label(sample, "le") != NULL))
        return "a bucket without le, or another with it";
    if (is_bucket || strcmp(sample->suffix, "_count") == 0)
        return om_is_integer(sample->number) ? NULL : "a count that is no integer";
    return strcmp(sample->suffix, "_sum") == 0 ? NULL : "a histogram with another suffix";
}

static inline const char *om_sample_line(struct om_check *check)
{
    static const char *const suffixes[] = {"_total", "_bucket", "_count", "_sum"};
    struct om_sample *sample = &check->samples[check->sample_count];
    char name[128];
    size_t digits = 0;

    memset(sample, 0, offsetof(struct om_sample, label_names));
    sample->label_count = 0;
    if (check->family_count == 0)
        return "a sample before any family";
    struct om_family *family = &check->families[check->family_count - 1];
    size_t family_size = strlen(family->name);
    if (!om_take_name(check, name, sizeof name) || strncmp(name, family->name, family_size) != 0)
        return "a sample of another family";
    strcpy(sample->family, family->name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(name + family_size, suffixes[i]) == 0)
            strcpy(sample->suffix, suffixes[i]);
    if (strcmp(name + family_size, sample->suffix) != 0)
        return "a sample of another family";

    const char *fault = om_labels(check, sample);
    if (fault)
        return fault;
    if (!om_take(check, " "))
        return "no space before the number";
    while (check->at < check->end && *check->at != '\n' && digits + 1 < sizeof sample->number)
        sample->number[digits++] = *check->at++;
    sample->number[digits] = '\0';
    if (!om_is_number(sample->number))
        return "a bad number";
    fault = om_by_type(family, sample);
    if (fault)
        return fault;
    for (size_t i = 0; i < check->sample_count; i++)
        if (om_is_same_series(&check->samples[i], sample))
            return "a sample that is there twice";
    family->samples++;
    return ++check->sample_count < OM_SAMPLES ? NULL : "too many samples";
}

/* ─── What holds over many lines ────────────────────────────────────────────────────────────────── */

/* A float as short as can be: 0.000128, 1.0, never 1 or 1.50. */
static inline bool om_is_canonical(const char *le)
{
    const char *point = strchr(le, '.');
    size_t size = strlen(le);
    if (!om_is_number(le) || !point || (le[0] == '0' && point != le + 1))
        return false;
    return le[size - 1] != '0' || point == le + size - 2;
}

/* One family's, with one metric in it: buckets in order to +Inf, then the count, then the sum. */
static inline const char *om_histogram(const struct om_sample *samples, size_t count)
{
    double bound_before = -1;
    unsigned long long value_before = 0;
    size_t i = 0;

    for (; i < count && strcmp(samples[i].suffix, "_bucket") == 0; i++) {
        const char *le = om_label(&samples[i], "le");
        bool is_last = i + 1 == count || strcmp(samples[i + 1].suffix, "_bucket") != 0;
        unsigned long long value = strtoull(samples[i].number, NULL, 10);
        if (is_last != (strcmp(le, "+Inf") == 0))
            return "+Inf is not the last bucket";
        if (!is_last && !om_is_canonical(le))
            return "a bound that is not canonical";
        if (!is_last && strtod(le, NULL) <= bound_before)
            return "bounds that do not rise";
        if (value < value_before)
            return "buckets that are not cumulative";
        bound_before = is_last ? bound_before : strtod(le, NULL);
        value_before = value;
    }
    if (i == 0)
        return "no buckets";
    if (count != i + 2 || strcmp(samples[i].suffix, "_count") != 0 || strcmp(samples[i + 1].suffix, "_sum") != 0)
        return "not one count and one sum";
    return strtoull(samples[i].number, NULL, 10) == value_before ? NULL : "+Inf is not the count";
}

/* Families' sample names, of which none may be another family's. */
static inline const char *om_clash(const struct om_check *check)
{
    static const char *const suffixes[] = {"", "_total", "_created", "_bucket", "_count", "_sum", "_info"};
    for (size_t i = 0; i < check->family_count; i++)
        for (size_t j = 0; j < check->family_count; j++)
            for (size_t suffix = 1; suffix < sizeof suffixes / sizeof *suffixes; suffix++) {
                char name[160];
                snprintf(name, sizeof name, "%s%s", check->families[i].name, suffixes[suffix]);
                if (strcmp(name, check->families[j].name) == 0)
                    return "a family named as another's sample";
            }
    return NULL;
}

static inline const char *om_over_all(const struct om_check *check)
{
    size_t first = 0;
    for (size_t i = 0; i < check->family_count; i++) {
        const struct om_family *family = &check->families[i];
        if (family->samples == 0)
            return "a family without samples";
        if (!family->has_help)
            return "a family without help";
        const char *fault = NULL;
        if (strcmp(family->type, "histogram") == 0)
            fault = om_histogram(check->samples + first, family->samples);
        if (fault)
            return fault;
        first += family->samples;
    }
    return om_clash(check);
}

/* NULL, or what is wrong; check->at is then near it. */
static inline const char *om_check(struct om_check *check, const char *text, size_t size)
{
    check->at = text, check->end = text + size;
    check->family_count = check->sample_count = 0;
    if (!utf8_check(text, size, NULL))
        return "no UTF-8";
    for (;;) {
        const char *fault;
        if (om_take(check, "# EOF\n"))
            return check->at == check->end ? om_over_all(check) : "something behind the end";
        if (check->at == check->end)
            return "no end";
        fault = om_take(check, "# ") ? om_metadata_line(check) : om_sample_line(check);
        if (!fault && !om_take(check, "\n"))
            fault = "something behind a line";
        if (fault)
            return fault;
    }
}

/* The number of a sample with this label (NULL: any); NULL when there is none. */
static inline const char *om_number(const struct om_check *check, const char *family, const char *suffix,
                                    const char *label, const char *value)
{
    for (size_t i = 0; i < check->sample_count; i++) {
        const struct om_sample *sample = &check->samples[i];
        const char *found = label ? om_label(sample, label) : "";
        if (strcmp(sample->family, family) == 0 && strcmp(sample->suffix, suffix) == 0 && found &&
            (!label || strcmp(found, value) == 0))
            return sample->number;
    }
    return NULL;
}

#endif
