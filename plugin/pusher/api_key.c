/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/api_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "why.h"

#define HEADER_START "Authorization: Bearer "

enum { MAX_FILE_BYTES = 4096 }; /* a key, and white space around it */

struct api_key {
    struct api_key *next;
    unsigned uses;
    size_t size;
    char header[sizeof HEADER_START + KLP_MAX_KEY_BYTES];
};

/* `source` names where the key came from; nothing of the key itself is ever told. */
static klp_status check(const char *key, size_t size, const char *source, klp_text_buffer *why)
{
    if (size == 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is empty", source);
    if (size > KLP_MAX_KEY_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is %zu bytes, more than %u", source, size, KLP_MAX_KEY_BYTES);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)key[i] < 0x21 || (unsigned char)key[i] > 0x7e)
            return why_say(
                why, KLP_E_INVALID_ARGUMENT,
                "%s has a byte at %zu that is not printable ASCII (a space, a line break, a quote of another "
                "alphabet?)",
                source, i);
    return KLP_OK;
}

static klp_status keep(const char *key, size_t size, const char *source, struct api_key **out, klp_text_buffer *why)
{
    klp_status status = check(key, size, source, why);
    if (status)
        return status;
    struct api_key *api_key = mmap(NULL, sizeof *api_key, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (api_key == MAP_FAILED)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    madvise(api_key, sizeof *api_key, MADV_DONTDUMP); /* best effort, as is the next */
    madvise(api_key, sizeof *api_key, MADV_WIPEONFORK);
    memcpy(api_key->header, HEADER_START, sizeof HEADER_START - 1);
    memcpy(api_key->header + sizeof HEADER_START - 1, key, size);
    api_key->size = size;
    *out = api_key;
    return KLP_OK;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

klp_status api_key_of_text(klp_text text, const char *field, struct api_key **out, klp_text_buffer *why)
{
    return keep(text.data, text.size, field, out, why);
}

klp_status api_key_of_file(const char *path, struct api_key **out, klp_text_buffer *why)
{
    char line[MAX_FILE_BYTES + 1];
    struct stat facts;
    klp_status status;

    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key_file cannot be opened: %s", strerrordesc_np(errno));
    if (fstat(descriptor, &facts) || !S_ISREG(facts.st_mode)) {
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "api_key_file is not a regular file");
        goto close_file;
    }
    ssize_t got = read(descriptor, line, sizeof line);
    if (got < 0) {
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "api_key_file cannot be read: %s", strerrordesc_np(errno));
        goto close_file;
    }

    if (got > MAX_FILE_BYTES) { /* half a key would look like one */
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "api_key_file is larger than %d bytes", MAX_FILE_BYTES);
        goto cleanse_line;
    }

    size_t start = 0, end = (size_t)got;
    while (end > 0 && is_space(line[end - 1]))
        end--;
    while (start < end && is_space(line[start]))
        start++;
    status = keep(line + start, end - start, "api_key_file", out, why);
cleanse_line:
    OPENSSL_cleanse(line, sizeof line);

close_file:
    close(descriptor);
    return status;
}

klp_status api_key_open(klp_text given, const char *file, struct api_key **api_key, klp_text_buffer *why)
{
    if (given.size && file)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key and api_key_file are both given: one of them, please");
    if (given.size)
        return keep(given.data, given.size, "api_key", api_key, why);
    if (file)
        return api_key_of_file(file, api_key, why);

    const char *environment = getenv("KRATY_SERVER_KEY");
    if (!environment || !*environment)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key is missing: set klp_config.api_key or KRATY_SERVER_KEY");
    return keep(environment, strlen(environment), "KRATY_SERVER_KEY", api_key, why);
}

void api_key_close(struct api_key *api_key)
{
    if (!api_key)
        return;
    OPENSSL_cleanse(api_key, sizeof *api_key);
    munmap(api_key, sizeof *api_key);
}

const char *api_key_header(const struct api_key *api_key)
{
    return api_key->header;
}

klp_text api_key_text(const struct api_key *api_key)
{
    return (klp_text){api_key->header + sizeof HEADER_START - 1, api_key->size};
}

bool api_key_is_equal(const struct api_key *a, const struct api_key *b)
{
    return a->size == b->size && CRYPTO_memcmp(a->header, b->header, sizeof HEADER_START - 1 + a->size) == 0;
}

unsigned *api_key_uses(struct api_key *api_key)
{
    return &api_key->uses;
}

struct api_key **api_key_next(struct api_key *api_key)
{
    return &api_key->next;
}
