/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SEGMENTS 8

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place. False: a broken escape, an escaped NUL or an empty segment; no id looks like that. */
static bool decode(char *segment)
{
    char *out = segment;
    for (const char *in = segment; *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]);
        int low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *out++ = (char)(high << 4 | low);
        in += 2;
    }
    *out = '\0';
    return out != segment;
}

/* Splits in place at every slash; counts on past MAX_SEGMENTS without keeping more. */
static size_t split(char *path, char *segments[MAX_SEGMENTS])
{
    size_t count = 0;
    for (char *rest = path, *segment; (segment = strsep(&rest, "/"));) {
        if (count < MAX_SEGMENTS)
            segments[count] = segment;
        count++;
    }
    return count;
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool is_call_method(const char *method)
{
    return is(method, "GET") || is(method, "POST") || is(method, "PUT") || is(method, "PATCH") || is(method, "DELETE");
}

/* /server/v1/ has been seen; `segments` are what follows it, still encoded. */
static enum op match_server(struct route *route, const char *method, char *segments[], size_t count)
{
    if (count == 1 && is(segments[0], "ping"))
        return is(method, "GET") ? OP_PING : OP_UNKNOWN;

    if (count == 5 && is(segments[0], "games") && is(segments[2], "events") && is(segments[4], "lobbies")) {
        if (!is(method, "POST") || !decode(segments[1]) || !decode(segments[3]))
            return OP_UNKNOWN;
        route->game = segments[1];
        route->event = segments[3];
        return OP_PUSH;
    }
    if (count == 4 && is(segments[0], "games") && is(segments[2], "lobbies")) {
        if (!is(method, "GET") || !decode(segments[1]) || !decode(segments[3]))
            return OP_UNKNOWN;
        route->game = segments[1];
        route->lobby = segments[3];
        return OP_READ;
    }

    for (size_t i = 0; i < count && i < MAX_SEGMENTS; i++)
        if (!decode(segments[i]))
            return OP_UNKNOWN;
    return is_call_method(method) ? OP_CALL : OP_UNKNOWN;
}

bool route_parse(struct route *route, const char *method, const char *target)
{
    static const char server[] = "/server/v1/";
    static const char control[] = "/_sandbox/";

    *route = (struct route){.op = OP_UNKNOWN};
    if (strncmp(target, control, sizeof control - 1) == 0) {
        route->op = OP_CONTROL;
        return true;
    }
    if (strncmp(target, server, sizeof server - 1) != 0)
        return true;

    const char *rest = target + sizeof server - 1;
    route->decoded = strndup(rest, strcspn(rest, "?"));
    if (!route->decoded)
        return false;

    char *segments[MAX_SEGMENTS];
    size_t count = split(route->decoded, segments);
    route->op = match_server(route, method, segments, count);
    return true;
}

void route_clear(struct route *route)
{
    free(route->decoded);
    *route = (struct route){0};
}

const char *op_text(enum op op)
{
    switch (op) {
    case OP_PUSH:
        return "push";
    case OP_READ:
        return "read";
    case OP_PING:
        return "ping";
    case OP_CALL:
        return "call";
    case OP_CONTROL:
        return "control";
    default:
        return "unknown";
    }
}
