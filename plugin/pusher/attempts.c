/* SPDX-License-Identifier: Apache-2.0
 * What goes out next, and how. */
#include <string.h>

#include "clock.h"
#include "kraty/path.h"
#include "pusher/pusher.h"

void pusher_stamp(klp_pusher *pusher, struct job *job)
{
    if (!job->is_to_be_stamped)
        return;
    uuid_series_next(&pusher->idempotency_keys, job_body(job) + job->idempotency_offset);
    job->is_to_be_stamped = false;
}

static const char *write_path(const klp_event *event, char *path, size_t capacity)
{
    switch (event->op) {
    case KLP_OP_PUSH:
        path_of_push(event->game_id.data, event->game_id.size, event->event_key.data, event->event_key.size, path,
                     capacity);
        return path;
    case KLP_OP_READ:
    case KLP_OP_AWAIT:
        path_of_read(event->game_id.data, event->game_id.size, event->lobby_id.data, event->lobby_id.size, path,
                     capacity);
        return path;
    case KLP_OP_CALL:
        return event->path.data;
    default:
        return PATH_OF_PING;
    }
}

static uint64_t timeout_of(const klp_pusher *pusher, const struct job *job, uint64_t now_us)
{
    uint64_t left_ms = job->time_us[JOB_DEADLINE] > now_us ? (job->time_us[JOB_DEADLINE] - now_us + 999) / 1000 : 1;
    return left_ms < pusher->settings.attempt_timeout_ms ? left_ms : pusher->settings.attempt_timeout_ms;
}

static void start(klp_pusher *pusher, struct job *job)
{
    char path[PATH_MAX_BYTES + 1];

    job->attempt_started_us = clock_now_us();
    if (job->event.attempts == 0)
        job->queue_us = job->attempt_started_us - job->accepted_us + 1; /* 0 is for those that never were */
    job->attempt_given_ms = timeout_of(pusher, job, job->attempt_started_us);
    job->is_attempt_cut = job->attempt_given_ms < pusher->settings.attempt_timeout_ms;
    pusher->round_retries += job->is_retry;
    struct transport_request request = {
        .method = call_method_name(job->method),
        .path = write_path(&job->event, path, sizeof path),
        .authorization = api_key_header(job->api_key),
        .trace_parent = job->trace_parent,
        .body = job->body_bytes ? job_body(job) : NULL,
        .body_bytes = job->body_bytes,
        .timeout_ms = job->attempt_given_ms,
        .owner = job,
    };
    if (!transport_start(pusher->transport, &request))
        pusher_decide_unsent(pusher, job);
}

unsigned pusher_in_flight(const klp_pusher *pusher)
{
    return pusher->settings.max_in_flight - transport_free_places(pusher->transport) + (unsigned)pusher->planned.count;
}

bool pusher_is_alone(const klp_pusher *pusher)
{
    return schedule_count(&pusher->schedule) + pusher_in_flight(pusher) == 1;
}

bool pusher_can_start(klp_pusher *pusher)
{
    uint64_t now_us = clock_now_us();

    return pusher_in_flight(pusher) < pusher->settings.max_in_flight && schedule_has_ready(&pusher->schedule) &&
           (!key_check_is_pending(&pusher->key_check) || key_check_is_due(&pusher->key_check, now_us)) &&
           credentials_may_start(&pusher->credentials, now_us) &&
           gate_may_start(&pusher->gate, pusher_in_flight(pusher), pusher_is_alone(pusher), now_us);
}

static void plan(klp_pusher *pusher, struct job *job)
{
    job->attempt_open = true;
    journal_update(pusher, job);
    job->attempt_started_us = clock_now_us();
    job->api_key = credentials_take(&pusher->credentials);
    gate_note_start(&pusher->gate);
    job_list_append(&pusher->planned, job);
}

static void plan_check(klp_pusher *pusher)
{
    struct job *ping = pusher->key_check.ping;

    pusher->key_check.is_out = true;
    ping->accepted_us = clock_now_us();
    ping->time_us[JOB_DEADLINE] = clock_after_ms(ping->accepted_us, pusher->settings.attempt_timeout_ms);
    ping->event.attempts = ping->event.sends = 0;
    plan(pusher, ping);
}

static void plan_next(klp_pusher *pusher)
{
    struct job *job = schedule_take_next(&pusher->schedule, pusher->gate.state == GATE_PROBING);
    enum local_end end;

    if (job->recoveries >= MOST_RECOVERIES) {
        pusher->round_set_aside++;
        pusher_decide_local(pusher, job, LOCAL_SET_ASIDE, KLP_NO_RETRY_AFTER);
        return;
    }
    if (pusher_is_mismatch(pusher, job, &end)) {
        pusher_decide_local(pusher, job, end, KLP_NO_RETRY_AFTER);
        return;
    }
    if (job->journal_id &&
        (!journal_has(job) || journal_is_failing(pusher, job->file))) { /* not before it is written down */
        schedule_add_later(&pusher->schedule, job, clock_now_us() + JOURNAL_ROOM_AGAIN_US);
        return;
    }
    pusher_stamp(pusher, job);
    plan(pusher, job);
}

void pusher_plan_attempts(klp_pusher *pusher)
{
    if (schedule_has_ready(&pusher->schedule))
        pusher_look_at_key_file(pusher, false);
    while (pusher_can_start(pusher)) {
        if (key_check_is_pending(&pusher->key_check))
            plan_check(pusher);
        else
            plan_next(pusher);
    }
}

/* What could not be written down is as if it had not been planned. */
static void put_back(klp_pusher *pusher, struct job *job)
{
    job->attempt_open = false;
    credentials_give_back(&pusher->credentials, job->api_key, job->attempt_started_us);
    job->api_key = NULL;
    gate_note_abort(&pusher->gate, job->attempt_started_us);
    schedule_add(&pusher->schedule, job);
}

void pusher_start_attempts(klp_pusher *pusher, bool is_journaled)
{
    struct job *job;

    while ((job = job_list_take_first(&pusher->planned))) {
        if (is_journaled || !job->journal_id)
            start(pusher, job);
        else
            put_back(pusher, job);
    }
}

void pusher_unplan(klp_pusher *pusher, const struct journal_file *file)
{
    struct job_list others = {0};
    struct job *job;

    while ((job = job_list_take_first(&pusher->planned))) {
        if (job->file == file)
            put_back(pusher, job);
        else
            job_list_append(&others, job);
    }
    pusher->planned = others;
}
