/* SPDX-License-Identifier: Apache-2.0
 * Which API key is in use, and what the server thinks of it. */
#include "clock.h"
#include "pusher/pusher.h"

static bool is_this(const void *owner, uint64_t wanted)
{
    return (uint64_t)(uintptr_t)owner == wanted;
}

/* What a ping finds out about the key of before is of no use, and nothing has to wait for it. */
static void end_old_check(klp_pusher *pusher)
{
    uint64_t ping = (uint64_t)(uintptr_t)pusher->key_check.ping;
    struct transport_reply *reply = pusher->key_check.is_out ? transport_abort(pusher->transport, is_this, ping) : NULL;

    if (reply) /* else it is its reply that is being looked at */
        pusher_decide_aborted(pusher, reply, LOCAL_CANCELLED);
}

static void note_news(klp_pusher *pusher, enum credentials_news news, const char *why)
{
    uint64_t now_us = clock_now_us();

    switch (news) {
    case CREDENTIALS_SAME:
        break;
    case CREDENTIALS_CHANGED:
        end_old_check(pusher);
        key_check_begin_anew(&pusher->key_check);
        journal_note_key(pusher);
        log_say(&pusher->log, LOG_KEY_CHANGED, KLP_LOG_INFO, now_us, "there is a new API key: number %llu",
                (unsigned long long)pusher->credentials.generation);
        break;
    case CREDENTIALS_UNREADABLE:
        log_say(&pusher->log, LOG_KEY_UNREADABLE, KLP_LOG_WARNING, now_us, "%s: the last good API key stays in use",
                why);
        break;
    }
}

void pusher_look_at_key_file(klp_pusher *pusher, bool is_urgent)
{
    char sentence[256] = "";
    klp_text_buffer why = {sentence, sizeof sentence, 0};

    note_news(pusher, credentials_look(&pusher->credentials, is_urgent, clock_now_us(), &why), sentence);
}

void pusher_adopt_key(klp_pusher *pusher, struct api_key *given)
{
    note_news(pusher, credentials_give(&pusher->credentials, given), "");
}

bool pusher_has_another_key(klp_pusher *pusher, const struct job *job)
{
    if (job->api_key == pusher->credentials.current)
        pusher_look_at_key_file(pusher, true);
    return job->api_key != pusher->credentials.current;
}

/* An answer that only a good key gets: of the statuses below 500 those of the request itself. */
static bool is_good(const struct assessment *assessment)
{
    int status = assessment->answer->http_status;
    return assessment->answer->end == ATTEMPT_ANSWERED && status >= 200 && status < 500 && status != 401 &&
           status != 408 && status != 425 && status != 429;
}

static bool is_refused(const struct assessment *assessment)
{
    return assessment->answer->http_status == 401 && assessment->reply.kind == REPLY_HAS_ERROR &&
           json_text_is(&assessment->reply.document, assessment->reply.code, KLP_CODE_SESSION_INVALID);
}

void pusher_note_key(klp_pusher *pusher, const struct job *job, const struct assessment *assessment)
{
    uint64_t now_us = clock_now_us();

    if (job->api_key != pusher->credentials.current)
        return; /* it tells of a key of before */
    if (is_good(assessment)) {
        if (credentials_note_good(&pusher->credentials, job->attempt_started_us))
            log_say(&pusher->log, LOG_KEY_GOOD, KLP_LOG_INFO, now_us, "the server takes the API key again");
    } else if (is_refused(assessment) && credentials_note_refusal(&pusher->credentials, now_us)) {
        log_say(&pusher->log, LOG_KEY_REFUSED, KLP_LOG_ERROR, now_us,
                "the server refuses the API key (401 session_invalid)%s",
                pusher->credentials.grace_us ? ": waiting for another one" : "");
    }
}
