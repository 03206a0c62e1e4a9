/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/walk.h"

#include <stdio.h>
#include <string.h>

#include "roster/member.h"

/* ─── The place ──────────────────────────────────────────────────────────────────────────────────── */

/* What does not fit is left out: a place is for people. */
static void extend_place(struct walk *walk, const char *text, size_t size)
{
    if (size >= sizeof walk->place - walk->place_bytes)
        return;
    memcpy(walk->place + walk->place_bytes, text, size);
    walk->place_bytes += size;
    walk->place[walk->place_bytes] = '\0';
}

static void enter_name(struct walk *walk, klp_text name)
{
    char printable[ROSTER_PRINTABLE_BYTES];

    if (walk->place_bytes)
        extend_place(walk, ".", 1);
    roster_printable(name.data, name.size, printable);
    extend_place(walk, printable, strlen(printable));
}

static void enter_element(struct walk *walk, size_t index)
{
    char text[24] = "";
    extend_place(walk, text, (size_t)snprintf(text, sizeof text, "[%zu]", index));
}

static void go_back(struct walk *walk, size_t place_bytes)
{
    walk->place_bytes = place_bytes;
    walk->place[place_bytes] = '\0';
}

/* ─── Along names ────────────────────────────────────────────────────────────────────────────────── */

static bool refuse_missing(struct walk *walk, int value)
{
    const char *state = json_kind(walk->document, value) == 'n' ? "null" : "missing";
    return roster_refuse(walk->refusal, ROSTER_MISSING, "%s is %s", walk->place, state);
}

/* The member, its place entered. False: refused. */
static bool enter_member(struct walk *walk, int object, klp_text name, int *member)
{
    if (json_kind(walk->document, object) != '{')
        return roster_refuse(walk->refusal, ROSTER_SHAPE, "%s is not an object",
                             walk->place_bytes ? walk->place : "the document");
    *member = member_like(walk->document, object, name);
    enter_name(walk, name);
    return (*member != JSON_NONE && json_kind(walk->document, *member) != 'n') || refuse_missing(walk, *member);
}

typedef bool step(struct walk *walk, int from, klp_text rest);

static bool go_on(struct walk *walk, int from, klp_text rest);

static bool each_element(struct walk *walk, int array, klp_text rest, step *next)
{
    size_t place_bytes = walk->place_bytes, index = 0;
    bool is_fine = true;

    for (int element = json_first(walk->document, array); is_fine && element != JSON_NONE;
         element = json_next(walk->document, element)) {
        enter_element(walk, index++);
        if (walk->level <= WALK_MAX_LEVELS)
            walk->elements[walk->level] = element;
        is_fine = next(walk, element, rest);
        go_back(walk, place_bytes);
    }
    return is_fine;
}

static bool go_into_array(struct walk *walk, int array, klp_text rest)
{
    if (json_kind(walk->document, array) != '[')
        return roster_refuse(walk->refusal, ROSTER_SHAPE, "%s is not an array", walk->place);
    walk->level++;
    bool is_fine = each_element(walk, array, rest, go_on);
    walk->level--;
    return is_fine;
}

/* No deeper than the table's longest path. */
static bool go_on(struct walk *walk, int from, klp_text rest)
{
    int member = JSON_NONE;

    if (rest.size == 0)
        return walk->visit(walk, from);
    size_t place_bytes = walk->place_bytes;
    klp_text name = member_take_name(&rest);
    bool is_array = name.size > 2 && memcmp(name.data + name.size - 2, "[]", 2) == 0;
    name.size -= is_array ? 2 : 0;
    bool is_fine = enter_member(walk, from, name, &member) &&
                   (is_array ? go_into_array(walk, member, rest) : go_on(walk, member, rest));
    go_back(walk, place_bytes);
    return is_fine;
}

bool walk_along(struct walk *walk, int from, const char *path)
{
    walk->elements[0] = from;
    walk->level = 0;
    go_back(walk, 0);
    return go_on(walk, from, klp_cstr(path));
}

/* No deeper than the document, which json_read() bounds. */
bool walk_along_names(struct walk *walk, int from, klp_text path)
{
    int member = JSON_NONE;

    if (json_kind(walk->document, from) == '[') {
        unsigned level = walk->level;
        walk->level = WALK_MAX_LEVELS + 1; /* these arrays are the host's: no level of the table's is theirs */
        bool is_fine = each_element(walk, from, path, walk_along_names);
        walk->level = level;
        return is_fine;
    }
    if (path.size == 0)
        return walk->visit(walk, from);
    size_t place_bytes = walk->place_bytes;
    klp_text name = member_take_name(&path);
    bool is_fine = enter_member(walk, from, name, &member) && walk_along_names(walk, member, path);
    go_back(walk, place_bytes);
    return is_fine;
}
