/* SPDX-License-Identifier: Apache-2.0
 * What a host hands in: every refusal names its field and its reason, and leaves nothing behind. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

static const klp_api *klp;
static klp_pusher *pusher; /* before a port that refuses: what slips through ends as network_error */
static char base_url[64];

static klp_config config_of_test(void)
{
    klp_config config = KLP_CONFIG_INIT;
    config.base_url = klp_cstr(base_url);
    config.api_key = klp_cstr("test.secret-part-of-the-key");
    config.max_attempts = 1;
    return config;
}

static int open_pusher(void **state)
{
    klp_text_buffer why = {0};

    (void)state;
    klp = rig_load();
    snprintf(base_url, sizeof base_url, "http://127.0.0.1:%u", rig_closed_port());
    klp_config config = config_of_test();
    if (klp->open(&config, &pusher, &why))
        fail_msg("open: %s", why.data);
    return 0;
}

static int close_pusher(void **state)
{
    (void)state;
    return klp->close(pusher);
}

/* ─── push ──────────────────────────────────────────────────────────────────────────────────────── */

static klp_lobby lobby_of_test(void)
{
    klp_lobby lobby = rig_lobby("match-1");
    lobby.game_id = klp_cstr("game_1");
    return lobby;
}

static void refused(const klp_lobby *lobby, const char *reason)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 77;
    klp_stats before = KLP_STATS_INIT, after = KLP_STATS_INIT;

    klp->stats(pusher, &before);
    assert_int_equal(klp->push(pusher, lobby, &ticket, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, reason);
    assert_int_equal(why.size, strlen(reason));
    klp->stats(pusher, &after);
    assert_int_equal(after.accepted, before.accepted);
    assert_int_equal(after.queued_bytes, before.queued_bytes);
}

static void accepted(const klp_lobby *lobby)
{
    klp_text_buffer why = {0};
    const klp_event *event;

    if (klp->push(pusher, lobby, NULL, &why))
        fail_msg("push: %s", why.data);
    assert_int_equal(klp->next_event(pusher, 10000, &event), KLP_OK);
    assert_text(event->error_code, "network_error");
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    klp->ack(pusher, event);
}

static char long_text[1 << 20];

static klp_text text_of(char byte, size_t size)
{
    memset(long_text, byte, size);
    return (klp_text){long_text, size};
}

static void an_id_is_refused_by_name(void **state)
{
    klp_lobby lobby;

    (void)state;
    lobby = lobby_of_test(), lobby.game_id = klp_cstr(NULL);
    refused(&lobby, "game_id is empty");
    lobby = lobby_of_test(), lobby.game_id = klp_cstr(".");
    refused(&lobby, "game_id is \".\", which would be a path step");
    lobby = lobby_of_test(), lobby.event_key = klp_cstr("..");
    refused(&lobby, "event_key is \"..\", which would be a path step");
    lobby = lobby_of_test(), lobby.event_key = klp_cstr("");
    refused(&lobby, "event_key is empty");
    lobby = lobby_of_test(), lobby.key = klp_cstr("");
    refused(&lobby, "key is empty");
    lobby = lobby_of_test(), lobby.key = klp_cstr("match\xc0\xaf-1");
    refused(&lobby, "key has 2 bytes of invalid UTF-8 at 5");
    lobby = lobby_of_test(), lobby.key = klp_cstr("\xff");
    refused(&lobby, "key has 1 byte of invalid UTF-8 at 0");
    lobby = lobby_of_test(), lobby.key = (klp_text){"a\0b", 3};
    refused(&lobby, "key has a NUL byte at 1");
    lobby = lobby_of_test(), lobby.key = (klp_text){NULL, 3};
    refused(&lobby, "key has a size of 3 and no data");
    lobby = lobby_of_test(), lobby.key = (klp_text){"x", SIZE_MAX};
    refused(&lobby, "key is 18446744073709551615 bytes, more than 1024");
}

