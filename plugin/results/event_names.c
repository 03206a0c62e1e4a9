/* SPDX-License-Identifier: Apache-2.0 */
#include "results/event_names.h"

#include <stddef.h>
#include <string.h>

#include "kraty/lobby_pusher.h"

/* Indexed by the number. */
static const char *const ops[] = {"",
                                  [KLP_OP_PUSH] = "push",
                                  [KLP_OP_READ] = "read",
                                  [KLP_OP_PING] = "ping",
                                  [KLP_OP_AWAIT] = "await",
                                  [KLP_OP_CALL] = "call"};
static const char *const outcomes[] = {
    "", [KLP_APPLIED] = "applied", [KLP_NOT_APPLIED] = "not_applied", [KLP_POSSIBLY_APPLIED] = "possibly_applied"};
static const char *const origins[] = {
    "", [KLP_ORIGIN_SERVER] = "server", [KLP_ORIGIN_TRANSPORT] = "transport", [KLP_ORIGIN_LOCAL] = "local"};

#define COUNT(names) (sizeof(names) / sizeof *(names))

static const char *name_in(const char *const *names, size_t count, int32_t number)
{
    return number > 0 && (size_t)number < count ? names[number] : "";
}

static int32_t number_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int32_t)i;
    return 0;
}

const char *event_op_name(int32_t op)
{
    return name_in(ops, COUNT(ops), op);
}

const char *event_outcome_name(int32_t outcome)
{
    return name_in(outcomes, COUNT(outcomes), outcome);
}

const char *event_origin_name(int32_t origin)
{
    return name_in(origins, COUNT(origins), origin);
}

int32_t event_op_of(const char *name)
{
    return number_in(ops, COUNT(ops), name);
}

int32_t event_outcome_of(const char *name)
{
    return number_in(outcomes, COUNT(outcomes), name);
}

int32_t event_origin_of(const char *name)
{
    return number_in(origins, COUNT(origins), name);
}
