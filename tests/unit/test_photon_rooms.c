/* SPDX-License-Identifier: Apache-2.0
 * Who is in a room of Photon's, and when that is final: from webhooks in any order, again, too late, and too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../host-examples/photon-webhooks/rooms.h"
#include "random.h"

#define FORM_MS   1000
#define FORGET_MS 10000

static const struct rooms_limits limits = {
    .rooms = 8, .actors = 16, .bytes = 1 << 20, .form_ms = FORM_MS, .forget_ms = FORGET_MS};

static int set_up(void **state)
{
    *state = rooms_new(&limits);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    rooms_free(*state);
    return 0;
}

/* ---- webhooks; those of Realtime number their actors ---- */

static struct room_hook hook(enum room_hook_kind kind, const char *game_id, const char *user_id, uint32_t actor_nr)
{
    return (struct room_hook){.kind = kind,
                              .game_id = klp_cstr(game_id),
                              .user_id = klp_cstr(user_id),
                              .actor_nr = actor_nr,
                              .invoke_id = ROOM_NO_INVOKE_ID};
}

static enum room_taken create_for(struct rooms *rooms, const char *game_id, const char *user_id, uint32_t max_players,
                                  const char *expected, uint64_t now_ms)
{
    struct room_hook create = hook(ROOM_CREATE, game_id, user_id, 1);
    klp_text users[8];

    for (; *expected; expected++)
        users[create.expected_count++] = (klp_text){expected, 1};
    create.expected = users;
    create.max_players = max_players;
    return rooms_take(rooms, &create, now_ms);
}

static enum room_taken create(struct rooms *rooms, const char *user_id, uint64_t now_ms)
{
    return create_for(rooms, "room", user_id, 0, "", now_ms);
}

static enum room_taken join(struct rooms *rooms, const char *user_id, uint32_t actor_nr, uint64_t now_ms)
{
    struct room_hook join = hook(ROOM_JOIN, "room", user_id, actor_nr);
    return rooms_take(rooms, &join, now_ms);
}

static enum room_taken leave(struct rooms *rooms, const char *user_id, uint32_t actor_nr, uint64_t now_ms)
{
    struct room_hook leave = hook(ROOM_LEAVE, "room", user_id, actor_nr);
    return rooms_take(rooms, &leave, now_ms);
}

static enum room_taken close_room(struct rooms *rooms, uint64_t now_ms)
{
    struct room_hook close = hook(ROOM_CLOSE, "room", NULL, 0);
    return rooms_take(rooms, &close, now_ms);
}

/* ---- what comes out ---- */

static void assert_nothing(struct rooms *rooms, uint64_t now_ms)
{
    struct room_roster roster;
    assert_false(rooms_next(rooms, now_ms, &roster));
}

/* `players`: a letter each, in their order. */
static void assert_ends(struct rooms *rooms, uint64_t now_ms, enum room_end end, const char *players)
{
    struct room_roster roster;
    char in[32] = "";

    assert_true(rooms_next(rooms, now_ms, &roster));
    for (size_t i = 0; i < roster.player_count; i++) {
        assert_int_equal(roster.players[i].size, 1);
        in[i] = *roster.players[i].data;
    }
    assert_int_equal(roster.end, end);
    assert_string_equal(in, players);
    rooms_settle(rooms, now_ms);
}

static void a_roster_is_final_when_all_who_were_expected_are_in(void **state)
{
    struct rooms *rooms = *state;

    assert_int_equal(create_for(rooms, "room", "a", 8, "bc", 0), ROOM_TAKEN);
    join(rooms, "c", 2, 10);
    join(rooms, "d", 3, 20);
    assert_nothing(rooms, 30);
    join(rooms, "b", 4, 40);
    assert_ends(rooms, 40, ROOM_ALL_IN, "abcd");
    assert_nothing(rooms, UINT32_MAX);
}

