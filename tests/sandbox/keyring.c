/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slot {
    struct api_key key;
    bool revoked;
    struct slot *next;
};

struct keyring {
    pthread_mutex_t lock;
    struct key_defaults defaults;
    struct slot *newest;
    unsigned added;
};

static const char redaction[] = "<api key>";

static void free_slot(struct slot *slot)
{
    free(slot->key.id);
    free(slot->key.text);
    free(slot->key.prefix);
    free(slot->key.permission_set);
    free(slot->key.environment);
    free(slot->key.studio);
    free(slot->key.game);
    free(slot);
}

struct keyring *keyring_new(const struct key_defaults *defaults)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (!keyring)
        return NULL;
    pthread_mutex_init(&keyring->lock, NULL);
    keyring->defaults = *defaults;
    return keyring;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    for (struct slot *slot = keyring->newest, *next; slot; slot = next) {
        next = slot->next;
        free_slot(slot);
    }
    pthread_mutex_destroy(&keyring->lock);
    free(keyring);
}

static bool is_key_text(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c < 0x21 || *c > 0x7e)
            return false;
    return *text != '\0';
}

static struct slot *active_slot(struct keyring *keyring, const char *text)
{
    for (struct slot *slot = keyring->newest; slot; slot = slot->next)
        if (!slot->revoked && strcmp(slot->key.text, text) == 0)
            return slot;
    return NULL;
}

const struct api_key *keyring_add(struct keyring *keyring, json_t *description, char why[KEYRING_WHY_BYTES])
{
    const char *text = NULL, *id = NULL, *permission_set = KEYRING_USABLE_SET;
    const char *environment = keyring->defaults.environment;
    const char *studio = keyring->defaults.studio;
    const char *game = keyring->defaults.game;

    /* jansson's own message would quote the offending value. */
    if (json_unpack_ex(description, NULL, JSON_STRICT, "{s:s, s?s, s?s, s?s, s?s, s?s !}", "key", &text, "id", &id,
                       "permissionSet", &permission_set, "environment", &environment, "studio", &studio, "game",
                       &game) != 0) {
        snprintf(why, KEYRING_WHY_BYTES,
                 "a key needs \"key\" and may have id, permissionSet, environment, studio, game");
        return NULL;
    }
    if (!is_key_text(text)) {
        snprintf(why, KEYRING_WHY_BYTES, "a key is printable ASCII without spaces");
        return NULL;
    }

    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot)
        goto out_of_memory;

    pthread_mutex_lock(&keyring->lock);
    char numbered[32];
    snprintf(numbered, sizeof numbered, "key_%u", ++keyring->added);
    slot->key = (struct api_key){.id = strdup(id ? id : numbered),
                                 .text = strdup(text),
                                 .prefix = strndup(text, strcspn(text, ".")),
                                 .permission_set = strdup(permission_set),
                                 .environment = strdup(environment),
                                 .studio = strdup(studio),
                                 .game = strdup(game)};
    if (!slot->key.id || !slot->key.text || !slot->key.prefix || !slot->key.permission_set || !slot->key.environment ||
        !slot->key.studio || !slot->key.game)
        goto unlock;

    struct slot *replaced = active_slot(keyring, text);
    if (replaced)
        replaced->revoked = true;
    slot->next = keyring->newest;
    keyring->newest = slot;
    pthread_mutex_unlock(&keyring->lock);
    return &slot->key;

unlock:
    pthread_mutex_unlock(&keyring->lock);
    free_slot(slot);
out_of_memory:
    snprintf(why, KEYRING_WHY_BYTES, "out of memory");
    return NULL;
}

bool keyring_revoke(struct keyring *keyring, const char *id_or_text)
{
    bool found = false;

    pthread_mutex_lock(&keyring->lock);
    for (struct slot *slot = keyring->newest; slot; slot = slot->next) {
        if (!slot->revoked && (strcmp(slot->key.id, id_or_text) == 0 || strcmp(slot->key.text, id_or_text) == 0)) {
            slot->revoked = true;
            found = true;
        }
    }
    pthread_mutex_unlock(&keyring->lock);
    return found;
}

const struct api_key *keyring_find(struct keyring *keyring, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;

    pthread_mutex_lock(&keyring->lock);
    struct slot *slot = active_slot(keyring, authorization + sizeof scheme - 1);
    pthread_mutex_unlock(&keyring->lock);
    return slot ? &slot->key : NULL;
}

static char *replace_all(const char *text, size_t size, const char *needle, size_t *replaced_size)
{
    size_t needle_bytes = strlen(needle), count = 0;
    const char *end = text + size;
    for (const char *at = text; (at = memmem(at, (size_t)(end - at), needle, needle_bytes)); at += needle_bytes)
        count++;

    char *replaced = malloc(size + count * sizeof redaction + 1);
    if (!replaced)
        return NULL;
    char *out = replaced;
    for (const char *found; (found = memmem(text, (size_t)(end - text), needle, needle_bytes));) {
        out = mempcpy(out, text, (size_t)(found - text));
        out = mempcpy(out, redaction, sizeof redaction - 1);
        text = found + needle_bytes;
    }
    out = mempcpy(out, text, (size_t)(end - text));
    *out = '\0';
    *replaced_size = (size_t)(out - replaced);
    return replaced;
}

char *keyring_redact(struct keyring *keyring, const char *text, size_t size, size_t *redacted_size, bool *failed)
{
    char *redacted = NULL;
    *failed = false;

    pthread_mutex_lock(&keyring->lock);
    for (struct slot *slot = keyring->newest; slot; slot = slot->next) {
        const char *current = redacted ? redacted : text;
        size_t current_size = redacted ? *redacted_size : size;
        if (!memmem(current, current_size, slot->key.text, strlen(slot->key.text)))
            continue;

        char *cleaner = replace_all(current, current_size, slot->key.text, redacted_size);
        free(redacted);
        redacted = cleaner;
        if (!cleaner) {
            *failed = true;
            break;
        }
    }
    pthread_mutex_unlock(&keyring->lock);
    return redacted;
}
