/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes a line: what stands between white space. False: `why` says what is wrong with it. */
static bool add(struct secrets *secrets, const char *line, const char *from, char why[SECRET_WHY_BYTES])
{
    static const char space[] = " \t\r\n";
    const char *start = line + strspn(line, space);
    size_t size = strlen(start);

    while (size > 0 && strchr(space, start[size - 1]))
        size--;
    if (size == 0)
        return true;
    if (secrets->count == SECRETS_MAX)
        return snprintf(why, SECRET_WHY_BYTES, "%s has more than %d secrets", from, SECRETS_MAX), false;
    if (size >= SECRET_MAX_BYTES)
        return snprintf(why, SECRET_WHY_BYTES, "%s has a secret of more than %d bytes", from, SECRET_MAX_BYTES - 1),
               false;
    for (size_t i = 0; i < size; i++)
        if (start[i] < '!' || start[i] > '~')
            return snprintf(why, SECRET_WHY_BYTES, "%s has a secret that is not printable ASCII without spaces", from),
                   false;
    memcpy(secrets->values[secrets->count++], start, size);
    return true;
}

static bool read_file(const char *path, struct secrets *secrets, char why[SECRET_WHY_BYTES])
{
    char line[2 * SECRET_MAX_BYTES];
    bool is_fine = true;
    FILE *file = fopen(path, "re");

    if (!file)
        return snprintf(why, SECRET_WHY_BYTES, "%s: %s", path, strerror(errno)), false;
    while (is_fine && fgets(line, sizeof line, file))
        is_fine = add(secrets, line, path, why);
    if (ferror(file))
        is_fine = (snprintf(why, SECRET_WHY_BYTES, "%s: %s", path, strerror(errno)), false);
    fclose(file);
    OPENSSL_cleanse(line, sizeof line);
    return is_fine;
}

bool secrets_read(const char *path, const char *variable, struct secrets *secrets, char why[SECRET_WHY_BYTES])
{
    const char *value = path ? NULL : getenv(variable);

    *secrets = (struct secrets){0};
    if (path ? !read_file(path, secrets, why) : value && !add(secrets, value, variable, why))
        return false;
    if (secrets->count == 0)
        return snprintf(why, SECRET_WHY_BYTES, "%s %s", path ? path : variable,
                        path || value ? "is empty" : "is not set"),
               false;
    return true;
}

bool secrets_match(const struct secrets *secrets, const char *given)
{
    char padded[SECRET_MAX_BYTES] = {0};
    size_t size = given ? strlen(given) : 0;
    bool is_match = false;

    if (size == 0 || size >= sizeof padded)
        return false;
    memcpy(padded, given, size);
    for (size_t i = 0; i < SECRETS_MAX; i++)
        is_match |=
            CRYPTO_memcmp(padded, secrets->values[i], sizeof padded) == 0; /* one that is not there is all NULs */
    OPENSSL_cleanse(padded, sizeof padded);
    return is_match;
}