static void who_was_expected_and_has_left_is_waited_for(void **state)
{
    struct rooms *rooms = *state;
    struct room_roster roster;

    create_for(rooms, "room", "a", 0, "bc", 0);
    join(rooms, "b", 2, 0);
    leave(rooms, "b", 2, 0);
    join(rooms, "c", 3, 0);
    assert_nothing(rooms, FORM_MS - 1);
    assert_true(rooms_next(rooms, FORM_MS, &roster));
    assert_int_equal(roster.missing_count, 1);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "ac");
}

static void a_roster_is_final_when_the_room_is_full(void **state)
{
    struct rooms *rooms = *state;
    struct room_roster roster;

    create_for(rooms, "room", "a", 2, "", 0);
    assert_nothing(rooms, 0);
    join(rooms, "b", 2, 0);
    assert_true(rooms_next(rooms, 0, &roster));
    assert_int_equal(roster.max_players, 2);
    assert_ends(rooms, 0, ROOM_FULL, "ab");
}

static void a_room_waits_from_its_create_on(void **state)
{
    struct rooms *rooms = *state;

    assert_int_equal(rooms_wait_ms(rooms, 0), UINT64_MAX);
    join(rooms, "b", 2, 0);
    assert_int_equal(rooms_wait_ms(rooms, 400), FORM_MS - 400);
    create(rooms, "a", 700);
    assert_int_equal(rooms_wait_ms(rooms, 800), FORM_MS - 100);
    assert_nothing(rooms, 700 + FORM_MS - 1);
    assert_int_equal(rooms_wait_ms(rooms, 5000), 0);
    assert_ends(rooms, 700 + FORM_MS, ROOM_TIME_UP, "ba");
    assert_int_equal(rooms_wait_ms(rooms, 5000), UINT64_MAX);
}

static void who_may_come_back_keeps_the_place(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook pause = hook(ROOM_LEAVE, "room", "b", 2);

    create(rooms, "a", 0);
    join(rooms, "b", 2, 0);
    pause.is_inactive = true;
    assert_int_equal(rooms_take(rooms, &pause, 0), ROOM_TAKEN);
    assert_int_equal(join(rooms, "b", 2, 0), ROOM_REPEATED);
    join(rooms, "c", 3, 0);
    leave(rooms, "c", 3, 0);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "ab");
}

/* ---- in any order, and again ---- */

struct any_order {
    struct room_hook hooks[7];
    size_t count;
    size_t tried;
};

static void try_order(struct any_order *any, const size_t order[], size_t repeats)
{
    struct rooms *rooms = rooms_new(&limits);
    struct room_roster roster;
    bool is_in[3] = {false};

    assert_non_null(rooms);
    for (size_t i = 0; i < any->count; i++) {
        rooms_take(rooms, &any->hooks[order[i]], i);
        for (size_t again = 0; again < repeats; again++)
            rooms_take(rooms, &any->hooks[order[i * (again + 2) % (i + 1)]], i); /* one that came before */
    }
    assert_true(rooms_next(rooms, 2 * FORM_MS, &roster));
    assert_int_equal(roster.end, ROOM_TIME_UP);
    assert_int_equal(roster.player_count, 2);
    for (size_t i = 0; i < roster.player_count; i++)
        is_in[*roster.players[i].data - 'a'] = true;
    assert_true(is_in[0] && is_in[1] && !is_in[2]);
    any->tried++;
    rooms_free(rooms);
}

static void permute(struct any_order *any, size_t order[], size_t fixed)
{
    if (fixed == any->count) {
        try_order(any, order, any->tried % 3);
        return;
    }
    for (size_t i = fixed; i < any->count; i++) {
        size_t other = order[fixed];
        order[fixed] = order[i], order[i] = other;
        permute(any, order, fixed + 1);
        order[i] = order[fixed], order[fixed] = other;
    }
}

