/* SPDX-License-Identifier: Apache-2.0
 * The command line. No message repeats a value that was given: it might be a key put in the wrong place. */
#ifndef KLP_OPTIONS_H
#define KLP_OPTIONS_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a run of klp ends with. */
enum {
    EXIT_APPLIED = 0,
    EXIT_NOT_APPLIED = 1, /* also what changes nothing and failed, and output that could not be written */
    EXIT_USAGE = 2,
    EXIT_POSSIBLY_APPLIED = 3
};

enum command {
    COMMAND_PUSH = 1,
    COMMAND_READ = 2,
    COMMAND_PING = 4,
    COMMAND_AWAIT = 8,
    COMMAND_CALL = 16,
    COMMAND_WEBHOOK_VERIFY = 32,
    COMMAND_ROSTER = 64,
    COMMAND_DOCTOR = 128,
    COMMAND_OUTBOX = 256, /* none of the following, which are above it all */
    COMMAND_OUTBOX_LIST = 512,
    COMMAND_OUTBOX_SHOW = 1024,
    COMMAND_OUTBOX_RETRY_NOW = 2048,
    COMMAND_OUTBOX_DROP = 4096,
    COMMAND_OUTBOX_FAILED = 8192,
    COMMAND_OUTBOX_REQUEUE = 16384,
    COMMAND_OUTBOX_DRAIN = 32768
};

struct list {
    klp_text *items;
    size_t count;
};

/* Not given: NULL, 0 or false. The texts are argv's. */
struct options {
    enum command command;
    const char *game;
    const char *event;
    const char *key;
    const char *lobby;
    const char *metadata;
    const char *body; /* of a call; "-": stdin is */
    const char *signature;
    const char *base_url;
    const char *ca_file;
    const char *key_file;      /* that holds the API key */
    const char *results;       /* the URL of a result socket */
    const char *environment;   /* that the key has to be of */
    const char *outbox;        /* a directory */
    const char *outbox_sync;   /* "normal" or "full" */
    const char *name;          /* of the pusher */
    const char *pusher;        /* of a file in the outbox … */
    const char *file;          /* … or that itself */
    const char *roster_format; /* of the document on stdin */
    const char *player_id_path;
    const char *key_annotation;
    struct list players;
    struct list words;       /* of a call: its method, and the segments of its path; of an outbox' command: a ticket */
    struct list secret_envs; /* names of environment variables */
    klp_text *room;          /* of the lists */
    uint32_t capacity;
    uint32_t attempts;
    uint32_t jitter_permille;
    uint32_t timeout_ms; /* of one attempt */
    uint32_t deadline_ms;
    uint32_t grace_ms;
    uint32_t wait_ms; /* of an await, all of it */
    uint32_t interval_ms;
    uint32_t tolerance_s;
    int32_t fill_bots;
    int64_t now_unix_s;
    int64_t outbox_max_bytes;
    uint64_t ticket;
    bool is_durable;
    bool is_for_all; /* tickets */
    bool is_as_json;
    bool is_acknowledging;
    bool is_sure; /* nobody is to be asked */
    bool is_quiet;
    bool is_verbose;
    bool wants_help;
};

/* Reads what stands behind the command. False: stderr says what is wrong, and nothing is to be cleared. */
bool options_read(struct options *options, enum command command, int argc, char **argv);
void options_clear(struct options *options);

#endif
