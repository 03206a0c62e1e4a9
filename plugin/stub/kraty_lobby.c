/* SPDX-License-Identifier: Apache-2.0
 * One lobby of the Kraty in memory: made of a push's body, compared with another's, written as the server writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stub/kraty.h"
#include "stub/same_json.h"
#include "stub/virtual_time.h"

/* ─── made ──────────────────────────────────────────────────────────────────────────────────────── */

static int by_bytes(const void *a, const void *b)
{
    const klp_text *x = *(const klp_text *const *)a, *y = *(const klp_text *const *)b;
    int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static klp_text put(char **at, klp_text text)
{
    klp_text kept = {*at, text.size};

    if (text.size)
        memcpy(*at, text.data, text.size);
    (*at)[text.size] = '\0';
    *at += text.size + 1;
    return kept;
}

static klp_text put_decoded(char **at, const struct json_document *document, int string)
{
    klp_text kept = {*at, json_text(document, string, *at, json_raw(document, string).size)};

    *at += kept.size + 1;
    return kept;
}

static bool is_text(const struct json_document *document, int value)
{
    return json_kind(document, value) == '"' && json_text(document, value, NULL, 0) > 0;
}

/* What the schema of a push says. NULL: it is fine. */
static const char *fault_of(const struct json_document *document)
{
    int players = json_member(document, JSON_ROOT, "externalPlayerIds");
    int capacity = json_member(document, JSON_ROOT, "capacity");
    int fill_bots = json_member(document, JSON_ROOT, "fillBots");
    int metadata = json_member(document, JSON_ROOT, "metadata");
    int64_t number;

    if (!is_text(document, json_member(document, JSON_ROOT, "key")))
        return "key must be a non-empty string";
    if (json_kind(document, players) != '[' || json_length(document, players) == 0)
        return "externalPlayerIds must be an array of strings, and not empty";
    for (int id = json_first(document, players); id != JSON_NONE; id = json_next(document, id))
        if (!is_text(document, id))
            return "externalPlayerIds must hold non-empty strings";
    if (capacity != JSON_NONE && (!json_signed(document, capacity, &number) || number < 1 || number > UINT32_MAX))
        return "capacity must be a positive integer";
    if (fill_bots != JSON_NONE && json_kind(document, fill_bots) != 't' && json_kind(document, fill_bots) != 'f')
        return "fillBots must be a boolean";
    if (metadata != JSON_NONE && json_kind(document, metadata) != '{')
        return "metadata must be an object";
    return NULL;
}

static void fill(struct kraty_lobby *lobby, const struct json_document *document, char *texts,
                 const struct kraty_request *request)
{
    int players = json_member(document, JSON_ROOT, "externalPlayerIds");
    int capacity = json_member(document, JSON_ROOT, "capacity");
    int fill_bots = json_member(document, JSON_ROOT, "fillBots");
    int metadata = json_member(document, JSON_ROOT, "metadata");
    int64_t number;

    lobby->game_id = put(&texts, request->game_id);
    lobby->event_key = put(&texts, request->event_key);
    lobby->key = put_decoded(&texts, document, json_member(document, JSON_ROOT, "key"));
    for (int id = json_first(document, players); id != JSON_NONE; id = json_next(document, id))
        lobby->players[lobby->player_count++] = put_decoded(&texts, document, id);
    if (metadata != JSON_NONE) {
        struct json_slice raw = json_raw(document, metadata);
        lobby->metadata = put(&texts, (klp_text){raw.data, raw.size});
    }
    lobby->id = (klp_text){texts, 0}; /* given when it is created */
    if (capacity != JSON_NONE && json_signed(document, capacity, &number))
        lobby->capacity = (uint32_t)number;
    if (fill_bots != JSON_NONE)
        lobby->fills_bots = json_kind(document, fill_bots) == 't';
}

struct kraty_lobby *kraty_lobby_new(const struct kraty_request *request, const struct script_event *event,
                                    const char **wrong)
{
    struct json_document document;
    struct kraty_lobby *lobby = NULL;

    *wrong = NULL;
    enum json_result result = json_read(request->body.data, request->body.size, &document, NULL);
    if (result) {
        *wrong = result == JSON_MALFORMED ? "the body must be JSON" : NULL;
        return NULL;
    }
    *wrong = fault_of(&document);
    if (*wrong)
        goto free_document;

    size_t count = json_length(&document, json_member(&document, JSON_ROOT, "externalPlayerIds"));
    /* decoded, a text of the body is shorter than it stands there by its quotes; an id of ours has 24 bytes at most */
    size_t text_bytes = request->body.size + request->game_id.size + request->event_key.size + 3 + 24;
    lobby = calloc(1, sizeof *lobby + count * (sizeof *lobby->players + sizeof *lobby->sorted) + text_bytes);
    if (!lobby)
        goto free_document;
    lobby->players = (klp_text *)(lobby + 1);
    lobby->sorted = (const klp_text **)(lobby->players + count);
    lobby->event = *event;
    lobby->capacity = event->capacity;
    lobby->fills_bots = event->fills_bots;
    lobby->created_us = request->now_us;
    fill(lobby, &document, (char *)(lobby->sorted + count), request);
    for (size_t i = 0; i < count; i++)
        lobby->sorted[i] = &lobby->players[i];
    qsort(lobby->sorted, count, sizeof *lobby->sorted, by_bytes);

    for (size_t i = 1; i < count && !*wrong; i++)
        if (by_bytes(&lobby->sorted[i - 1], &lobby->sorted[i]) == 0)
            *wrong = "externalPlayerIds names a player twice";
    if (lobby->capacity < count)
        *wrong = "capacity is smaller than the roster";
    if (*wrong) {
        kraty_lobby_free(lobby);
        lobby = NULL;
    }

free_document:
    json_free(&document);
    return lobby;
}

void kraty_lobby_free(struct kraty_lobby *lobby)
{
    free(lobby);
}

/* ─── compared ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_same_metadata(klp_text a, klp_text b)
{
    struct json_document document_a, document_b;

    if (a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0))
        return true;
    if (!a.size || !b.size || json_read(a.data, a.size, &document_a, NULL))
        return false;
    bool is_same = false;
    if (!json_read(b.data, b.size, &document_b, NULL)) {
        is_same = same_json(&document_a, JSON_ROOT, &document_b, JSON_ROOT);
        json_free(&document_b);
    }
    json_free(&document_a);
    return is_same;
}

/* The same set of players, whatever their order. */
bool kraty_lobby_is_same(const struct kraty_lobby *a, const struct kraty_lobby *b)
{
    if (a->player_count != b->player_count || a->capacity != b->capacity || a->fills_bots != b->fills_bots)
        return false;
    for (size_t i = 0; i < a->player_count; i++)
        if (by_bytes(&a->sorted[i], &b->sorted[i]) != 0)
            return false;
    return is_same_metadata(a->metadata, b->metadata);
}

/* ─── written ───────────────────────────────────────────────────────────────────────────────────── */

enum status { FORMING, ACTIVE, CLOSED };

struct course {
    enum status status;
    uint64_t active_us, closed_us; /* closed_us 0: never */
    uint64_t bots;
};

static uint64_t saturating_product(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > UINT64_MAX / 4 ? UINT64_MAX / 4 : product;
}

/* Until the roster, the last bot or the event's form_ms completes it. */
static uint64_t forming_us(const struct kraty_lobby *lobby, uint64_t missing)
{
    uint64_t form_us = lobby->event.form_ms * 1000;

    if (missing == 0 || !lobby->fills_bots)
        return missing ? form_us : 0;
    uint64_t dripping_us = saturating_product(missing, lobby->event.bot_drip_ms * 1000);
    return form_us && form_us < dripping_us ? form_us : dripping_us;
}

static struct course course_at(const struct kraty_lobby *lobby, uint64_t now_us)
{
    uint64_t missing = lobby->capacity - lobby->player_count;
    uint64_t drip_us = lobby->event.bot_drip_ms * 1000;
    struct course course = {.status = FORMING, .active_us = lobby->created_us + forming_us(lobby, missing)};

    if (lobby->event.duration_ms)
        course.closed_us = course.active_us + lobby->event.duration_ms * 1000;
    if (course.closed_us && now_us >= course.closed_us)
        course.status = CLOSED;
    else if (now_us >= course.active_us)
        course.status = ACTIVE;
    if (lobby->fills_bots) {
        uint64_t dripped = drip_us ? (now_us - lobby->created_us) / drip_us : missing;
        course.bots = course.status != FORMING || dripped > missing ? missing : dripped;
    }
    return course;
}

static void put_prefixed(struct json_writer *writer, const char *prefix, klp_text text)
{
    char whole[KLP_MAX_ID_BYTES + 16];
    int size = snprintf(whole, sizeof whole, "%s%s", prefix, text.data);
    json_put_string(writer, whole, (size_t)size < sizeof whole ? (size_t)size : sizeof whole - 1);
}

static void put_moment(struct json_writer *writer, bool is_known, uint64_t at_us)
{
    char text[VIRTUAL_TIME_TEXT_BYTES];

    if (!is_known) {
        json_put_raw(writer, "null", 4);
        return;
    }
    virtual_time_text(at_us, text);
    json_put_string(writer, text, strlen(text));
}

void kraty_lobby_write(struct json_writer *writer, const struct kraty_lobby *lobby, uint64_t now_us)
{
    static const char *const statuses[] = {[FORMING] = "forming", [ACTIVE] = "active", [CLOSED] = "closed"};
    struct course course = course_at(lobby, now_us);
    const char *status = statuses[course.status];
    bool is_forming = course.status == FORMING;

    json_open(writer, '{');
    json_name(writer, "id");
    json_put_string(writer, lobby->id.data, lobby->id.size);
    json_name(writer, "eventId");
    put_prefixed(writer, "evt_", lobby->event_key);
    json_name(writer, "eventWindowId");
    put_prefixed(writer, "win_", lobby->event_key);
    json_name(writer, "leaderboardId");
    if (is_forming)
        json_put_raw(writer, "null", 4);
    else
        put_prefixed(writer, "lb_", lobby->id);
    json_name(writer, "mode");
    json_put_string(writer, lobby->event.mode.data, lobby->event.mode.size);
    json_name(writer, "status");
    json_put_string(writer, status, strlen(status));
    json_name(writer, "capacity");
    json_put_unsigned(writer, lobby->capacity);
    json_name(writer, "fillBy");
    put_moment(writer, is_forming, course.active_us);
    json_name(writer, "participantCount");
    json_put_unsigned(writer, lobby->player_count);
    json_name(writer, "botSlots");
    json_put_unsigned(writer, course.bots);
    json_name(writer, "startedAt");
    put_moment(writer, !is_forming, course.active_us);
    json_name(writer, "endsAt");
    put_moment(writer, !is_forming && course.closed_us, course.closed_us);
    json_close(writer, '}');
}