/* a creates; b joins, leaves and joins anew; c joins twice and leaves twice. */
static void the_same_webhooks_make_the_same_roster_in_any_order(void **state)
{
    struct any_order any = {.hooks = {hook(ROOM_CREATE, "room", "a", 1), hook(ROOM_JOIN, "room", "b", 2),
                                      hook(ROOM_LEAVE, "room", "b", 2), hook(ROOM_JOIN, "room", "b", 4),
                                      hook(ROOM_JOIN, "room", "c", 3), hook(ROOM_LEAVE, "room", "c", 3)},
                            .count = 6};
    size_t order[] = {0, 1, 2, 3, 4, 5};

    (void)state;
    permute(&any, order, 0);
    assert_int_equal(any.tried, 720);
}

static void a_join_without_a_number_is_matched_by_its_user(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    assert_int_equal(join(rooms, "b", 0, 0), ROOM_TAKEN);
    assert_int_equal(join(rooms, "b", 0, 0), ROOM_REPEATED);
    assert_int_equal(leave(rooms, "b", 2, 0), ROOM_TAKEN);
    assert_int_equal(leave(rooms, "b", 2, 0), ROOM_REPEATED);
    assert_int_equal(join(rooms, "b", 0, 0), ROOM_TAKEN);     /* is back, as actor 3 … */
    assert_int_equal(leave(rooms, "b", 2, 0), ROOM_REPEATED); /* … which an old leave does not change */
    assert_int_equal(leave(rooms, "c", 4, 0), ROOM_TAKEN);
    assert_int_equal(join(rooms, "c", 0, 0), ROOM_TAKEN); /* has left already */
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "ab");
}

static void a_join_without_a_number_that_comes_again_after_its_leave_is_known_by_its_request(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook again = hook(ROOM_JOIN, "room", "b", 0);

    create(rooms, "a", 0);
    again.invoke_id = 7;
    assert_int_equal(rooms_take(rooms, &again, 0), ROOM_TAKEN);
    leave(rooms, "b", 2, 0);
    again.is_sent_again = true;
    assert_int_equal(rooms_take(rooms, &again, 0), ROOM_REPEATED);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "a");
}

/* ---- the end of a room ---- */

static void a_close_ends_the_wait_with_the_roster_there_is(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    join(rooms, "b", 2, 0);
    assert_int_equal(close_room(rooms, 10), ROOM_TAKEN);
    assert_int_equal(close_room(rooms, 10), ROOM_REPEATED);
    assert_int_equal(join(rooms, "c", 3, 10), ROOM_LATE); /* before it was even handed out */
    assert_ends(rooms, 10, ROOM_CLOSED, "ab");
    assert_int_equal(join(rooms, "c", 3, 20), ROOM_LATE);
    assert_int_equal(join(rooms, "b", 2, 20), ROOM_REPEATED);
    assert_int_equal(leave(rooms, "b", 2, 20), ROOM_TAKEN);
    assert_nothing(rooms, UINT32_MAX);
}

static void a_close_before_the_create_waits_for_it(void **state)
{
    struct rooms *rooms = *state;

    join(rooms, "b", 2, 0);
    close_room(rooms, 0);
    assert_nothing(rooms, 0);
    create(rooms, "a", 10);
    assert_ends(rooms, 10, ROOM_CLOSED, "ba");
}

static void a_close_of_a_room_that_is_not_known_keeps_nothing(void **state)
{
    struct rooms *rooms = *state;

    assert_int_equal(close_room(rooms, 0), ROOM_UNKNOWN);
    create(rooms, "a", 0);
    assert_nothing(rooms, FORM_MS - 1);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "a");
}

static void a_room_that_all_have_left_has_no_roster(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    leave(rooms, "a", 1, 0);
    assert_nothing(rooms, FORM_MS - 1); /* somebody may still come */
    close_room(rooms, 10);
    assert_ends(rooms, 10, ROOM_EMPTY, "");
}

static void a_room_whose_create_never_came_has_no_roster(void **state)
{
    struct rooms *rooms = *state;

    join(rooms, "b", 2, 0);
    assert_ends(rooms, FORM_MS, ROOM_NEVER_CREATED, "b");
    assert_int_equal(join(rooms, "c", 3, FORM_MS), ROOM_LATE);
}

