/* SPDX-License-Identifier: Apache-2.0
 * Few keys, few rosters, many threads, a server that fails in all its ways, cancels at random: every push has one
 * verdict, and none says that a roster is not there which is. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "rosters.h"

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
enum { PUSHES = 3000 };
#else
enum { PUSHES = 6000 };
#endif
enum { THREADS = 3, KEYS_AT_A_TIME = 5, PUSHES_OF_A_KEY = 60 };

struct soak {
    struct rig *rig;
    atomic_uint next; /* the next push's number, from 1 */
    atomic_bool is_done;
    unsigned seed;
};

/* All of a push follows from its number. */
static unsigned mixed(unsigned number, unsigned salt)
{
    uint64_t mixed = (number * UINT64_C(0x9e3779b97f4a7c15)) ^ (salt * UINT64_C(0xc2b2ae3d27d4eb4f));
    mixed ^= mixed >> 29;
    mixed *= UINT64_C(0xbf58476d1ce4e5b9);
    return (unsigned)(mixed >> 33);
}

static void key_of(unsigned number, char *key, size_t size)
{
    unsigned window = number / (KEYS_AT_A_TIME * PUSHES_OF_A_KEY);
    snprintf(key, size, "k-%u-%u", window, mixed(number, 1) % KEYS_AT_A_TIME);
}

static const char *player_of(unsigned number)
{
    static const char *const players[] = {"alice", "bob", "carol"};
    return players[mixed(number, 2) % 3];
}

static void *push_some(void *argument)
{
    struct soak *soak = argument;
    unsigned number;

    while ((number = atomic_fetch_add(&soak->next, 1)) <= PUSHES) {
        static const uint32_t deadlines_ms[] = {1, 5, 20, 60, 200, 1000, 0, 0};
        char key[32], stamp[32];
        klp_ticket ticket;
        klp_status status;

        key_of(number, key, sizeof key);
        snprintf(stamp, sizeof stamp, "%u", number);
        struct roster given = roster(key, player_of(number), number, .idempotency_key = stamp,
                                     .deadline_ms = deadlines_ms[mixed(number, 3) % 8]);
        while ((status = try_roster(soak->rig, &given, &ticket)) == KLP_E_QUEUE_FULL)
            rig_blink();
        if (status) /* no assertion in a thread of our own */
            abort();
        if (mixed(number, 4) % 5 == 0)
            soak->rig->klp->cancel(soak->rig->pusher, ticket);
        if (mixed(number, 5) % 4 == 0)
            rig_blink();
    }
    return NULL;
}

static void *cancel_some(void *argument)
{
    struct soak *soak = argument;
    unsigned seed = 11;

    while (!atomic_load(&soak->is_done)) {
        unsigned newest = atomic_load(&soak->next);
        unsigned back = (unsigned)rand_r(&seed) % 60 + 1;
        if (newest > back)
            soak->rig->klp->cancel(soak->rig->pusher, newest - back);
        rig_blink();
    }
    return NULL;
}

static void script_all_that_can_fail(struct rig *rig)
{
    sandbox_script(rig->sandbox,
                   "[{\"match\":{\"op\":\"push\"},\"share_permille\":60,\"seed\":1,\"action\":{\"status\":503}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":40,\"seed\":2,\"action\":{\"status\":503,"
                   "\"apply\":true}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":60,\"seed\":3,\"action\":{\"reset_after\":true}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":40,\"seed\":4,\"action\":{\"reset_before\":true}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":40,\"seed\":5,\"action\":{\"cut_body\":true}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":80,\"seed\":6,\"action\":{\"status\":403,"
                   "\"code\":\"forbidden\"}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":20,\"seed\":7,\"action\":{\"status\":429,"
                   "\"headers\":{\"Retry-After\":\"0\"}}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":100,\"seed\":8,\"action\":{\"delay_ms\":40}},"
                   "{\"match\":{\"op\":\"push\"},\"share_permille\":100,\"seed\":9,\"action\":{\"delay_ms\":80,"
                   "\"apply_late\":true}}]");
}

struct told {
    int32_t outcome;
    unsigned count, joined, attempts;
};

