/* SPDX-License-Identifier: Apache-2.0
 * The Lobby of the server surface. */
#include "kraty/reply.h"

enum field_type { TEXT, TEXT_OR_NULL, INTEGER };

struct field {
    const char *name;
    enum field_type type;
    const char *absent; /* the reason; NULL where it may be absent */
    const char *mistyped;
};

enum { ID, STATUS, CAPACITY, PARTICIPANT_COUNT, BOT_SLOTS, FIRST_OTHER };

static const struct field fields[] = {
    [ID] = {"id", TEXT, "the Lobby has no id", "the Lobby's id is not a string"},
    [STATUS] = {"status", TEXT, "the Lobby has no status", "the Lobby's status is not a string"},
    [CAPACITY] = {"capacity", INTEGER, "the Lobby has no capacity", "the Lobby's capacity is not an integer"},
    [PARTICIPANT_COUNT] = {"participantCount", INTEGER, "the Lobby has no participantCount",
                           "the Lobby's participantCount is not an integer"},
    [BOT_SLOTS] = {"botSlots", INTEGER, NULL, "the Lobby's botSlots is not an integer"},
    /* Not used, but a Lobby has them of these types. */
    [FIRST_OTHER] = {"eventId", TEXT, NULL, "the Lobby's eventId is not a string"},
    {"eventWindowId", TEXT, NULL, "the Lobby's eventWindowId is not a string"},
    {"mode", TEXT, NULL, "the Lobby's mode is not a string"},
    {"leaderboardId", TEXT_OR_NULL, NULL, "the Lobby's leaderboardId is neither a string nor null"},
    {"fillBy", TEXT_OR_NULL, NULL, "the Lobby's fillBy is neither a string nor null"},
    {"startedAt", TEXT_OR_NULL, NULL, "the Lobby's startedAt is neither a string nor null"},
    {"endsAt", TEXT_OR_NULL, NULL, "the Lobby's endsAt is neither a string nor null"},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static bool has_type(const struct json_document *document, int value, enum field_type type)
{
    char kind = json_kind(document, value);
    int64_t integer;
    switch (type) {
    case TEXT:
        return kind == '"';
    case TEXT_OR_NULL:
        return kind == '"' || kind == 'n';
    case INTEGER:
        return json_signed(document, value, &integer);
    }
    return false;
}

/* NULL when the field is as the contract has it. */
static const char *field_fault(const struct json_document *document, int value, const struct field *field)
{
    if (value == JSON_NONE)
        return field->absent;
    return has_type(document, value, field->type) ? NULL : field->mistyped;
}

static int64_t saturating_sum(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b)
        return INT64_MAX;
    if (b < 0 && a < INT64_MIN - b)
        return INT64_MIN;
    return a + b;
}

bool lobby_read(const struct json_document *document, int value, struct lobby_state *lobby, const char **missing)
{
    int members[FIELD_COUNT];
    *lobby = (struct lobby_state){.id = JSON_NONE, .status = JSON_NONE};
    *missing = NULL;
    if (json_kind(document, value) != '{') {
        *missing = value == JSON_NONE ? "there is no Lobby" : "the Lobby is not an object";
        return false;
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        members[i] = json_member(document, value, fields[i].name);
        *missing = field_fault(document, members[i], &fields[i]);
        if (*missing)
            return false;
    }
    lobby->id = members[ID];
    lobby->status = members[STATUS];
    json_signed(document, members[CAPACITY], &lobby->capacity);
    json_signed(document, members[PARTICIPANT_COUNT], &lobby->participant_count);
    if (members[BOT_SLOTS] != JSON_NONE)
        json_signed(document, members[BOT_SLOTS], &lobby->bot_slots);

    int64_t filled = saturating_sum(lobby->participant_count, lobby->bot_slots);
    lobby->filled_slots = filled < lobby->capacity ? filled : lobby->capacity;
    return true;
}
