/* SPDX-License-Identifier: Apache-2.0 */
#include "photon_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"

int photon_set_up(void **state)
{
    struct photon *photon = calloc(1, sizeof *photon);

    assert_non_null(photon);
    guest_setup(state);
    photon->sandbox = sandbox_start(NULL);
    photon->curl = curl_easy_init();
    assert_non_null(photon->curl);
    snprintf(photon->folder, sizeof photon->folder, "/tmp/photon-test-XXXXXX");
    assert_non_null(mkdtemp(photon->folder));
    snprintf(photon->url, sizeof photon->url, "KRATY_BASE_URL=%s", sandbox_url(photon->sandbox));
    photon->environment[0] = guest_environment[0];
    photon->environment[1] = guest_environment[1];
    photon->environment[2] = photon->url;
    photon->environment[3] = "PHOTON_WEBHOOK_SECRET=" PHOTON_SECRET;
    *state = photon;
    return 0;
}

int photon_tear_down(void **state)
{
    struct photon *photon = *state;

    if (photon->process) {
        process_signal(photon->process, SIGKILL);
        struct process_result run = process_finish(photon->process);
        print_error("stdout: %s\nstderr: %s\n", run.output, run.errors);
        process_result_clear(&run);
    }
    sandbox_stop(photon->sandbox);
    curl_easy_cleanup(photon->curl);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", photon->folder, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(photon);
    return 0;
}

/* ---- the receiver ---- */

typedef const char *(*await_lines)(struct process *process, size_t lines);

static const char *await(struct photon *photon, await_lines lines, const char *said)
{
    const char *text = lines(photon->process, 0), *found;

    while (!(found = strstr(text, said)))
        text = lines(photon->process, process_count_lines(text) + 1);
    return found;
}

void photon_await_output(struct photon *photon, const char *said)
{
    await(photon, process_await_output, said);
}

void photon_await_errors(struct photon *photon, const char *said)
{
    await(photon, process_await_errors, said);
}

const char *photon_errors(struct photon *photon)
{
    return process_await_errors(photon->process, 0);
}

void photon_start(struct photon *photon, const char *const options[])
{
    static const char listening[] = "listening on http://127.0.0.1:";
    const char *argv[24] = {"photon-webhooks", "--game", "game_1", "--event", "quick_brawl", "--port", "0"};

    for (size_t i = 0; options && options[i]; i++)
        argv[7 + i] = options[i];
    photon->process = process_start(&(struct process_setup){.argv = argv, .environment = photon->environment});
    const char *said = await(photon, process_await_errors, listening);
    photon->port = (unsigned)strtoul(said + sizeof listening - 1, NULL, 10);
    assert_true(photon->port > 0);
}

struct process_result photon_wait(struct photon *photon)
{
    struct process *process = photon->process;

    photon->process = NULL; /* whatever it says about it, it has ended then */
    struct process_result run = process_finish(process);
    assert_null(strstr(run.output, PHOTON_SECRET));
    assert_null(strstr(run.errors, PHOTON_SECRET));
    return run;
}

void photon_stop(struct photon *photon, size_t lines)
{
    process_signal(photon->process, SIGTERM);
    struct process_result run = photon_wait(photon);
    if (run.exit_status != 0 || process_count_lines(run.output) != lines)
        fail_msg("it ended with %d, signal %d\nstdout: %s\nstderr: %s", run.exit_status, run.signal_number, run.output,
                 run.errors);
    process_result_clear(&run);
}

/* ---- webhooks ---- */

static size_t keep_body(char *bytes, size_t size, size_t count, void *user)
{
    struct photon_reply *reply = user;
    size_t had = strlen(reply->body);

    assert_true(had + size * count < sizeof reply->body);
    memcpy(reply->body + had, bytes, size * count);
    return size * count;
}

struct photon_reply photon_post(struct photon *photon, const char *path, const char *body, const char *const headers[])
{
    struct photon_reply reply = {0};
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    bool has_secret = false;
    char url[256];