static void who_leaves_rooms_of_before_a_restart_is_not_worth_a_word(void **state)
{
    struct rooms *rooms = *state;

    leave(rooms, "b", 2, 0);
    assert_nothing(rooms, FORM_MS);
    leave(rooms, "b", 2, FORM_MS);
    rooms_abandon(rooms);
    assert_nothing(rooms, FORM_MS);
}

static void a_room_that_could_not_be_created_has_no_roster(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook failed = hook(ROOM_LEAVE, "room", "a", 1);

    failed.is_failed = true;
    assert_int_equal(rooms_take(rooms, &failed, 0), ROOM_UNKNOWN);
    create(rooms, "a", 0);
    assert_int_equal(rooms_take(rooms, &failed, 0), ROOM_TAKEN);
    assert_ends(rooms, 0, ROOM_FAILED, "a");

    failed = hook(ROOM_CLOSE, "other", NULL, 0);
    failed.is_failed = true;
    create_for(rooms, "other", "a", 0, "", 0);
    rooms_take(rooms, &failed, 0);
    assert_ends(rooms, 0, ROOM_FAILED, "a");
}

static void rooms_that_form_are_told_when_they_are_abandoned(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    join(rooms, "b", 2, 0);
    rooms_abandon(rooms);
    assert_ends(rooms, 0, ROOM_ABANDONED, "ab");
    assert_nothing(rooms, UINT32_MAX);
}

/* ---- the same name again ---- */

static void a_create_that_comes_again_is_that_of_the_same_room(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook again = hook(ROOM_CREATE, "room", "a", 1);

    create(rooms, "a", 0);
    assert_int_equal(create(rooms, "a", 500), ROOM_REPEATED);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "a"); /* and did not prolong its time */
    assert_int_equal(create(rooms, "a", FORM_MS), ROOM_REPEATED);
    close_room(rooms, FORM_MS);
    again.is_sent_again = true;
    assert_int_equal(rooms_take(rooms, &again, FORM_MS), ROOM_REPEATED);
    assert_nothing(rooms, UINT32_MAX);
}

static void a_create_after_the_close_is_another_room(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    close_room(rooms, 0);
    assert_int_equal(create(rooms, "b", 0), ROOM_TAKEN); /* while the first one waits to be pushed */
    join(rooms, "c", 2, 0);
    assert_ends(rooms, 0, ROOM_CLOSED, "a");
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "bc");
    close_room(rooms, FORM_MS);
    assert_int_equal(create(rooms, "b", FORM_MS), ROOM_TAKEN);
    assert_ends(rooms, 2 * FORM_MS, ROOM_TIME_UP, "b");
}

static void a_create_by_another_user_says_that_the_room_before_is_closed(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    join(rooms, "b", 2, 0);
    assert_int_equal(create(rooms, "c", 10), ROOM_TAKEN);
    assert_ends(rooms, 10, ROOM_CLOSED, "ab");
    assert_ends(rooms, 10 + FORM_MS, ROOM_TIME_UP, "c");
    assert_nothing(rooms, 10 + FORGET_MS); /* the first one is forgotten by then, and not the second with it */
    assert_int_equal(join(rooms, "b", 2, 10 + FORGET_MS), ROOM_LATE);
}

static void a_room_is_forgotten_a_while_after_its_last_webhook(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    close_room(rooms, 0);
    assert_ends(rooms, 0, ROOM_CLOSED, "a");
    assert_int_equal(join(rooms, "b", 2, FORGET_MS - 1), ROOM_LATE);
    assert_nothing(rooms, FORGET_MS);
    assert_int_equal(join(rooms, "b", 2, 2 * FORGET_MS - 2), ROOM_LATE);
    assert_nothing(rooms, 3 * FORGET_MS - 2);
    assert_int_equal(create(rooms, "a", 3 * FORGET_MS - 2), ROOM_TAKEN);
}

