/* SPDX-License-Identifier: Apache-2.0
 *
 * A host of earlier days: compiled with the headers of a release (tests/abi/saved), which stand in the way of today's,
 * and run against the library of today. It uses whatever that release had, and tells what it saw, a line each.
 *
 *     old_host NAME OUTBOX < /dev/null      with KRATY_BASE_URL, KRATY_SERVER_KEY and KLP_LIBRARY */
#include <kraty/lobby_pusher_load.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 60000 };

static const klp_api *klp;
static klp_pusher *pusher;
static klp_text_buffer why;

static int fail(const char *what)
{
    printf("%s: %s\n", what, why.data ? why.data : "");
    return 1;
}

/* The next event of that kind; the rest of a struct that has grown is none of ours. */
static const klp_event *hear(int32_t op)
{
    const klp_event *event;

    while (klp->next_event(pusher, PATIENCE_MS, &event) == KLP_OK) {
        if (event->struct_size < sizeof *event)
            printf("an event of %u bytes, %zu are known\n", event->struct_size, sizeof *event);
        if (event->op == op)
            return event;
        klp->ack(pusher, event);
    }
    return NULL;
}

static int push_and_hear(const char *name)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;

    lobby.event_key = klp_cstr("duel");
    lobby.key = klp_cstr(name);
    lobby.player_ids = players, lobby.player_count = 2;
    lobby.metadata_json = klp_cstr("{\"of\":\"old\"}");
    lobby.cookie = 42;
    lobby.flags = KLP_PUSH_DURABLE;
    if (klp->push(pusher, &lobby, NULL, &why))
        return fail("push");
    const klp_event *event = hear(KLP_OP_PUSH);
    if (!event)
        return fail("next_event");
    printf("push %s %s %llu %s\n", event->key.data, klp->outcome_text(event->outcome),
           (unsigned long long)event->cookie, event->lobby_status.data);

    klp_text lobby_id = event->lobby_id;
    klp_await await = KLP_AWAIT_INIT;
    await.lobby_id = lobby_id;
    if (klp->read(pusher, klp_cstr(NULL), lobby_id, 0, NULL, &why) || klp->await(pusher, &await, NULL, &why))
        return fail("read, await");
    klp->ack(pusher, event);
    const klp_event *read = hear(KLP_OP_READ);
    if (!read)
        return fail("read");
    printf("read %d\n", read->ok);
    klp->ack(pusher, read);
    return 0;
}

static int ping_and_call(void)
{
    static const klp_text segments[] = {KLP_LIT("players"), KLP_LIT("alice")};
    klp_call call = KLP_CALL_INIT;
    klp_event *decoded;

    call.method = klp_cstr("GET");
    call.segments = segments, call.segment_count = 2;
    if (klp->ping(pusher, 0, NULL, &why))
        return fail("ping");
    const klp_event *event = hear(KLP_OP_PING);
    if (!event)
        return fail("ping");
    printf("ping %d\n", event->ok);
    klp->ack(pusher, event);
    if (klp->call(pusher, &call, NULL, &why))
        return fail("call");
    event = hear(KLP_OP_CALL);
    if (!event || klp->decode_event(event->json.data, event->json.size, &decoded, &why))
        return fail("call");
    printf("call %d %s\n", decoded->ok, decoded->path.data);
    klp->free_event(decoded);
    klp->ack(pusher, event);
    return 0;
}

static int read_document(void)
{
    static const char document[] = "{\"key\": \"m\", \"players\": [\"x\", \"y\"], \"event\": \"duel\"}";
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_roster *roster;

    if (klp->parse_roster(klp_cstr(KLP_FORMAT_PLAIN), document, sizeof document - 1, &options, &roster, &why))
        return fail("parse_roster");
    printf("roster %s %zu\n", roster->key.data, roster->player_count);
    klp->free_roster(roster);
    return 0;
}

static int look_and_stop(void)
{
    klp_stats stats = KLP_STATS_INIT;
    const klp_event *event;

    if (klp->flush(pusher, PATIENCE_MS) || klp->stats(pusher, &stats))
        return fail("stats");
    if (stats.struct_size > sizeof stats)
        return fail("stats that are larger than was asked for");
    printf("stats %llu\n", (unsigned long long)stats.applied);
    if (klp->stop(pusher, PATIENCE_MS))
        return fail("stop");
    while (klp->next_event(pusher, KLP_WAIT_FOREVER, &event) == KLP_OK)
        klp->ack(pusher, event);
    printf("close %d\n", klp->close(pusher));
    return 0;
}

int main(int argc, char **argv)
{
    klp_config config = KLP_CONFIG_INIT;

    if (argc != 3 || !(klp = klp_load(NULL, &why)))
        return fail("load");
    if (klp->struct_size < sizeof *klp)
        return fail("the table has lost its end");
    config.name = klp_cstr(argv[1]);
    config.outbox_dir = klp_cstr(argv[2]);
    config.game_id = klp_cstr("game_1");
    if (klp->open(&config, &pusher, &why))
        return fail("open");
    return push_and_hear(argv[1]) || ping_and_call() || read_document() || look_and_stop();
}