static void an_id_of_1024_bytes_is_the_longest(void **state)
{
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.key = text_of('k', 1024);
    accepted(&lobby);
    lobby.key = text_of('k', 1025);
    refused(&lobby, "key is 1025 bytes, more than 1024");
    lobby = lobby_of_test(), lobby.event_key = text_of('%', 1024), lobby.game_id = lobby.event_key;
    accepted(&lobby); /* the longest path there is */
    lobby.event_key = text_of('%', 1025);
    refused(&lobby, "event_key is 1025 bytes, more than 1024");
}

static void a_player_is_refused_by_its_index(void **state)
{
    klp_text players[] = {KLP_LIT("a"), KLP_LIT("b"), KLP_LIT("c"), KLP_LIT("d")};
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.player_ids = players;
    lobby.player_count = 4;
    players[3] = klp_cstr("");
    refused(&lobby, "player_ids[3] is empty");
    players[3] = klp_cstr("b");
    refused(&lobby, "player_ids[3] is the same as player_ids[1]");
    players[3] = klp_cstr("x\xed\xa0\x80");
    refused(&lobby, "player_ids[3] has 3 bytes of invalid UTF-8 at 1");
    players[3] = text_of('p', 1025);
    refused(&lobby, "player_ids[3] is 1025 bytes, more than 1024");
    players[3] = text_of('p', 1024);
    accepted(&lobby);
    lobby.player_count = 0;
    refused(&lobby, "player_ids is empty");
    lobby.player_ids = NULL;
    lobby.player_count = 2;
    refused(&lobby, "player_ids is NULL, player_count is 2");
}

static void ten_thousand_players_are_the_most(void **state)
{
    static char ids[10001][16];
    static klp_text players[10001];
    klp_lobby lobby = lobby_of_test();

    (void)state;
    for (int i = 0; i < 10001; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        players[i] = klp_cstr(ids[i]);
    }
    lobby.player_ids = players;
    lobby.player_count = 10000;
    accepted(&lobby);
    players[9999] = players[17];
    refused(&lobby, "player_ids[9999] is the same as player_ids[17]");
    lobby.player_count = 10001;
    refused(&lobby, "player_count is 10001, more than 10000");
    lobby.player_count = SIZE_MAX;
    refused(&lobby, "player_count is 18446744073709551615, more than 10000");
}

static void numbers_are_checked_against_the_roster(void **state)
{
    klp_text players[] = {KLP_LIT("a"), KLP_LIT("b"), KLP_LIT("c"), KLP_LIT("d")};
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.player_ids = players;
    lobby.player_count = 4;
    lobby.capacity = 3;
    refused(&lobby, "capacity 3 is below the 4 players given");
    lobby.capacity = 4;
    accepted(&lobby);
    lobby.deadline_ms = 604800001;
    refused(&lobby, "deadline_ms is 604800001, more than 604800000");
    lobby.deadline_ms = 604800000;
    accepted(&lobby);
    lobby.fill_bots = 3;
    refused(&lobby, "fill_bots is 3: not one of KLP_FILL_BOTS_…");
    lobby.fill_bots = -1;
    refused(&lobby, "fill_bots is -1: not one of KLP_FILL_BOTS_…");
    lobby.fill_bots = KLP_FILL_BOTS_YES;
    lobby.flags = 4;
    refused(&lobby, "flags 0x4 are not known to this library");
    lobby.flags = 0;
    lobby.reserved = 1;
    refused(&lobby, "reserved is not 0");
}

static void metadata_is_one_json_object(void **state)
{
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.metadata_json = klp_cstr("{\"map\":\"mill\" \"a\":1}");
    refused(&lobby, "metadata_json is not one JSON object: expected ',' or '}' at 14");
    lobby.metadata_json = klp_cstr("{\"map\": {\"a\" 1}}");
    refused(&lobby, "metadata_json is not one JSON object: expected ':' at 13");
    lobby.metadata_json = klp_cstr("[1]");
    refused(&lobby, "metadata_json is not one JSON object: expected '{' at 0");
    lobby.metadata_json = klp_cstr("  ");
    refused(&lobby, "metadata_json is not one JSON object: expected '{' at 2");
    lobby.metadata_json = klp_cstr("{} {}");
    refused(&lobby, "metadata_json is not one JSON object: text after the end at 3");
    lobby.metadata_json = (klp_text){NULL, 2};
    refused(&lobby, "metadata_json has a size of 2 and no data");
    lobby.metadata_json = klp_cstr(" {\"a\":[{}]} ");
    accepted(&lobby);
}