static void rooms_of_one_name_in_two_regions_are_two(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook there = hook(ROOM_CREATE, "room", "b", 1);

    there.region = klp_cstr("US");
    create(rooms, "a", 0);
    assert_int_equal(rooms_take(rooms, &there, 1), ROOM_TAKEN);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "a");
    assert_ends(rooms, FORM_MS + 1, ROOM_TIME_UP, "b");
}

/* ---- too much ---- */

static void rooms_that_are_final_make_room_for_new_ones_and_those_that_form_do_not(void **state)
{
    struct rooms *rooms = *state;
    char names[2][8];

    for (size_t i = 0; i < limits.rooms; i++) {
        snprintf(names[0], sizeof names[0], "r%zu", i);
        assert_int_equal(create_for(rooms, names[0], "a", i < 2, "", i), ROOM_TAKEN);
    }
    assert_int_equal(create_for(rooms, "new", "a", 1, "", 100), ROOM_NOT_KEPT); /* two are due: not told yet */
    assert_ends(rooms, 100, ROOM_FULL, "a");
    assert_ends(rooms, 100, ROOM_FULL, "a");
    assert_int_equal(create_for(rooms, "new", "a", 0, "", 100), ROOM_TAKEN);
    assert_int_equal(create_for(rooms, "newer", "a", 0, "", 100), ROOM_TAKEN);
    assert_int_equal(create_for(rooms, "newest", "a", 0, "", 100), ROOM_NOT_KEPT);
    assert_int_equal(create_for(rooms, "r5", "a", 0, "", 100), ROOM_REPEATED);
}

static void a_room_with_more_actors_than_are_kept_is_never_pushed(void **state)
{
    struct rooms *rooms = *state;

    create(rooms, "a", 0);
    for (uint32_t nr = 2; nr <= limits.actors; nr++)
        assert_int_equal(join(rooms, "b", nr, 0), ROOM_TAKEN);
    assert_int_equal(join(rooms, "c", 99, 0), ROOM_NOT_KEPT);
    assert_ends(rooms, FORM_MS, ROOM_INCOMPLETE, "ab");
}

static void a_room_that_expects_more_than_are_kept_is_never_pushed(void **state)
{
    struct rooms *rooms = *state;
    struct room_hook create = hook(ROOM_CREATE, "room", "a", 1);
    klp_text expected[16];
    char ids[16][4];

    for (size_t i = 0; i < 16; i++) {
        snprintf(ids[i], sizeof ids[i], "u%zu", i);
        expected[i] = klp_cstr(ids[i]);
    }
    create.expected = expected;
    create.expected_count = 15;
    assert_int_equal(rooms_take(rooms, &create, 0), ROOM_TAKEN);
    create.game_id = klp_cstr("other");
    create.expected_count = 16;
    assert_int_equal(rooms_take(rooms, &create, 1), ROOM_NOT_KEPT);
    assert_ends(rooms, FORM_MS, ROOM_TIME_UP, "a");
    assert_ends(rooms, FORM_MS + 1, ROOM_INCOMPLETE, "a");
}

/* Whatever comes, with hardly any memory: a roster that lacks a webhook is never handed out as one to push, and all
 * that was taken comes back (of which AddressSanitizer knows more). */
