/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/world.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "pusher/siphash.h"
#include "stub/virtual_time.h"
#include "why.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct world *first;
static void *names; /* a tsearch() tree of what was counted */

static _Thread_local struct world *entered;

struct world *world_enter(struct world *world)
{
    struct world *before = entered;
    entered = world;
    return before;
}

void world_leave(struct world *before)
{
    entered = before;
}

struct world *world_entered(void)
{
    return entered;
}

void world_set_held(struct world *world, bool is_held)
{
    if (is_held)
        world->limit_us = atomic_load(&world->now_us);
    world->is_held = is_held;
}

/* ─── scripts ───────────────────────────────────────────────────────────────────────────────────── */

void world_add_script(struct world *world, struct script *script)
{
    script->older = world->script;
    world->script = script;
    if (script->has_time)
        world_set_held(world, script->is_held);
    if (script->has_seed)
        world->seed = script->seed;
    if (script->has_latency)
        world->latency_ms = script->latency_ms;
    if (script->has_events) {
        world->kraty.events = script->events;
        world->kraty.event_count = script->event_count;
        world->kraty.has_events = true;
    }
    if (script->environment.size)
        world->kraty.environment = script->environment;
    if (script->game_id.size)
        world->kraty.game_id = script->game_id;
}

const struct rule *world_strike(struct world *world, const struct rule_subject *subject)
{
    for (struct script *script = world->script; script; script = script->older)
        for (size_t i = 0; i < script->rule_count; i++)
            if (rule_strikes(&script->rules[i], subject))
                return &script->rules[i];
    return NULL;
}

static klp_status read_file(const char *path, char **bytes, size_t *size, klp_text_buffer *why)
{
    klp_status status = KLP_E_INVALID_ARGUMENT;
    FILE *file = fopen(path, "re");

    if (!file)
        return why_say(why, status, "KLP_STUB_SCRIPT: %s: %s", path, strerror(errno));
    char *read = malloc(KLP_STUB_MAX_SCRIPT_BYTES + 1);
    if (!read) {
        status = why_say(why, KLP_E_NO_MEMORY, "out of memory");
        goto close_file;
    }
    *size = fread(read, 1, KLP_STUB_MAX_SCRIPT_BYTES + 1, file);
    if (ferror(file)) {
        status = why_say(why, status, "KLP_STUB_SCRIPT: %s cannot be read", path);
        free(read);
        goto close_file;
    }
    *bytes = read;
    status = KLP_OK;

close_file:
    fclose(file);
    return status;
}

/* As the loader does with $KLP_LIBRARY: not for programs that run with more rights than their user. */
static klp_status read_own_script(struct world *world, klp_text_buffer *why)
{
    const char *path = getauxval(AT_SECURE) ? NULL : getenv("KLP_STUB_SCRIPT");
    char *bytes = NULL;
    size_t size = 0;
    struct script *script;

    if (!path || !*path)
        return KLP_OK;
    klp_status status = read_file(path, &bytes, &size, why);
    if (status)
        return status;
    status = script_read((klp_text){bytes, size}, &script, why);
    free(bytes);
    if (!status)
        world_add_script(world, script);
    return status;
}

/* ─── life ──────────────────────────────────────────────────────────────────────────────────────── */

static void free_script(struct script *script)
{
    while (script) {
        struct script *older = script->older;
        script_free(script);
        script = older;
    }
}

klp_status world_open(struct world **out, klp_text_buffer *why)
{
    klp_status status = KLP_E_SYSTEM;
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    if (pthread_mutex_init(&world->lock, NULL))
        goto free_world;
    if (pthread_cond_init(&world->settled, NULL))
        goto destroy_lock;
    world->lines_end = &world->lines;
    world->latency_ms = 1;
    world->limit_us = VIRTUAL_TIME_START_US;
    atomic_store(&world->now_us, VIRTUAL_TIME_START_US);
    status = read_own_script(world, why);
    if (status) {
        world_close(world);
        return status;
    }
    *out = world;
    return KLP_OK;

destroy_lock:
    pthread_mutex_destroy(&world->lock);
free_world:
    free(world);
    return why_say(why, status, "the system refused a lock");
}

/* How many worlds there were of a name. */
struct count {
    uint64_t name, worlds;
};

static int by_name(const void *a, const void *b)
{
    const struct count *x = a, *y = b;
    return (x->name > y->name) - (x->name < y->name);
}

/* Under the lock of them all. NULL: out of memory. */
static struct count *count_of(uint64_t name)
{
    struct count *count = calloc(1, sizeof *count);

    if (!count)
        return NULL;
    count->name = name;
    struct count **found = tsearch(count, &names, by_name);
    if (!found || *found != count)
        free(count);
    return found ? *found : NULL;
}

bool world_name(struct world *world, klp_text name)
{
    static const uint64_t key[2] = {0, 0};

    if (name.data && name.size <= KLP_MAX_ID_BYTES) /* others are refused */
        world->name = siphash(key, name.data, name.size);
    pthread_mutex_lock(&lock);
    struct count *count = count_of(world->name);
    if (count)
        world->number = ++count->worlds;
    pthread_mutex_unlock(&lock);
    return count != NULL;
}

void world_register(struct world *world, klp_pusher *pusher)
{
    pthread_mutex_lock(&world->lock); /* its worker is there already, and looks */
    world->pusher = pusher;
    pthread_mutex_unlock(&world->lock);
    pthread_mutex_lock(&lock);
    world->next = first;
    first = world;
    pthread_mutex_unlock(&lock);
}

struct world *world_of(const klp_pusher *pusher)
{
    pthread_mutex_lock(&lock);
    struct world *world = first;
    while (world && world->pusher != pusher)
        world = world->next;
    pthread_mutex_unlock(&lock);
    return world;
}

static void unregister(const struct world *world)
{
    pthread_mutex_lock(&lock);
    for (struct world **at = &first; *at; at = &(*at)->next)
        if (*at == world) {
            *at = world->next;
            break;
        }
    pthread_mutex_unlock(&lock);
}

/* The script stays: texts of it are told and kept all over the place. Its rules do not strike any more. */
void world_forget(struct world *world)
{
    for (size_t i = 0; i < world->request_count; i++)
        free(world->requests[i]);
    world->request_count = 0;
    for (struct script *script = world->script; script; script = script->older)
        script->rule_count = 0;
    kraty_clear(&world->kraty);
    world->refuses_times = 0;
}

void world_close(struct world *world)
{
    unregister(world);
    world_forget(world);
    free(world->requests);
    for (size_t i = 0; i < KLP_STUB_MAX_TOLD; i++)
        free(world->told[i].json);
    for (struct world_repeat *repeat = world->repeats, *next; repeat; repeat = next) {
        next = repeat->next;
        free(repeat);
    }
    for (struct world_line *line = world->lines, *next; line; line = next) {
        next = line->next;
        free(line);
    }
    free(world->environment);
    free_script(world->script);
    pthread_cond_destroy(&world->settled);
    pthread_mutex_destroy(&world->lock);
    free(world);
}
