/* SPDX-License-Identifier: Apache-2.0 */
#include "validation.h"
#include "reply.h"

#include <stdio.h>

json_t *validation_new(void)
{
    return json_pack("{s:[], s:{}}", "fields", "issues");
}

void validation_issue(json_t *details, const char *field, const char *issue)
{
    json_t *issues = json_object_get(details, "issues");
    if (json_object_get(issues, field))
        return;
    json_array_append_new(json_object_get(details, "fields"), json_string(field));
    json_object_set_new(issues, field, json_string(issue));
}

bool validation_failed(const json_t *details)
{
    return json_object_size(json_object_get(details, "issues")) > 0;
}

void validation_reply(struct reply *reply, unsigned status, json_t *details)
{
    if (!details) {
        reply_set_error(reply, 500, "internal_error", "out of memory", NULL);
        return;
    }
    const char *field = json_string_value(json_array_get(json_object_get(details, "fields"), 0));
    const char *issue = field ? json_string_value(json_object_get(json_object_get(details, "issues"), field)) : NULL;
    char message[160];
    snprintf(message, sizeof message, "%s %s", field ? field : "the request", issue ? issue : "is not valid");
    reply_set_error(reply, status, "validation_failed", message, details);
}

void validation_reply_one(struct reply *reply, unsigned status, const char *field, const char *issue)
{
    json_t *details = validation_new();
    if (details)
        validation_issue(details, field, issue);
    validation_reply(reply, status, details);
}
