/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "klp_doctor.h"

/* Nothing is done to a server, and no secret is told. */
static void assert_harmless(const struct outbox_fixture *fixture, uint64_t requests_before,
                            const struct process_result *result)
{
    struct sandbox_client *sandbox = fixture->klp->sandbox;
    json_t *log = sandbox_log_since(sandbox, requests_before), *arrival;
    size_t i;

    json_array_foreach(log, i, arrival)
    {
        assert_string_equal(sandbox_text_at(arrival, "method"), "GET");
        assert_string_equal(sandbox_text_at(arrival, "path"), "/server/v1/ping");
    }
    assert_true(json_array_size(log) <= 2);
    json_decref(log);
    assert_int_equal(sandbox_lobby_count(sandbox), 0);
    static const char *const secrets[] = {"key-for-tests-only", DOCTOR_SECRET};
    for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++)
        if (strstr(result->output, secrets[j]) || strstr(result->errors, secrets[j]))
            fail_msg("a secret was told");
}

json_t *doctor_lines(struct process_result result, int exit_status)
{
    json_t *lines = json_array();

    if (result.exit_status != exit_status)
        fail_msg("exit status %d: %s%s", result.exit_status, result.output, result.errors);
    for (const char *line = result.output, *end; *line; line = end + 1) {
        json_error_t error;
        end = strchr(line, '\n');
        assert_non_null(end);
        json_t *object = json_loadb(line, (size_t)(end - line), 0, &error);
        if (!json_is_object(object))
            fail_msg("no JSON object: %.*s", (int)(end - line), line);
        json_array_append_new(lines, object);
    }
    if (exit_status != 2)
        assert_contains(result.errors, "klp: doctor: ");
    process_result_clear(&result);
    return lines;
}

json_t *doctor_run(const struct outbox_fixture *fixture, int exit_status, const char *const environment[],
                   const char *const argv[])
{
    uint64_t before = (uint64_t)sandbox_stat(fixture->klp->sandbox, "requests");
    struct process_result result = process_run(argv, environment ? environment : fixture->klp->environment, NULL);

    assert_harmless(fixture, before, &result);
    return doctor_lines(result, exit_status);
}

json_t *doctor_run_as_nobody(const struct outbox_fixture *fixture, int exit_status, const char *option,
                             const char *value)
{
    char klp[512];

    snprintf(klp, sizeof klp, "%s/klp", getenv("BUILD"));
    const char *const argv[] = {"/usr/bin/setpriv",
                                "--reuid=65534",
                                "--regid=65534",
                                "--clear-groups",
                                klp,
                                "doctor",
                                "--json",
                                option,
                                value,
                                NULL};
    struct process_result result = process_run(geteuid() == 0 ? argv : argv + 4, fixture->klp->environment, NULL);
    if (strstr(result.errors, "setpriv: ")) { /* it has no right to it, or nobody may enter our folder */
        process_result_clear(&result);
        return NULL;
    }
    return doctor_lines(result, exit_status);
}

static json_t *find(json_t *lines, const char *check)
{
    json_t *those = outbox_those(lines, "check", check), *line = json_array_get(those, 0);

    if (json_array_size(those) > 1)
        fail_msg("%zu lines of %s", json_array_size(those), check);
    json_decref(those); /* `lines` has it, too */
    return line;
}

void doctor_assert(json_t *lines, const char *check, const char *status, const char *found, const char *advice)
{
    json_t *line = find(lines, check);

    if (!line) {
        char *all = json_dumps(lines, 0);
        fail_msg("no line of %s: %s", check, all);
    }
    const char *its_status = sandbox_text_at(line, "status"), *its_found = sandbox_text_at(line, "found");
    const char *its_advice = sandbox_text_at(line, "advice");
    if (strcmp(its_status, status) != 0 || !strstr(its_found, found))
        fail_msg("%s is %s: %s", check, its_status, its_found);
    if (!advice && (strcmp(status, "warn") == 0 || strcmp(status, "fail") == 0) && !its_advice)
        fail_msg("%s has no advice", check);
    if (advice && (!its_advice || !strstr(its_advice, advice)))
        fail_msg("%s advises: %s", check, its_advice ? its_advice : "nothing");
}

void doctor_assert_none(json_t *lines, const char *check)
{
    json_t *line = find(lines, check);

    if (line)
        fail_msg("%s is told: %s", check, sandbox_text_at(line, "found"));
}
