/* SPDX-License-Identifier: Apache-2.0
 * Files of other releases. */
#include "store_rig.h"

#include "store_history.h"

static void make(const char *and_then)
{
    history_exec(history_version_1);
    history_exec(and_then);
}

static int64_t ask(const char *question)
{
    char path[512];
    sqlite3 *database;
    sqlite3_stmt *statement;
    int64_t answer = -1;

    rig_path(path, history_file, "");
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, question, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return answer;
}

static void assert_is_used_as_ours(void)
{
    struct store *store = rig_open();

    assert_string_equal(store_file(store), history_file);
    assert_int_equal(store_facts(store)->last_ticket, 100);
    assert_int_equal(store_facts(store)->last_seq, 200);
    rig_assert_holds(store, 1, 1, 1);
    assert_int_equal(rig_put(store, 101), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(rig_conclude(store, 201, 7), STORE_OK);
    assert_int_equal(store_forget_event(store, 150), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 1);
    store_close(store);
}

static void a_file_of_version_1_is_used(void **state)
{
    (void)state;
    make("");
    assert_is_used_as_ours();
}

static void a_file_of_version_1_gains_what_it_lacks(void **state)
{
    struct store *view, *store;

    (void)state;
    make("");
    assert_int_equal(store_view(rig_directory, history_file, &view, NULL), STORE_OK); /* which changes nothing */
    rig_assert_holds(view, 1, 1, 1);
    rig_assert_failed(view, 0, 0);
    store_close(view);
    assert_int_equal(ask("PRAGMA user_version"), 1);
    store = rig_open();
    assert_int_equal(rig_fail(store, 201, 7, 1000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    assert_int_equal(ask("PRAGMA user_version"), 2);
    store = rig_open();
    rig_assert_holds(store, 0, 0, 2);
    rig_assert_failed(store, 1, 7);
    store_close(store);
}

/* Whoever it belongs to may have the older release. */
static void an_older_file_that_is_not_ours_stays_as_it_is(void **state)
{
    struct store_owner other = rig_owner;
    struct store *store;

    (void)state;
    other.origin = klp_cstr("https://other.example:443");
    make("");
    assert_int_equal(store_adopt(rig_directory, history_file, &other, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                     STORE_FOREIGN);
    assert_int_equal(ask("PRAGMA user_version"), 1);
    assert_int_equal(ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'failed%'"), 0);
}

static void version_1_uses_a_file_of_ours(void **state)
{
    char path[512];
    sqlite3 *database;
    struct store *store = rig_open();

    (void)state;
    rig_path(path, store_file(store), "");
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(rig_fail(store, 2, 2, 1000), STORE_OK);
    assert_int_equal(rig_conclude(store, 3, 3), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);

    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, history_writing_of_version_1, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof history_reading_of_version_1 / sizeof *history_reading_of_version_1; i++) {
        sqlite3_stmt *statement;
        assert_int_equal(sqlite3_prepare_v2(database, history_reading_of_version_1[i], -1, &statement, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        sqlite3_finalize(statement);
    }
    sqlite3_stmt *reads_from;
    assert_int_equal(
        sqlite3_prepare_v2(database, "SELECT value FROM meta WHERE name = 'reads_from'", -1, &reads_from, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(reads_from), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(reads_from, 0), 1);
    sqlite3_finalize(reads_from);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);

    store = rig_open();
    rig_assert_holds(store, 1, 1, 2);
    rig_assert_failed(store, 1, 2);
    assert_int_equal(store_facts(store)->last_ticket, 1001);
    store_close(store);
}

static void a_later_file_that_allows_it_is_used_and_stays_later(void **state)
{
    (void)state;
    make(history_version_2);
    history_exec("ALTER TABLE job ADD COLUMN region TEXT NOT NULL DEFAULT 'eu'; ALTER TABLE job ADD COLUMN shard;"
                 "ALTER TABLE event ADD COLUMN told INTEGER NOT NULL DEFAULT 5; ALTER TABLE ticket ADD COLUMN x;"
                 "ALTER TABLE progress ADD COLUMN y INTEGER NOT NULL DEFAULT 1;"
                 "ALTER TABLE failed ADD COLUMN z INTEGER NOT NULL DEFAULT 6;"
                 "CREATE TABLE bid(seq INTEGER PRIMARY KEY, body TEXT); INSERT INTO bid VALUES (1, 'b');"
                 "CREATE INDEX by_key ON job(key); INSERT INTO meta VALUES ('mood', 'good'); PRAGMA user_version = 9");
    assert_is_used_as_ours();
    assert_int_equal(ask("PRAGMA user_version"), 9);
    assert_int_equal(ask("SELECT count(*) FROM bid"), 1);
    assert_int_equal(ask("SELECT count(*) FROM job WHERE region = 'eu' AND shard IS NULL"), 1);
    assert_int_equal(ask("SELECT told FROM event WHERE seq = 201"), 5);
    assert_int_equal(ask("SELECT count(*) FROM meta WHERE name = 'mood'"), 1);
    struct store *store = rig_open();
    assert_int_equal(rig_fail(store, 202, 101, 1000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_failed(store, 1, 101);
    store_close(store);
    assert_int_equal(ask("SELECT z FROM failed WHERE ticket = 101"), 6);
}

static void a_later_file_that_forbids_it_is_refused_and_left_alone(void **state)
{
    klp_text_buffer why = {0};
    struct store *store;

    (void)state;
    make("UPDATE meta SET value = 9 WHERE name = 'reads_from'; PRAGMA user_version = 9");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, &why),
                         STORE_TOO_NEW);
        assert_non_null(strstr(why.data, "version 9"));
        assert_int_equal(store_view(rig_directory, history_file, &store, NULL), STORE_TOO_NEW);
    }
    assert_int_equal(ask("SELECT value FROM meta WHERE name = 'closed'"), 1);
}

static void a_file_that_lacks_something_is_damaged(void **state)
{
    static const char *const losses[] = {
        "DROP TABLE event",
        "DROP TABLE meta",
        "ALTER TABLE ticket DROP COLUMN trace_parent",
        "DELETE FROM meta WHERE name = 'epoch'",
        "DELETE FROM meta WHERE name = 'origin'",
        "DELETE FROM meta WHERE name = 'reads_from'",
        "DELETE FROM meta WHERE name = 'last_seq'",
        "UPDATE meta SET value = 'x' WHERE name = 'epoch'",
        "UPDATE meta SET value = -1 WHERE name = 'last_ticket'",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 2", /* which has a table more */
    };

    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char path[512];
        struct store *store;
        make(losses[i]);
        assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL),
                         STORE_DAMAGED);
        rig_path(path, history_file, "");
        assert_int_equal(unlink(path), 0);
        rig_path(path, history_file, "-wal");
        unlink(path);
        rig_path(path, history_file, "-shm");
        unlink(path);
    }
}

static void a_record_that_makes_no_sense_is_damage(void **state)
{
    static const char *const losses[] = {
        "UPDATE job SET fingerprint = x'00'",
        "UPDATE job SET idempotency_offset = 1",
        "UPDATE job SET op = 'x'",
        "UPDATE progress SET sends = -1",
        "UPDATE progress SET attempt_open = 2",
        "DELETE FROM progress",
        "UPDATE job SET body = x'7b7d'",
        "UPDATE job SET idempotency_bytes = 4294967296",
        "UPDATE event SET recoveries = 5000000000",
        "UPDATE event SET json = x'31'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char path[512];
        struct rig_census census;
        make(losses[i]);
        struct store *store = rig_open();
        assert_int_equal(rig_census(store, &census), STORE_DAMAGED);
        assert_int_equal(rig_put(store, 101), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        store_close(store);
        rig_path(path, history_file, "");
        assert_int_equal(unlink(path), 0);
    }
}

static void a_failed_push_that_makes_no_sense_is_damage(void **state)
{
    static const char *const losses[] = {
        "UPDATE failed SET fingerprint = x'00'", "UPDATE failed SET idempotency_offset = 700",
        "UPDATE failed SET error_code = x'35'",  "UPDATE failed SET outcome = 'x'",
        "UPDATE failed SET body = x'7b7d'",      "UPDATE failed SET ended_unix_ms = 'x'",
        "UPDATE failed SET sends = -1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char path[512];
        struct rig_census census;
        make("");
        struct store *store = rig_open();
        assert_int_equal(rig_put(store, 101), STORE_OK);
        assert_int_equal(rig_fail(store, 201, 101, 1000), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        store_close(store);
        history_exec(losses[i]);
        store = rig_open();
        assert_int_equal(rig_census(store, &census), STORE_DAMAGED);
        assert_int_equal(store_requeue(store, 101, 102, NULL, 1000), STORE_DAMAGED);
        assert_int_equal(rig_put(store, 103), STORE_OK);
        assert_int_equal(store_expire_failed(store, 0, 0), STORE_OK); /* it does not stay for ever */
        assert_int_equal(store_commit(store), STORE_OK);
        assert_int_equal(store_facts(store)->failed, 0);
        store_close(store);
        rig_path(path, history_file, "");
        assert_int_equal(unlink(path), 0);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_file_of_version_1_is_used),
        STORE_TEST(a_file_of_version_1_gains_what_it_lacks),
        STORE_TEST(an_older_file_that_is_not_ours_stays_as_it_is),
        STORE_TEST(version_1_uses_a_file_of_ours),
        STORE_TEST(a_later_file_that_allows_it_is_used_and_stays_later),
        STORE_TEST(a_later_file_that_forbids_it_is_refused_and_left_alone),
        STORE_TEST(a_file_that_lacks_something_is_damaged),
        STORE_TEST(a_record_that_makes_no_sense_is_damage),
        STORE_TEST(a_failed_push_that_makes_no_sense_is_damage),
    };
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