static klp_text metadata_of(size_t size)
{
    memset(long_text, 'm', size);
    memcpy(long_text, "{\"m\":\"", 6);
    memcpy(long_text + size - 2, "\"}", 2);
    return (klp_text){long_text, size};
}

static void metadata_is_bounded_in_bytes_and_depth(void **state)
{
    klp_lobby lobby = lobby_of_test();
    klp_text_buffer why = {0};

    (void)state;
    lobby.metadata_json = metadata_of(262144);
    accepted(&lobby);
    lobby.metadata_json = metadata_of(262145);
    refused(&lobby, "metadata_json is 262145 bytes, more than 262144");

    char deep[200] = "";
    for (int depth = 30; depth <= 31; depth++) {
        deep[0] = '\0';
        for (int i = 0; i < depth; i++)
            strcat(deep, i ? "[" : "{\"a\":");
        for (int i = 0; i < depth; i++)
            strcat(deep, i < depth - 1 ? "]" : "}");
        lobby.metadata_json = klp_cstr(deep);
        if (depth <= 30) {
            accepted(&lobby);
            continue;
        }
        assert_int_equal(klp->push(pusher, &lobby, NULL, &why), KLP_E_INVALID_ARGUMENT);
        assert_non_null(strstr(why.data, "metadata_json is not one JSON object: nested"));
    }
}

static void a_body_of_one_mebibyte_is_the_largest(void **state)
{
    enum { PLAYERS = 1000 };
    static char ids[PLAYERS][1024];
    static klp_text players[PLAYERS];
    klp_lobby lobby = lobby_of_test();

    (void)state;
    for (int i = 0; i < PLAYERS; i++) {
        memset(ids[i], 'x', sizeof ids[i]);
        snprintf(ids[i], 12, "%010d", i);
        ids[i][10] = '-', ids[i][11] = '-';
        players[i] = (klp_text){ids[i], sizeof ids[i]};
    }
    lobby.player_ids = players;
    lobby.player_count = PLAYERS;
    /* {"key":"match-1","externalPlayerIds":[…],"metadata":…,"idempotencyKey":"…"} */
    size_t without_metadata = strlen("{\"key\":\"match-1\",\"externalPlayerIds\":[") + PLAYERS * (1024 + 3) - 1 +
                              strlen("],\"metadata\":,\"idempotencyKey\":\"\"}") + 36;
    lobby.metadata_json = metadata_of(1048576 - without_metadata);
    accepted(&lobby);
    lobby.metadata_json = metadata_of(1048576 - without_metadata + 1);
    refused(&lobby, "the lobby makes a body of 1048577 bytes, more than 1048576");
}

static void an_idempotency_key_is_printable_ascii(void **state)
{
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.idempotency_key = klp_cstr("my own \"key\"");
    accepted(&lobby);
    lobby.idempotency_key = klp_cstr("\xc3\xa9");
    refused(&lobby, "idempotency_key has byte 0xc3 at 0: printable ASCII only");
    lobby.idempotency_key = text_of('i', 256);
    refused(&lobby, "idempotency_key is 256 bytes, more than 255, or has no data");
}

