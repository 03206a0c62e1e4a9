/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_curl.h"

#include <stddef.h>
#include <string.h>

#define BORROWED(name)                                                                                                 \
    {                                                                                                                  \
        "curl_" #name, offsetof(struct borrowed_curl, name)                                                            \
    }

bool curl_borrow(struct borrowed_curl *curl, void *(*find)(void *user, const char *name), void *user)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
        BORROWED(version_info),  BORROWED(easy_init),    BORROWED(easy_setopt),
        BORROWED(easy_perform),  BORROWED(easy_getinfo), BORROWED(easy_header),
        BORROWED(easy_strerror), BORROWED(easy_cleanup), BORROWED(getdate),
    };

    *curl = (struct borrowed_curl){.is_there = true};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = find(user, functions[i].name);
        memcpy((char *)curl + functions[i].offset, &found, sizeof found); /* ISO C has no cast for it */
        curl->is_there = curl->is_there && found;
    }
    return curl->is_there;
}
