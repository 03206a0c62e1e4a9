/* SPDX-License-Identifier: Apache-2.0
 *
 * captures_curl: a host that exports a libcurl of its own, as one does that is linked with -rdynamic and a static copy.
 * Prints what open() says. */
#include "host.h"

__attribute__((visibility("default"))) void *curl_easy_init(void);

void *curl_easy_init(void)
{
    host_fail("the host's own curl_easy_init was called");
}

int main(void)
{
    const klp_api *api = host_load();
    klp_config config = host_config("http://127.0.0.1:1", NULL, NULL);
    klp_text_buffer why = {0};

    for (unsigned i = 0; i < 2; i++) { /* the answer stays the same */
        klp_pusher *pusher = (klp_pusher *)&config;
        HOST_REQUIRE(api->open(&config, &pusher, &why) == KLP_E_LIBRARY && !pusher);
    }
    puts(why.data);
    return 0;
}
