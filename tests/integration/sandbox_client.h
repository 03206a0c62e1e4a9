/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts a real kraty-sandbox for a test, scripts it, and asks it what it saw.
 *
 * Everything here fails the running cmocka test with a reason instead of returning an error, so that a
 * test reads as what it proves. One sandbox_client belongs to one thread.
 *
 *     struct sandbox_client *sandbox = sandbox_start(NULL);
 *     sandbox_script(sandbox, "{\"match\": {\"op\": \"push\"}, \"action\": {\"reset_after\": true}}");
 *     …                                   the plugin pushes to sandbox_url(sandbox) with SANDBOX_KEY
 *     assert_int_equal(sandbox_lobby_count(sandbox), 1);
 *     sandbox_stop(sandbox);
 */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The key every sandbox started here accepts, whatever KRATY_SERVER_KEY says outside. */
#define SANDBOX_KEY "sandbox.key-for-tests-only"

struct sandbox_client;

/* `args`: further options, NULL-terminated, or NULL. The program is $KRATY_SANDBOX, else
 * build/kraty-sandbox. It ends with this process, however that ends. */
struct sandbox_client *sandbox_start(const char *const args[]);

/* SIGTERM, and SIGKILL should that not do. Returns the exit status, -1 when it had to be killed. NULL
 * does nothing. */
int sandbox_stop(struct sandbox_client *sandbox);

/* Waits until it has ended by itself, then frees everything. Returns the exit status; fails the test
 * after ten seconds. */
int sandbox_wait(struct sandbox_client *sandbox);

const char *sandbox_url(const struct sandbox_client *sandbox); /* no slash at the end */
unsigned sandbox_port(const struct sandbox_client *sandbox);
pid_t sandbox_pid(const struct sandbox_client *sandbox);

/* ---- the control path; its one connection is kept alive, so accept_reset never hits it ---- */

/* One rule or an array of them. */
void sandbox_script(struct sandbox_client *sandbox, const char *rules);
void sandbox_unscript(struct sandbox_client *sandbox);

/* Forgets lobbies, remembered replies, log and script. */
void sandbox_reset(struct sandbox_client *sandbox);

void sandbox_advance_clock(struct sandbox_client *sandbox, unsigned seconds);
void sandbox_change_keys(struct sandbox_client *sandbox, const char *change);

/* New references. */
json_t *sandbox_log(struct sandbox_client *sandbox);
json_t *sandbox_log_since(struct sandbox_client *sandbox, uint64_t n);
json_t *sandbox_lobbies(struct sandbox_client *sandbox);
size_t sandbox_lobby_count(struct sandbox_client *sandbox);
int64_t sandbox_stat(struct sandbox_client *sandbox, const char *name);

/* Waits until no connection is open but that of the control path: all that was sent has been applied, also late, and is
 * in the log. Fails the test after ten seconds. */
void sandbox_settle(struct sandbox_client *sandbox);

/* Asks for the end; sandbox_wait() sees it. */
void sandbox_quit(struct sandbox_client *sandbox);

/* The pipe that is its stdin: closing it is what a dying parent does. */
void sandbox_close_stdin(struct sandbox_client *sandbox);

/* ---- a plain HTTP client, each request on its own connection ---- */

struct sandbox_reply {
    CURLcode result; /* CURLE_OK, or what became of the request below HTTP */
    long status;     /* 0: no reply */
    char *headers;   /* as they came */
    char *body;
    size_t body_bytes;
    json_t *json; /* the body parsed, or NULL */
};

/* `headers`: further ones, NULL-terminated, or NULL. SANDBOX_KEY is sent unless one of them is an
 * Authorization ("Authorization:" sends none); a body is application/json likewise. */
struct sandbox_reply sandbox_request(struct sandbox_client *sandbox, const char *method, const char *path,
                                     const char *body, const char *const headers[]);
void sandbox_reply_clear(struct sandbox_reply *reply);

/* "error.details.fields.0" out of a document; NULL when it is not there. Borrowed. */
json_t *sandbox_at(json_t *json, const char *path);
const char *sandbox_text_at(json_t *json, const char *path);

#endif
