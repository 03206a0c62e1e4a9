/* SPDX-License-Identifier: Apache-2.0
 * The ping of our own, which finds out whether the API key is the one that is meant. */
#include <string.h>

#include "clock.h"
#include "kraty/path.h"
#include "pusher/pusher.h"

/* It will not be known whether they may be made: all that wait for it are told so. Those that come later, or are to be
 * tried again later, ask again; what waits for a push on the wire has nothing to do with it. */
static void refuse_all(klp_pusher *pusher, const struct assessment *assessment)
{
    struct job *job;

    while ((job = schedule_take_next(&pusher->schedule, false)))
        pusher_decide_refused(pusher, job, assessment);
}

static void note_answer(klp_pusher *pusher, const struct assessment *assessment)
{
    struct key_check *check = &pusher->key_check;

    key_check_note(check, &assessment->reply);
    if (check->state == KEY_IS_OF_ANOTHER_ENVIRONMENT)
        log_say(&pusher->log, LOG_KEY_MISMATCH, KLP_LOG_ERROR, clock_now_us(),
                "the API key is not of the environment \"%s\": nothing is pushed with it", check->expected);
    else if (!key_check_is_of_game(check, pusher->settings.game_id) && pusher->settings.game_id.size)
        log_say(&pusher->log, LOG_KEY_MISMATCH, KLP_LOG_ERROR, clock_now_us(),
                "the API key is not of the game \"%s\": nothing is pushed to it", pusher->settings.game_id.data);
}

/* Before it is asked again: as before any call's next attempt, but with the gate's bound, since all wait for this. */
static uint64_t pause_us(klp_pusher *pusher, const struct assessment *assessment)
{
    uint32_t random = random_series_next(&pusher->jitter);
    uint64_t wait_ms = backoff_wait_ms(&pusher->settings.retry.backoff, ++pusher->key_check.failures + 1, random);

    wait_ms = backoff_wait_at_least_ms(wait_ms, assessment->retry_after_ms, random);
    return (wait_ms < GATE_LONGEST_HOLD_MS ? wait_ms : GATE_LONGEST_HOLD_MS) * 1000;
}

void pusher_decide_check(klp_pusher *pusher, const struct assessment *assessment, bool has_another_key)
{
    struct key_check *check = &pusher->key_check;
    struct job *ping = check->ping;
    uint64_t now_us = clock_now_us();

    bool is_of_current_key = ping->api_key == pusher->credentials.current;
    ping->api_key = NULL;
    check->is_out = false;
    if (has_another_key || !is_of_current_key)
        return; /* asked again, of that one */
    if (assessment->verdict.ok) {
        note_answer(pusher, assessment);
        return;
    }
    if (assessment->answer->end == ATTEMPT_ANSWERED)
        log_say(&pusher->log, LOG_KEY_UNCHECKED, KLP_LOG_WARNING, now_us,
                "the API key's environment could not be asked for: HTTP %d", assessment->answer->http_status);
    else
        log_say(&pusher->log, LOG_KEY_UNCHECKED, KLP_LOG_WARNING, now_us,
                "the API key's environment could not be asked for: %s (curl %d)", assessment->answer->failure,
                assessment->answer->curl_code);
    if (assessment->verdict.retryable)
        check->not_before_us = now_us + pause_us(pusher, assessment);
    else if (now_us >= pusher->credentials.held_until_us) /* else its grace is running */
        refuse_all(pusher, assessment);
}

/* /server/v1/games/{game}/…: as path_of_call() has written it. */
static bool is_call_to_another_game(const struct key_check *check, const struct job *job)
{
    static const char games[] = "/server/v1/games/";
    char encoded[3 * KLP_MAX_ID_BYTES];
    size_t prefix = sizeof games - 1;

    if (!check->has_game || job->event.path.size < prefix || memcmp(job->event.path.data, games, prefix) != 0)
        return false;
    const char *game = job->event.path.data + prefix;
    size_t size = strcspn(game, "/");
    size_t expected = path_encode_segment(check->game_id, strlen(check->game_id), encoded);
    return size != expected || memcmp(game, encoded, size) != 0;
}

bool pusher_is_mismatch(const klp_pusher *pusher, const struct job *job, enum local_end *end)
{
    const struct key_check *check = &pusher->key_check;

    if (!check->expected || !job_is_write(job))
        return false;
    *end = check->state == KEY_IS_OF_ANOTHER_ENVIRONMENT ? LOCAL_ENVIRONMENT_MISMATCH : LOCAL_GAME_MISMATCH;
    if (check->state == KEY_IS_OF_ANOTHER_ENVIRONMENT)
        return true;
    return job->event.op == KLP_OP_PUSH ? !key_check_is_of_game(check, job->event.game_id)
                                        : is_call_to_another_game(check, job);
}
