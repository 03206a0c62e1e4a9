/* SPDX-License-Identifier: Apache-2.0
 * Files of other releases. */
#include "store_rig.h"

#include <sqlite3.h>

static const char file[] = "mm-eu-1-0123456789abcdef.outbox";

/* As version 1 made it. This is history: nothing in it ever changes. */
static const char version_1[] =
    "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1263292495;"
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE job(id INTEGER PRIMARY KEY, op INTEGER NOT NULL, game_id TEXT NOT NULL, event_key TEXT NOT NULL,"
    " key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, idempotency_offset INTEGER NOT NULL,"
    " idempotency_bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL, accepted_unix_ms INTEGER NOT NULL,"
    " body TEXT NOT NULL);"
    "CREATE TABLE progress(job INTEGER PRIMARY KEY REFERENCES job(id) DEFERRABLE INITIALLY DEFERRED,"
    " attempts INTEGER NOT NULL, attempts_charged INTEGER NOT NULL, sends INTEGER NOT NULL,"
    " http_status INTEGER NOT NULL, last_error TEXT NOT NULL, next_unix_ms INTEGER NOT NULL,"
    " recoveries INTEGER NOT NULL, attempt_open INTEGER NOT NULL, possibly_applied INTEGER NOT NULL);"
    "CREATE TABLE ticket(ticket INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job(id)"
    " DEFERRABLE INITIALLY DEFERRED, cookie INTEGER NOT NULL, accepted_unix_ms INTEGER NOT NULL,"
    " deadline_unix_ms INTEGER NOT NULL, trace_parent TEXT NOT NULL);"
    "CREATE INDEX ticket_of_job ON ticket(job);"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, recoveries INTEGER NOT NULL,"
    " json TEXT NOT NULL);"
    "INSERT INTO meta(name, value) VALUES ('reads_from', 1), ('last_ticket', 100), ('last_seq', 200), ('closed', 1),"
    " ('pusher', 'mm-eu-1'), ('origin', 'https://api.kraty.example:443'), ('key_prefix', 'srv_live_1'),"
    " ('epoch', '0123456789abcdef');"
    "INSERT INTO job VALUES (7, 1, 'g', 'e', 'k', 'POST', '/p', 0, 2, zeroblob(32), 5, '{}');"
    "INSERT INTO progress VALUES (7, 1, 1, 1, 503, 'unavailable', 0, 0, 0, 1);"
    "INSERT INTO ticket VALUES (7, 7, 3, 5, 6, '');"
    "INSERT INTO event VALUES (150, 6, 0, '{\"v\":1}');"
    "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";

static void make(const char *and_then)
{
    char path[512];
    sqlite3 *database;

    rig_path(path, file, "");
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, version_1, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, and_then, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static int64_t ask(const char *question)
{
    char path[512];
    sqlite3 *database;
    sqlite3_stmt *statement;
    int64_t answer = -1;

    rig_path(path, file, "");
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

    assert_string_equal(store_file(store), file);
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

static void a_later_file_that_allows_it_is_used_and_stays_later(void **state)
{
    (void)state;
    make("ALTER TABLE job ADD COLUMN region TEXT NOT NULL DEFAULT 'eu'; ALTER TABLE job ADD COLUMN shard;"
         "ALTER TABLE event ADD COLUMN told INTEGER NOT NULL DEFAULT 5; ALTER TABLE ticket ADD COLUMN x;"
         "ALTER TABLE progress ADD COLUMN y INTEGER NOT NULL DEFAULT 1;"
         "CREATE TABLE failed(seq INTEGER PRIMARY KEY, body TEXT); INSERT INTO failed VALUES (1, 'b');"
         "CREATE INDEX by_key ON job(key); INSERT INTO meta VALUES ('mood', 'good'); PRAGMA user_version = 9");
    assert_is_used_as_ours();
    assert_int_equal(ask("PRAGMA user_version"), 9);
    assert_int_equal(ask("SELECT count(*) FROM failed"), 1);
    assert_int_equal(ask("SELECT count(*) FROM job WHERE region = 'eu' AND shard IS NULL"), 1);
    assert_int_equal(ask("SELECT told FROM event WHERE seq = 201"), 5);
    assert_int_equal(ask("SELECT count(*) FROM meta WHERE name = 'mood'"), 1);
}

static void a_later_file_that_forbids_it_is_refused_and_left_alone(void **state)
{
    klp_text_buffer why = {0};
    struct store *store;

    (void)state;
    make("UPDATE meta SET value = 2 WHERE name = 'reads_from'; PRAGMA user_version = 9");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, &why),
                         STORE_TOO_NEW);
        assert_non_null(strstr(why.data, "version 9"));
        assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_TOO_NEW);
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
    };

    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char path[512];
        struct store *store;
        make(losses[i]);
        assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL),
                         STORE_DAMAGED);
        rig_path(path, file, "");
        assert_int_equal(unlink(path), 0);
        rig_path(path, file, "-wal");
        unlink(path);
        rig_path(path, file, "-shm");
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
        rig_path(path, file, "");
        assert_int_equal(unlink(path), 0);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_file_of_version_1_is_used),
        STORE_TEST(a_later_file_that_allows_it_is_used_and_stays_later),
        STORE_TEST(a_later_file_that_forbids_it_is_refused_and_left_alone),
        STORE_TEST(a_file_that_lacks_something_is_damaged),
        STORE_TEST(a_record_that_makes_no_sense_is_damage),
    };
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
