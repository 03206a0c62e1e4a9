/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rosters.h"

int outbox_setup(void **state)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    void *rig = NULL;

    if (!outbox || rig_setup(&rig))
        return -1;
    outbox->rig = rig;
    snprintf(outbox->folder, sizeof outbox->folder, "/tmp/klp-outbox-XXXXXX");
    if (!mkdtemp(outbox->folder))
        return -1;
    *state = outbox;
    return 0;
}

static void remove_files(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    char path[512];

    while (stream && (entry = readdir(stream))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (stream)
        closedir(stream);
}

int outbox_teardown(void **state)
{
    struct outbox *outbox = *state;
    void *rig = outbox->rig;

    rig_teardown(&rig);
    chmod(outbox->folder, 0700);
    remove_files(outbox->folder);
    rmdir(outbox->folder);
    free(outbox);
    return 0;
}

klp_config outbox_config(const struct outbox *outbox)
{
    klp_config config = rig_config(outbox->rig);

    config.outbox_dir = klp_cstr(outbox->folder);
    config.max_attempts = 0;
    config.backoff_initial_ms = 50;
    config.backoff_max_ms = 400;
    config.jitter_permille = KLP_JITTER_NONE;
    return config;
}

void outbox_open(struct outbox *outbox)
{
    klp_config config = outbox_config(outbox);
    rig_open(outbox->rig, &config);
}

void outbox_close(struct outbox *outbox)
{
    struct rig *rig = outbox->rig;

    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    rig_close(rig);
}

void outbox_restart(struct outbox *outbox, const klp_config *config)
{
    klp_config usual = outbox_config(outbox);

    outbox_close(outbox);
    rig_open(outbox->rig, config ? config : &usual);
}

const char *outbox_refusal(struct outbox *outbox, const klp_config *config, klp_status status)
{
    static char sentence[1024];
    struct rig *rig = outbox->rig;
    klp_text_buffer why = {sentence, sizeof sentence, 0};

    assert_null(rig->pusher);
    klp_status got = rig->klp->open(config, &rig->pusher, &why);
    if (got != status)
        fail_msg("%s, not %s: %s", rig->klp->status_text(got), rig->klp->status_text(status), sentence);
    assert_null(rig->pusher);
    return sentence;
}

/* ---- the directory ---- */

/* Calls `each` for every file there, until it returns true. */
static bool any_file(const struct outbox *outbox, bool (*each)(const char *folder, const char *name, void *user),
                     void *user)
{
    DIR *stream = opendir(outbox->folder);
    const struct dirent *entry;
    bool is_found = false;

    assert_non_null(stream);
    while (!is_found && (entry = readdir(stream)))
        is_found = entry->d_name[0] != '.' && each(outbox->folder, entry->d_name, user);
    closedir(stream);
    return is_found;
}

static bool is_outbox_file(const char *name)
{
    size_t size = strlen(name), end = strlen(".outbox");
    return size > end && strcmp(name + size - end, ".outbox") == 0;
}

static bool count_file(const char *folder, const char *name, void *user)
{
    (void)folder;
    *(size_t *)user += is_outbox_file(name);
    return false;
}

size_t outbox_files(const struct outbox *outbox)
{
    size_t count = 0;
    any_file(outbox, count_file, &count);
    return count;
}

struct wanted {
    const char *begin;
    char name[256];
};

static bool begins(const char *folder, const char *name, void *user)
{
    struct wanted *wanted = user;

    (void)folder;
    snprintf(wanted->name, sizeof wanted->name, "%s", name);
    return strncmp(name, wanted->begin, strlen(wanted->begin)) == 0;
}

static bool begins_outbox(const char *folder, const char *name, void *user)
{
    return is_outbox_file(name) && begins(folder, name, user);
}

bool outbox_has(const struct outbox *outbox, const char *begin)
{
    struct wanted wanted = {.begin = begin};
    return any_file(outbox, begins, &wanted);
}

const char *outbox_file(const struct outbox *outbox, const char *begin)
{
    static char name[256];
    struct wanted wanted = {.begin = begin};

    if (!any_file(outbox, begins_outbox, &wanted))
        fail_msg("no outbox file begins with %s", begin);
    snprintf(name, sizeof name, "%s", wanted.name);
    return name;
}

static bool contains(const char *folder, const char *name, void *user)
{
    char path[512];
    struct stat found;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return false; /* removed meanwhile */
    assert_int_equal(fstat(fileno(file), &found), 0);
    char *bytes = malloc((size_t)found.st_size + 1);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, (size_t)found.st_size, file);
    fclose(file);
    bool is_there = size && memmem(bytes, size, user, strlen(user));
    free(bytes);
    return is_there;
}

bool outbox_contains(const struct outbox *outbox, const char *bytes)
{
    char copy[512];

    snprintf(copy, sizeof copy, "%s", bytes);
    return any_file(outbox, contains, copy);
}

/* ---- what the server saw ---- */

size_t outbox_same_bodies(struct outbox *outbox, const char *key)
{
    json_t *arrivals = arrivals_of(outbox->rig, key);
    size_t count = json_array_size(arrivals);

    for (size_t i = 1; i < count; i++)
        assert_string_equal(sandbox_text_at(json_array_get(arrivals, i), "body"),
                            sandbox_text_at(json_array_get(arrivals, 0), "body"));
    json_decref(arrivals);
    return count;
}