static void without_memory_no_roster_is_wrong(void **state)
{
    struct random random = {.state = 5};
    size_t pushed = 0, not_kept = 0;

    (void)state;
    for (int round = 0; round < 4000; round++) {
        const struct rooms_limits small = {.rooms = 3,
                                           .actors = 6,
                                           .bytes = 600 + random_below(&random, 3000),
                                           .form_ms = FORM_MS,
                                           .forget_ms = FORGET_MS};
        struct rooms *rooms = rooms_new(&small);
        static const char *const names[] = {"r", "s", "t", "u"};
        bool is_lacking[4] = {false}, is_in[4][8] = {{false}}, was_left[4][8] = {{false}}, is_created[4] = {false},
             is_known[4] = {false};
        assert_non_null(rooms);

        for (uint64_t now_ms = 0; now_ms < 30; now_ms++) {
            uint32_t room = random_below(&random, 4), user = random_below(&random, 8);
            char id[400];
            snprintf(id, sizeof id, "%c%0*d", (char)('a' + user), user % 2 ? 301 : 1, 0);
            enum room_hook_kind kind = user == 0 ? ROOM_CREATE : random_below(&random, 3) ? ROOM_JOIN : ROOM_LEAVE;
            struct room_hook any = hook(kind, names[room], id, user + 1);
            enum room_taken taken = rooms_take(rooms, &any, now_ms);
            not_kept += taken == ROOM_NOT_KEPT;
            is_lacking[room] |= is_known[room] && taken == ROOM_NOT_KEPT;
            is_known[room] |= taken != ROOM_NOT_KEPT;
            if (!is_known[room])
                continue;
            is_created[room] |= kind == ROOM_CREATE;
            was_left[room][user] |= kind == ROOM_LEAVE;
            is_in[room][user] |= kind != ROOM_LEAVE;
        }

        struct room_roster roster;
        while (rooms_next(rooms, 2 * FORM_MS, &roster)) {
            size_t room = (size_t)(*roster.game_id.data - 'r'), count = 0;
            if (roster.end < ROOM_EMPTY) {
                assert_true(is_created[room]);
                assert_false(is_lacking[room]);
                for (size_t user = 0; user < 8; user++)
                    count += is_in[room][user] && !was_left[room][user];
                assert_int_equal(roster.player_count, count);
                pushed++;
            }
            rooms_settle(rooms, 2 * FORM_MS);
        }
        assert_false(rooms_next(rooms, UINT32_MAX, &roster));
        rooms_free(rooms);
    }
    assert_true(pushed > 100 && not_kept > 100); /* else it proves nothing */
}

int main(void)
{
#define ROOMS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_roster_is_final_when_all_who_were_expected_are_in),
        ROOMS_TEST(who_was_expected_and_has_left_is_waited_for),
        ROOMS_TEST(a_roster_is_final_when_the_room_is_full),
        ROOMS_TEST(a_room_waits_from_its_create_on),
        ROOMS_TEST(who_may_come_back_keeps_the_place),
        cmocka_unit_test(the_same_webhooks_make_the_same_roster_in_any_order),
        ROOMS_TEST(a_join_without_a_number_is_matched_by_its_user),
        ROOMS_TEST(a_join_without_a_number_that_comes_again_after_its_leave_is_known_by_its_request),
        ROOMS_TEST(a_close_ends_the_wait_with_the_roster_there_is),
        ROOMS_TEST(a_close_before_the_create_waits_for_it),
        ROOMS_TEST(a_close_of_a_room_that_is_not_known_keeps_nothing),
        ROOMS_TEST(a_room_that_all_have_left_has_no_roster),
        ROOMS_TEST(a_room_whose_create_never_came_has_no_roster),
        ROOMS_TEST(who_leaves_rooms_of_before_a_restart_is_not_worth_a_word),
        ROOMS_TEST(a_room_that_could_not_be_created_has_no_roster),
        ROOMS_TEST(rooms_that_form_are_told_when_they_are_abandoned),
        ROOMS_TEST(a_create_that_comes_again_is_that_of_the_same_room),
        ROOMS_TEST(a_create_after_the_close_is_another_room),
        ROOMS_TEST(a_create_by_another_user_says_that_the_room_before_is_closed),
        ROOMS_TEST(a_room_is_forgotten_a_while_after_its_last_webhook),
        ROOMS_TEST(rooms_of_one_name_in_two_regions_are_two),
        ROOMS_TEST(rooms_that_are_final_make_room_for_new_ones_and_those_that_form_do_not),
        ROOMS_TEST(a_room_with_more_actors_than_are_kept_is_never_pushed),
        ROOMS_TEST(a_room_that_expects_more_than_are_kept_is_never_pushed),
        cmocka_unit_test(without_memory_no_roster_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
