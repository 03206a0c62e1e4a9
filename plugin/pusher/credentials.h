/* SPDX-License-Identifier: Apache-2.0
 * The API key in use: which one it is by now, and whether the server takes it. The worker's own. */
#ifndef KLP_PUSHER_CREDENTIALS_H
#define KLP_PUSHER_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "kraty/redact.h"
#include "pusher/api_key.h"

struct credentials {
    struct api_key *current;
    struct api_key *retired; /* those of before, the newest first: in use by attempts, or perhaps in a late reply */
    struct secrets secrets;  /* all of these */
    struct api_key *in_file; /* what was read of the file last; NULL: nothing yet */
    uint64_t generation;     /* 1, 2, … */
    const char *file;        /* or NULL */
    struct stat file_facts;  /* as of its last reading since */
    uint64_t look_again_us;  /* at the file, not before */
    uint64_t grace_us;       /* how long nothing is sent with a key that was refused; 0: no grace */
    uint64_t held_until_us;  /* 0: the current key was not refused since it was given, or proved good */
    bool is_suspect;         /* the key was refused, and none has proved good since: one request at a time */
    uint64_t refused_us;     /* when the current key was refused last; 0: never */
    unsigned probes;         /* while it is suspect: requests out with the current key that started since */
};

#define CREDENTIALS_LOOK_EVERY_US UINT64_C(200000)

/* `current` becomes theirs; `file` must outlive them. */
void credentials_init(struct credentials *credentials, struct api_key *current, const char *file, uint64_t grace_us);
void credentials_close(struct credentials *credentials);

enum credentials_news {
    CREDENTIALS_SAME,
    CREDENTIALS_CHANGED,
    CREDENTIALS_UNREADABLE /* the file; `why` says why. The last good key stays */
};

/* Takes a key the host has given; it is theirs from here on. What the file holds by now is older than it. */
enum credentials_news credentials_give(struct credentials *credentials, struct api_key *given);

/* Looks whether the file has changed, and reads it then; not too often unless it is urgent. */
enum credentials_news credentials_look(struct credentials *credentials, bool is_urgent, uint64_t now_us,
                                       klp_text_buffer *why);

/* The key for an attempt, until it is given back; with when the attempt started. */
struct api_key *credentials_take(struct credentials *credentials);
void credentials_give_back(struct credentials *credentials, struct api_key *api_key, uint64_t started_us);

/* The server has refused the current key, or has taken it from an attempt that started at started_us: which is old news
 * when the key was refused since. True: that is a change. */
bool credentials_note_refusal(struct credentials *credentials, uint64_t now_us);
bool credentials_note_good(struct credentials *credentials, uint64_t started_us);

/* Whether the last that was heard of the current key is that the server refuses it. */
bool credentials_is_refused(const struct credentials *credentials);

/* Whether a request may start. One of before the refusal, or with a key of before, is no matter: it may hang for as
 * long as it likes. */
bool credentials_may_start(const struct credentials *credentials, uint64_t now_us);

/* When it is worth looking again while nothing may start; UINT64_MAX: no need. */
uint64_t credentials_next_us(const struct credentials *credentials, uint64_t now_us);

#endif
