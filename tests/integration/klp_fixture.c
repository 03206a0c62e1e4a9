/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_fixture.h"

int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->sandbox = sandbox_start(NULL);
    snprintf(fixture->url, sizeof fixture->url, "KRATY_BASE_URL=%s", sandbox_url(fixture->sandbox));
    fixture->environment[0] = KEY;
    fixture->environment[1] = fixture->url;
    *state = fixture;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    sandbox_stop(fixture->sandbox);
    free(fixture);
    return 0;
}

void fixture_await_requests(const struct fixture *fixture, int64_t count)
{
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(fixture->sandbox, "requests") < count)
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
}

/* ---- running it ---- */

/* New reference: all that is on stdout. */
static json_t *read_events(const struct process_result *result)
{
    json_t *events = json_array();

    for (const char *line = result->output, *end; *line; line = end + 1) {
        json_error_t error;
        end = strchr(line, '\n');
        if (!end)
            fail_msg("stdout ends in the middle of a line: %s", line);
        json_t *event = json_loadb(line, (size_t)(end - line), 0, &error);
        if (!event || !json_is_integer(json_object_get(event, "seq")))
            fail_msg("no event: %.*s", (int)(end - line), line);
        json_array_append_new(events, event);
    }
    return events;
}

struct run run_of(struct process_result result)
{
    if (result.signal_number)
        fail_msg("ended by signal %d: %s", result.signal_number, result.errors);
    struct run run = {result.exit_status, read_events(&result), strdup(result.errors), result.elapsed_ms};
    assert_non_null(run.errors);
    process_result_clear(&result);
    return run;
}

void run_clear(struct run *run)
{
    json_decref(run->events);
    free(run->errors);
}
