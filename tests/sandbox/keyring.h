/* SPDX-License-Identifier: Apache-2.0
 *
 * The API keys and what each may do. A key that was once added is kept for good, so that what holds
 * a pointer to it stays valid and the log can go on hiding it after it was revoked. */
#ifndef SANDBOX_KEYRING_H
#define SANDBOX_KEYRING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define KEYRING_WHY_BYTES    128
#define KEYRING_USABLE_SET   "server_integration"
#define KEYRING_DEFAULT_TEXT "sandbox.key-for-tests-only"

/* Never changes once it is handed out. */
struct api_key {
    char *id;
    char *text;
    char *prefix;
    char *permission_set;
    char *environment;
    char *studio;
    char *game;
};

struct key_defaults {
    const char *studio;
    const char *environment;
    const char *game;
};

struct keyring;

struct keyring *keyring_new(const struct key_defaults *defaults);
void keyring_free(struct keyring *keyring);

/* A key object {"key", "id"?, "permissionSet"?, "environment"?, "studio"?, "game"?}; a text that is
 * there already is replaced. `why` never quotes the key. NULL: refused. */
const struct api_key *keyring_add(struct keyring *keyring, json_t *description, char why[KEYRING_WHY_BYTES]);

/* By the key's id or its text. False: no such key. */
bool keyring_revoke(struct keyring *keyring, const char *id_or_text);

/* The key an Authorization header's value carries, NULL when it is malformed, unknown or revoked. */
const struct api_key *keyring_find(struct keyring *keyring, const char *authorization);

/* A copy of the text with every key that was ever known replaced by "<api key>"; NULL when there is
 * none in it (or no memory, with *failed set). */
char *keyring_redact(struct keyring *keyring, const char *text, size_t size, size_t *redacted_size, bool *failed);

#endif