/* The push whose request made a lobby was told so, or that it may have. */
static void assert_no_lobby_was_denied(struct rig *rig, const struct told *told)
{
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, effects = 0;

    json_array_foreach(log, i, arrival)
    {
        if (!json_is_true(json_object_get(arrival, "applied")))
            continue;
        json_t *body = json_loads(json_string_value(json_object_get(arrival, "body")), 0, NULL);
        const char *stamp = sandbox_text_at(body, "idempotencyKey");
        unsigned number = stamp ? (unsigned)strtoul(stamp, NULL, 10) : 0;
        if (number >= 1 && number <= PUSHES) {
            effects++;
            if (told[number].outcome == KLP_NOT_APPLIED)
                fail_msg("push %u of %s is not applied, says its verdict", number, sandbox_text_at(body, "key"));
            assert_string_equal(sandbox_text_at(body, "externalPlayerIds.0"), player_of(number));
        }
        json_decref(body);
    }
    assert_int_equal(json_array_size(log), sandbox_stat(rig->sandbox, "requests"));
    assert_int_equal(effects, sandbox_lobby_count(rig->sandbox));
    json_decref(log);
}

/* Nobody is told that another roster than the one that is there was applied. */
static void assert_no_lobby_was_made_up(struct rig *rig, const struct told *told)
{
    json_t *lobbies = sandbox_lobbies(rig->sandbox), *lobby, *rosters = json_object();
    char key[32];
    size_t i;

    json_array_foreach(lobbies, i, lobby)
    {
        json_object_set_new(rosters, sandbox_text_at(lobby, "key"), json_incref(lobby));
    }
    for (unsigned number = 1; number <= PUSHES; number++) {
        if (told[number].outcome != KLP_APPLIED)
            continue;
        key_of(number, key, sizeof key);
        json_t *players = json_object_get(json_object_get(rosters, key), "players");
        const char *player = json_string_value(json_array_get(players, 0));
        if (!player || strcmp(player, player_of(number)) != 0)
            fail_msg("push %u of %s is applied, says its verdict; there is %s", number, key, player ? player : "none");
    }
    json_decref(rosters);
    json_decref(lobbies);
}

static void every_push_has_one_verdict_and_none_denies_a_lobby_that_is_there(void **state)
{
    struct rig *rig = *state;
    static struct told told[PUSHES + 1];
    struct soak soak = {.rig = rig};
    pthread_t threads[THREADS + 1];
    klp_config config = rig_config(rig);
    size_t by_outcome[4] = {0}, joined = 0;

    config.max_attempts = 3;
    config.backoff_initial_ms = 2;
    config.backoff_max_ms = 8;
    config.deadline_ms = 4000;
    config.max_queued = 64;
    atomic_init(&soak.next, 1);
    atomic_init(&soak.is_done, false);
    script_all_that_can_fail(rig);
    rig_open(rig, &config);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_some, &soak), 0);
    assert_int_equal(pthread_create(&threads[THREADS], NULL, cancel_some, &soak), 0);
    for (size_t i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_in_range(event->cookie, 1, PUSHES);
        told[event->cookie] =
            (struct told){event->outcome, told[event->cookie].count + 1, (unsigned)event->joined, event->attempts};
        assert_int_equal(told[event->cookie].count, 1);
        assert_in_range(event->outcome, KLP_APPLIED, KLP_POSSIBLY_APPLIED);
        if (event->attempts > config.max_attempts && !klp_event_has_code(event, KLP_CODE_CANCELLED))
            assert_true(event->attempts <= config.max_attempts + 20); /* those that a 429 explains are not charged */
        assert_true(event->elapsed_us < 10000000);
        by_outcome[event->outcome]++;
        joined += event->joined != 0;
        rig_ack(rig, event);
    }
    atomic_store(&soak.is_done, true);
    for (size_t i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
    struct verdicts none = {rig, {0}};
    end_verdicts(&none);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.accepted, PUSHES);
    assert_int_equal(stats.joined, joined);
    assert_int_equal(stats.applied + stats.not_applied + stats.possibly_applied, PUSHES);
    print_message("  %zu applied, %zu not, %zu possibly; %zu joined; %llu attempts\n", by_outcome[KLP_APPLIED],
                  by_outcome[KLP_NOT_APPLIED], by_outcome[KLP_POSSIBLY_APPLIED], joined,
                  (unsigned long long)stats.attempts);
    assert_true(by_outcome[KLP_APPLIED] > 0 && by_outcome[KLP_NOT_APPLIED] > 0 && joined > 0);
    rig_close(rig);
    sandbox_settle(rig->sandbox);
    assert_no_lobby_was_denied(rig, told);
    assert_no_lobby_was_made_up(rig, told);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_push_has_one_verdict_and_none_denies_a_lobby_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
