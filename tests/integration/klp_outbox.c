/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_outbox.h"

int outbox_set_up(void **state)
{
    struct outbox_fixture *fixture = calloc(1, sizeof *fixture);
    void *klp = NULL;

    if (!fixture || fixture_set_up(&klp))
        return -1;
    fixture->klp = klp;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/klp-outbox-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    *state = fixture;
    return 0;
}

int outbox_tear_down(void **state)
{
    struct outbox_fixture *fixture = *state;
    char command[96];
    void *klp = fixture->klp;

    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    int status = system(command);
    free(fixture);
    return fixture_tear_down(&klp) || status;
}

void outbox_leave_pushes(const struct outbox_fixture *fixture, const char *name, int count)
{
    int64_t requests = sandbox_stat(fixture->klp->sandbox, "requests");
    char row[64];

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture), "--name", name);
    for (int i = 1; i <= count; i++) {
        snprintf(row, sizeof row, NUMBERED_ROW, i);
        process_give(process, row, strlen(row));
    }
    fixture_await_requests(fixture->klp, requests + count);
    process_signal(process, SIGKILL);
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, SIGKILL);
    process_result_clear(&result);
    sandbox_unscript(fixture->klp->sandbox);
}

json_t *outbox_run(const struct outbox_fixture *fixture, int exit_status, const char *const argv[])
{
    struct process_result result = process_run(argv, fixture->klp->environment, NULL);
    json_t *lines = json_array();

    if (result.exit_status != exit_status)
        fail_msg("exit status %d: %s", result.exit_status, result.errors);
    for (const char *line = result.output, *end; *line; line = end + 1) {
        json_error_t error;
        end = strchr(line, '\n');
        assert_non_null(end);
        json_t *object = json_loadb(line, (size_t)(end - line), 0, &error);
        if (!json_is_object(object))
            fail_msg("no JSON object: %.*s", (int)(end - line), line);
        json_array_append_new(lines, object);
    }
    process_result_clear(&result);
    return lines;
}

json_t *outbox_those(json_t *array, const char *name, const char *value)
{
    json_t *those = json_array(), *object;
    size_t at;

    json_array_foreach(array, at, object)
    {
        const char *found = json_string_value(json_object_get(object, name));
        if (found && strcmp(found, value) == 0)
            json_array_append(those, object);
    }
    return those;
}