    for (; headers && *headers; headers++) {
        has_secret |= strncmp(*headers, "X-SecretKey", 11) == 0;
        list = curl_slist_append(list, *headers);
    }
    if (!has_secret)
        list = curl_slist_append(list, "X-SecretKey: " PHOTON_SECRET);
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", photon->port, path);
    curl_easy_reset(photon->curl);
    curl_easy_setopt(photon->curl, CURLOPT_URL, url);
    curl_easy_setopt(photon->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(photon->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(photon->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(photon->curl, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(photon->curl, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(photon->curl, CURLOPT_TIMEOUT_MS, (long)PROCESS_LIMIT_MS);
    if (curl_easy_perform(photon->curl) == CURLE_OK)
        curl_easy_getinfo(photon->curl, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_easy_getinfo(photon->curl, CURLINFO_TOTAL_TIME, &reply.seconds);
    curl_slist_free_all(list);
    return reply;
}

static const char *path_of(const char *type)
{
    static const char *const paths[][2] = {
        {"Create", "/GameCreate"}, {"Join", "/GameJoin"}, {"Close", "/GameClose"}, {"Save", "/GameClose"}};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i][0], type) == 0)
            return paths[i][1];
    return "/GameLeave"; /* whose Type is the reason */
}

void photon_realtime(struct photon *photon, const char *type, const char *game_id, const char *user_id,
                     unsigned actor_nr, const char *create_options)
{
    char body[2048];

    int size = snprintf(body, sizeof body,
                        "{\"AppId\":\"00000000-0000-0000-0000-000000000000\",\"AppVersion\":\"1.4\",\"Region\":\"EU\","
                        "\"GameId\":\"%s\",\"Type\":\"%s\"",
                        game_id, type);
    if (user_id)
        size += snprintf(body + size, sizeof body - (size_t)size,
                         ",\"ActorNr\":%u,\"UserId\":\"%s\",\"NickName\":\"Ada\"", actor_nr, user_id);
    if (create_options)
        size += snprintf(body + size, sizeof body - (size_t)size, ",\"CreateOptions\":%s", create_options);
    snprintf(body + size, sizeof body - (size_t)size, "}");
    struct photon_reply reply = photon_post(photon, path_of(type), body, NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"ResultCode\":0}");
}

void photon_quantum(struct photon *photon, const char *path, const char *game_id, const char *format, ...)
{
    char body[2048];
    va_list arguments;

    int size = snprintf(body, sizeof body, "{\"AppId\":\"a1\",\"GameId\":\"%s\"", game_id);
    va_start(arguments, format);
    vsnprintf(body + size, sizeof body - (size_t)size, format, arguments);
    va_end(arguments);
    struct photon_reply reply = photon_post(photon, path, body, NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, strchr(path, '_') ? "{\"ResultCode\":0}" : "{}");
}

/* ---- what Kraty has ---- */

json_t *photon_lobby(struct photon *photon, const char *key, const char *players)
{
    json_t *lobbies = sandbox_lobbies(photon->sandbox), *lobby = NULL, *candidate, *id;
    size_t index, count = 1;

    json_array_foreach(lobbies, index, candidate)
    {
        if (strcmp(sandbox_text_at(candidate, "key"), key) == 0)
            lobby = json_incref(candidate);
    }
    json_decref(lobbies);
    if (!lobby)
        fail_msg("no lobby %s", key);
    assert_int_equal(json_integer_value(json_object_get(lobby, "times_pushed")), 1);

    for (const char *at = players; (at = strchr(at, ' ')); at++)
        count++;
    json_t *ids = json_object_get(lobby, "players");
    assert_int_equal(json_array_size(ids), count);
    json_array_foreach(ids, index, id)
    {
        const char *text = json_string_value(id), *found = strstr(players, text);
        size_t size = strlen(text);
        if (!found || (found > players && found[-1] != ' ') || (found[size] && found[size] != ' '))
            fail_msg("%s is in %s, and none of %s", text, key, players);
    }
    return lobby;
}