static void a_struct_of_another_size_is_taken_or_refused_by_name(void **state)
{
    struct {
        klp_lobby lobby;
        uint64_t future;
    } larger = {.lobby = lobby_of_test()};
    klp_lobby lobby = lobby_of_test();
    klp_text_buffer why = {0};

    (void)state;
    lobby.struct_size = 0;
    refused(&lobby, "klp_lobby.struct_size is 0: start from the type's _INIT");
    lobby.struct_size = 3;
    refused(&lobby, "klp_lobby.struct_size is 3: start from the type's _INIT");
    lobby.struct_size = UINT32_MAX;
    refused(&lobby, "klp_lobby.struct_size is 4294967295: start from the type's _INIT");
    lobby = lobby_of_test();
    lobby.struct_size = offsetof(klp_lobby, metadata_json);
    lobby.metadata_json = klp_cstr("not looked at");
    accepted(&lobby);
    larger.lobby.struct_size = sizeof larger;
    accepted(&larger.lobby);
    larger.future = 1;
    assert_int_equal(klp->push(pusher, &larger.lobby, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "klp_lobby has a field at byte "));
    assert_int_equal(klp->push(pusher, NULL, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "klp_lobby is NULL");
}

static void null_and_unknown_pointers_are_refused(void **state)
{
    klp_text_buffer why = {0};
    const klp_event *event = (const klp_event *)&why;
    klp_event stranger = {0};
    klp_lobby lobby = lobby_of_test();
    klp_event *decoded = (klp_event *)&why;
    int fd;

    (void)state;
    assert_int_equal(klp->push(NULL, &lobby, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "pusher is NULL");
    assert_int_equal(klp->push(pusher, NULL, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->next_event(NULL, 0, &event), KLP_E_INVALID_ARGUMENT);
    assert_null(event);
    assert_int_equal(klp->next_event(pusher, 0, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->ack(pusher, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->ack(pusher, &stranger), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->event_fd(pusher, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->event_fd(NULL, &fd), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->flush(NULL, 0), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->stop(NULL, 0), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->stats(pusher, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(klp->decode_event(NULL, 0, &decoded, &why), KLP_E_INVALID_ARGUMENT);
    assert_null(decoded);
    assert_int_equal(klp->decode_event("", 0, NULL, &why), KLP_E_INVALID_ARGUMENT);
    klp->free_event(NULL);
    assert_int_equal(klp->close(NULL), KLP_OK);
}

static void read_checks_its_ids(void **state)
{
    klp_text_buffer why = {0};
    klp_text none = KLP_TEXT_NONE, game = KLP_LIT("g"), lobby = KLP_LIT("l"), step = KLP_LIT("..");

    (void)state;
    assert_int_equal(klp->read(pusher, none, lobby, 0, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "game_id is empty");
    assert_int_equal(klp->read(pusher, game, none, 0, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "lobby_id is empty");
    assert_int_equal(klp->read(pusher, game, step, 0, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "lobby_id is \"..\", which would be a path step");
}

static void a_callers_own_buffer_is_filled_and_emptied(void **state)
{
    char text[10] = "before";
    klp_text_buffer why = {.data = text, .capacity = sizeof text};
    klp_lobby lobby = lobby_of_test();

    (void)state;
    lobby.key = klp_cstr("");
    assert_int_equal(klp->push(pusher, &lobby, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(text, "key is em");
    assert_int_equal(why.size, 9);
    lobby.key = klp_cstr("match-1");
    assert_int_equal(klp->push(pusher, &lobby, NULL, &why), KLP_OK);
    assert_string_equal(text, "");
    const klp_event *event;
    assert_int_equal(klp->next_event(pusher, 10000, &event), KLP_OK);
    klp->ack(pusher, event);
}

/* ─── open ──────────────────────────────────────────────────────────────────────────────────────── */

static void open_refuses(const klp_config *config, const char *reason)
{
    klp_text_buffer why = {0};
    klp_pusher *opened = (klp_pusher *)&why;

    assert_int_equal(klp->open(config, &opened, &why), KLP_E_INVALID_ARGUMENT);
    assert_null(opened);
    assert_string_equal(why.data, reason);
    assert_null(strstr(why.data, "secret"));
}

static void open_takes(const klp_config *config)
{
    klp_text_buffer why = {0};
    klp_pusher *opened = NULL;

    if (klp->open(config, &opened, &why))
        fail_msg("open: %s", why.data);
    assert_int_equal(klp->close(opened), KLP_OK);
}

static void a_configuration_is_refused_by_field(void **state)
{
    klp_config config;
    klp_text_buffer why = {0};

    (void)state;
    config = config_of_test(), config.base_url = klp_cstr("http://api.kraty.io");
    open_refuses(&config, "base_url is plain http to api.kraty.io, which is not loopback: use https, or set "
                          "KLP_ALLOW_INSECURE");
    config.flags = KLP_ALLOW_INSECURE;
    open_takes(&config);
    config = config_of_test(), config.flags = 4;
    open_refuses(&config, "flags 0x4 are not known to this library");
    config = config_of_test(), config.game_id = klp_cstr("..");
    open_refuses(&config, "game_id is \"..\", which would be a path step");
    config = config_of_test(), config.name = klp_cstr("\xff");
    open_refuses(&config, "name has 1 byte of invalid UTF-8 at 0");
    config = config_of_test(), config.max_in_flight = 257;
    open_refuses(&config, "max_in_flight is 257: not within 1 and 256");
    config = config_of_test(), config.ca_file = klp_cstr("/nowhere/ca.pem");
    open_refuses(&config, "ca_file cannot be read");
    config = config_of_test(), config.proxy = klp_cstr("user:secret@proxy");
    open_refuses(&config,
                 "proxy does not begin with http://, https://, socks4://, socks4a://, socks5:// or socks5h://");
    config = config_of_test(), config.results_url = klp_cstr("inproc://x");
    open_refuses(&config, "results_url does not begin with ipc:// or tcp://");
    config = config_of_test(), config.results_url = klp_cstr("ipc://");
    open_refuses(&config, "results_url has no path behind ipc://");
    char url[128] = "ipc:///";
    memset(url + 7, 'p', 107);
    config = config_of_test(), config.results_url = klp_cstr(url);
    open_refuses(&config, "results_url has a path of 108 bytes, more than a socket's 107");
    config = config_of_test(), config.results_url = klp_cstr("tcp://no-port");
    open_refuses(&config, "results_url has no port between 1 and 65535 at its end");
    klp_pusher *opened;
    assert_int_equal(klp->open(NULL, &opened, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "klp_config is NULL");
    assert_int_equal(klp->open(&config, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "pusher is NULL");
}

static void a_key_is_refused_without_being_shown(void **state)
{
    klp_config config;
    char key[600];

    (void)state;
    config = config_of_test(), config.api_key = klp_cstr("test.secret with space");
    open_refuses(&config, "api_key has a byte at 11 that is not printable ASCII (a space, a line break, a quote of "
                          "another alphabet?)");
    config.api_key = klp_cstr("test.secret\r\nX-Evil: 1");
    open_refuses(&config, "api_key has a byte at 11 that is not printable ASCII (a space, a line break, a quote of "
                          "another alphabet?)");
    config.api_key = klp_cstr("\xe2\x80\x9csecret");
    open_refuses(&config, "api_key has a byte at 0 that is not printable ASCII (a space, a line break, a quote of "
                          "another alphabet?)");
    memset(key, 'k', sizeof key);
    config.api_key = (klp_text){key, 513};
    open_refuses(&config, "api_key is 513 bytes, more than 512");
    config.api_key = (klp_text){key, 512};
    open_takes(&config);
    config.api_key_file = klp_cstr("/dev/null");
    open_refuses(&config, "api_key and api_key_file are both given: one of them, please");
    config.api_key = klp_cstr(NULL);
    open_refuses(&config, "api_key_file is not a regular file");
    config.api_key_file = klp_cstr("/nowhere/key");
    open_refuses(&config, "api_key_file cannot be opened: No such file or directory");
}

static void the_environment_gives_key_and_url_when_the_host_does_not(void **state)
{
    klp_config config = config_of_test();

    (void)state;
    config.api_key = klp_cstr(NULL);
    unsetenv("KRATY_SERVER_KEY");
    open_refuses(&config, "api_key is missing: set klp_config.api_key or KRATY_SERVER_KEY");
    setenv("KRATY_SERVER_KEY", "bad key", 1);
    open_refuses(&config,
                 "KRATY_SERVER_KEY has a byte at 3 that is not printable ASCII (a space, a line break, a quote "
                 "of another alphabet?)");
    setenv("KRATY_SERVER_KEY", "good.key", 1);
    open_takes(&config);
    config.base_url = klp_cstr(NULL);
    setenv("KRATY_BASE_URL", "http://example.com", 1);
    open_refuses(&config, "KRATY_BASE_URL is plain http to example.com, which is not loopback: use https, or set "
                          "KLP_ALLOW_INSECURE");
    setenv("KRATY_BASE_URL", "http://127.0.0.1:9", 1);
    open_takes(&config);
    unsetenv("KRATY_BASE_URL");
    open_takes(&config); /* https://api.kraty.io; open() does not connect */
    unsetenv("KRATY_SERVER_KEY");
}

static void a_key_file_is_read_without_the_white_space_around_it(void **state)
{
    static const struct {
        const char *content, *reason;
    } files[] = {
        {"test.secret\n", NULL},
        {" \ttest.secret \r\n\n", NULL},
        {"", "api_key_file is empty"},
        {"\n", "api_key_file is empty"},
        {"two.secret\nlines\n",
         "api_key_file has a byte at 10 that is not printable ASCII (a space, a line break, a quote "
         "of another alphabet?)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[] = "/tmp/klp-key-XXXXXX";
        int descriptor = mkstemp(path);
        size_t size = strlen(files[i].content);
        assert_true(descriptor >= 0);
        assert_int_equal(write(descriptor, files[i].content, size), size);
        close(descriptor);
        klp_config config = config_of_test();
        config.api_key = klp_cstr(NULL);
        config.api_key_file = klp_cstr(path);
        if (files[i].reason)
            open_refuses(&config, files[i].reason);
        else
            open_takes(&config);
        unlink(path);
    }
}

static void every_status_and_outcome_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(klp->status_text(KLP_OK), "KLP_OK");
    for (klp_status status = KLP_OK; status <= KLP_E_SIGNATURE; status++)
        assert_memory_equal(klp->status_text(status), "KLP_", 4);
    assert_string_equal(klp->status_text(-1), "unknown klp_status");
    assert_string_equal(klp->status_text(9999), "unknown klp_status");
    assert_string_equal(klp->outcome_text(KLP_OUTCOME_NONE), "");
    assert_string_equal(klp->outcome_text(KLP_APPLIED), "applied");
    assert_string_equal(klp->outcome_text(KLP_NOT_APPLIED), "not_applied");
    assert_string_equal(klp->outcome_text(KLP_POSSIBLY_APPLIED), "possibly_applied");
    assert_string_equal(klp->outcome_text(-1), "");
    assert_string_equal(klp->outcome_text(9999), "");
    assert_string_equal(klp->version(), KLP_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_refused_by_name),
        cmocka_unit_test(an_id_of_1024_bytes_is_the_longest),
        cmocka_unit_test(a_player_is_refused_by_its_index),
        cmocka_unit_test(ten_thousand_players_are_the_most),
        cmocka_unit_test(numbers_are_checked_against_the_roster),
        cmocka_unit_test(metadata_is_one_json_object),
        cmocka_unit_test(metadata_is_bounded_in_bytes_and_depth),
        cmocka_unit_test(a_body_of_one_mebibyte_is_the_largest),
        cmocka_unit_test(an_idempotency_key_is_printable_ascii),
        cmocka_unit_test(a_struct_of_another_size_is_taken_or_refused_by_name),
        cmocka_unit_test(null_and_unknown_pointers_are_refused),
        cmocka_unit_test(read_checks_its_ids),
        cmocka_unit_test(a_callers_own_buffer_is_filled_and_emptied),
        cmocka_unit_test(a_configuration_is_refused_by_field),
        cmocka_unit_test(a_key_is_refused_without_being_shown),
        cmocka_unit_test(the_environment_gives_key_and_url_when_the_host_does_not),
        cmocka_unit_test(a_key_file_is_read_without_the_white_space_around_it),
        cmocka_unit_test(every_status_and_outcome_has_a_text),
    };
    return cmocka_run_group_tests(tests, open_pusher, close_pusher);
}
