/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/credentials.h"

#include <stddef.h>

enum { KEPT_UNUSED = 3 };

/* Those that are used by nobody are few enough to be remembered, and no more. */
static void forget_oldest(struct credentials *credentials)
{
    struct api_key **at = &credentials->retired;
    unsigned unused = 0;

    credentials->secrets = (struct secrets){0};
    klp_text current = api_key_text(credentials->current);
    secrets_add(&credentials->secrets, current.data, current.size);
    while (*at) {
        struct api_key *api_key = *at;
        if (*api_key_uses(api_key) == 0 && ++unused > KEPT_UNUSED) {
            *at = *api_key_next(api_key);
            api_key_close(api_key);
            continue;
        }
        klp_text text = api_key_text(api_key);
        secrets_add(&credentials->secrets, text.data, text.size);
        at = api_key_next(api_key);
    }
}

void credentials_init(struct credentials *credentials, struct api_key *current, const char *file, uint64_t grace_us)
{
    *credentials = (struct credentials){.current = current, .generation = 1, .file = file, .grace_us = grace_us};
    /* file_facts stay zero: what was written since it was read shows at the first look */
    forget_oldest(credentials);
}

void credentials_close(struct credentials *credentials)
{
    while (credentials->retired) {
        struct api_key *next = *api_key_next(credentials->retired);
        api_key_close(credentials->retired);
        credentials->retired = next;
    }
    api_key_close(credentials->in_file);
    api_key_close(credentials->current);
}

static enum credentials_news adopt(struct credentials *credentials, struct api_key *given)
{
    struct api_key *before = credentials->current;

    if (api_key_is_equal(given, before)) {
        api_key_close(given);
        return CREDENTIALS_SAME;
    }
    credentials->current = given;
    credentials->generation++;
    credentials->held_until_us = credentials->refused_us = 0; /* it stays suspect until it has proved good */
    credentials->probes = 0;
    *api_key_next(before) = credentials->retired;
    credentials->retired = before;
    forget_oldest(credentials);
    return CREDENTIALS_CHANGED;
}

enum credentials_news credentials_give(struct credentials *credentials, struct api_key *given)
{
    struct stat facts;
    struct api_key *in_file = NULL;

    /* what stands in the file by now is older than what is given */
    if (credentials->file && stat(credentials->file, &facts) == 0) {
        credentials->file_facts = facts;
        if (api_key_of_file(credentials->file, &in_file, NULL) == KLP_OK) {
            api_key_close(credentials->in_file);
            credentials->in_file = in_file;
        }
    }
    return adopt(credentials, given);
}

/* What the file says is news only when it says something else than the last time: else a key that was given since would
 * be overruled by an old one as soon as the server refuses it. */
static enum credentials_news adopt_from_file(struct credentials *credentials, struct api_key *given)
{
    struct api_key *copy = NULL;

    if (credentials->in_file && api_key_is_equal(given, credentials->in_file)) {
        api_key_close(given);
        return CREDENTIALS_SAME;
    }
    if (api_key_of_text(api_key_text(given), "api_key_file", &copy, NULL)) { /* no memory: looked at again */
        api_key_close(given);
        return CREDENTIALS_SAME;
    }
    api_key_close(credentials->in_file);
    credentials->in_file = copy;
    return adopt(credentials, given);
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Kubernetes puts another file behind a link; an editor writes into the same one. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           is_same_time(a->st_mtim, b->st_mtim) && is_same_time(a->st_ctim, b->st_ctim);
}

enum credentials_news credentials_look(struct credentials *credentials, bool is_urgent, uint64_t now_us,
                                       klp_text_buffer *why)
{
    struct stat facts;
    struct api_key *given = NULL;

    if (!credentials->file || (!is_urgent && now_us < credentials->look_again_us))
        return CREDENTIALS_SAME;
    credentials->look_again_us = now_us + CREDENTIALS_LOOK_EVERY_US;
    /* asked for before it is read: what is written in between shows the next time */
    bool is_there = stat(credentials->file, &facts) == 0;
    if (is_there && !is_urgent && is_same_file(&facts, &credentials->file_facts))
        return CREDENTIALS_SAME;
    if (api_key_of_file(credentials->file, &given, why))
        return CREDENTIALS_UNREADABLE; /* half written, perhaps: looked at again */
    if (is_there)
        credentials->file_facts = facts;
    return adopt_from_file(credentials, given);
}

struct api_key *credentials_take(struct credentials *credentials)
{
    ++*api_key_uses(credentials->current);
    credentials->probes += credentials->is_suspect;
    return credentials->current;
}

void credentials_give_back(struct credentials *credentials, struct api_key *api_key, uint64_t started_us)
{
    if (api_key == credentials->current && credentials->probes > 0 && started_us > credentials->refused_us)
        credentials->probes--;
    if (--*api_key_uses(api_key) == 0 && api_key != credentials->current)
        forget_oldest(credentials);
}

bool credentials_note_refusal(struct credentials *credentials, uint64_t now_us)
{
    bool is_news = !credentials->is_suspect;

    if (!credentials->grace_us)
        return true;
    credentials->is_suspect = true;
    credentials->held_until_us = now_us + credentials->grace_us;
    credentials->refused_us = now_us;
    credentials->probes = 0;
    return is_news;
}

bool credentials_note_good(struct credentials *credentials, uint64_t started_us)
{
    bool was_suspect = credentials->is_suspect;

    if (credentials->refused_us && started_us <= credentials->refused_us)
        return false;
    credentials->is_suspect = false;
    credentials->held_until_us = credentials->refused_us = 0;
    credentials->probes = 0;
    return was_suspect;
}

bool credentials_is_refused(const struct credentials *credentials)
{
    return credentials->held_until_us > 0;
}

bool credentials_may_start(const struct credentials *credentials, uint64_t now_us)
{
    return now_us >= credentials->held_until_us && credentials->probes == 0;
}

uint64_t credentials_next_us(const struct credentials *credentials, uint64_t now_us)
{
    if (now_us >= credentials->held_until_us)
        return UINT64_MAX;
    return credentials->file && credentials->look_again_us < credentials->held_until_us ? credentials->look_again_us
                                                                                        : credentials->held_until_us;
}
