/* SPDX-License-Identifier: Apache-2.0 */
#include "flexmatch_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"

int flexmatch_set_up(void **state)
{
    struct flexmatch_rig *rig = calloc(1, sizeof *rig);
    if (!rig)
        return -1;
    strcpy(rig->folder, "/tmp/flexmatch-test.XXXXXX");
    if (!mkdtemp(rig->folder))
        return -1;
    snprintf(rig->outbox, sizeof rig->outbox, "%s/outbox", rig->folder);
    snprintf(rig->scratch, sizeof rig->scratch, "%s/scratch", rig->folder);
    if (mkdir(rig->outbox, 0700) || mkdir(rig->scratch, 0700))
        return -1;
    rig->sandbox = sandbox_start(NULL);
    snprintf(rig->url, sizeof rig->url, "KRATY_BASE_URL=%s", sandbox_url(rig->sandbox));
    snprintf(rig->temporary, sizeof rig->temporary, "TMPDIR=%s", rig->scratch);
    rig->environment[0] = guest_environment[0];
    rig->environment[1] = guest_environment[1];
    rig->environment[2] = rig->temporary;
    rig->environment[3] = rig->url;
    *state = rig;
    return 0;
}

int flexmatch_tear_down(void **state)
{
    struct flexmatch_rig *rig = *state;

    sandbox_stop(rig->sandbox);
    int left = rmdir(rig->scratch);
    if (left)
        print_error("something was left in %s\n", rig->scratch);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", rig->folder, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(rig);
    return left;
}

const char *flexmatch_document(const char *vector)
{
    static json_t *vectors; /* until the program ends */
    json_t *one;
    size_t i;

    if (!vectors)
        vectors = json_load_file("tests/vectors/rosters.json", 0, NULL);
    json_array_foreach(json_object_get(vectors, "cases"), i, one)
    {
        if (strcmp(sandbox_text_at(one, "name"), vector) == 0)
            return sandbox_text_at(one, "document");
    }
    fail_msg("no vector \"%s\"", vector);
    return NULL;
}

void flexmatch_await_stat(const struct flexmatch_rig *rig, const char *name, int64_t count)
{
    uint64_t from_ms = guest_now_ms();

    while (sandbox_stat(rig->sandbox, name) < count) {
        if (guest_now_ms() - from_ms > PROCESS_LIMIT_MS)
            fail_msg("the sandbox does not come to %lld %s", (long long)count, name);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void flexmatch_answer_late(const struct flexmatch_rig *rig)
{
    char rule[96];

    snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"push\"},\"action\":{\"delay_ms\":%d}}", is_slowed() ? 5000 : 500);
    sandbox_script(rig->sandbox, rule);
}

json_t *flexmatch_one_lobby(const struct flexmatch_rig *rig)
{
    json_t *lobbies = sandbox_lobbies(rig->sandbox);

    assert_int_equal(json_array_size(lobbies), 1);
    json_t *lobby = json_incref(json_array_get(lobbies, 0));
    json_decref(lobbies);
    return lobby;
}

int flexmatch_dead_url(char variable[96])
{
    unsigned port;
    int holder = guest_hold_port(&port);

    snprintf(variable, 96, "KRATY_BASE_URL=http://127.0.0.1:%u", port);
    return holder;
}
