/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test expects of a reply, in one line; with cmocka and sandbox_client.h. */
#ifndef EXPECT_REPLY_H
#define EXPECT_REPLY_H

#include "sandbox_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Checks the status, clears the reply and gives its JSON back, a new reference. */
static inline json_t *expect_json(long status, struct sandbox_reply reply)
{
    if (reply.result != CURLE_OK || reply.status != status)
        fail_msg("expected %ld, got %ld (%s): %s", status, reply.status, curl_easy_strerror(reply.result), reply.body);
    json_t *json = json_incref(reply.json);
    sandbox_reply_clear(&reply);
    return json;
}

static inline void assert_text(json_t *json, const char *path, const char *text)
{
    assert_string_equal(sandbox_text_at(json, path), text);
}

static inline json_int_t number_at(json_t *json, const char *path)
{
    return json_integer_value(sandbox_at(json, path));
}

static inline void expect_error(long status, const char *code, struct sandbox_reply reply)
{
    json_t *json = expect_json(status, reply);
    assert_text(json, "error.code", code);
    assert_true(strlen(sandbox_text_at(json, "error.message")) > 0);
    json_decref(json);
}

static inline void expect_status(long status, struct sandbox_reply reply)
{
    json_decref(expect_json(status, reply));
}

static inline void expect_failure(CURLcode result, struct sandbox_reply reply)
{
    if (reply.result != result)
        fail_msg("expected %s, got %s", curl_easy_strerror(result), curl_easy_strerror(reply.result));
    sandbox_reply_clear(&reply);
}

#endif
