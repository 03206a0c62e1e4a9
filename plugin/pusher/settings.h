/* SPDX-License-Identifier: Apache-2.0
 * A configuration with its defaults filled in, checked, and of our own memory. */
#ifndef KLP_PUSHER_SETTINGS_H
#define KLP_PUSHER_SETTINGS_H

#include "delivery/retry.h"
#include "kraty/lobby_pusher.h"
#include "pusher/api_key.h"

#define SETTINGS_MAX_DEADLINE_MS 604800000u /* seven days */

struct settings {
    klp_text name;
    klp_text game_id; /* may be empty */
    char *base_url;
    char *ca_file;            /* or NULL */
    char *proxy;              /* or NULL */
    char *no_proxy;           /* or NULL */
    char *results_url;        /* or NULL */
    char *api_key_file;       /* or NULL */
    char *expect_environment; /* or NULL */
    struct api_key *api_key;  /* the first one; whoever takes it leaves NULL */
    uint32_t max_in_flight, max_queued, max_unread_events;
    uint32_t attempt_timeout_ms, deadline_ms;
    uint32_t session_grace_ms;
    struct retry_policy retry;
    klp_attempt_callback on_attempt; /* or NULL */
    klp_log_callback on_log;         /* or NULL */
    void *callback_user;
    int32_t log_level;
    char *outbox_dir; /* or NULL */
    int32_t outbox_sync, outbox_mode, outbox_damaged;
    uint32_t outbox_adopt_ms; /* 0: never */
    uint32_t durable_timeout_ms;
    uint64_t outbox_max_bytes;
    uint64_t max_queued_bytes, max_reply_bytes;
    char *block; /* behind all the texts */
};

klp_status settings_open(const klp_config *config, struct settings *settings, klp_text_buffer *why);
void settings_close(struct settings *settings);

#endif
