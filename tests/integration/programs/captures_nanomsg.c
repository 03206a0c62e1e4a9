/* SPDX-License-Identifier: Apache-2.0
 *
 * captures_nanomsg: a host that exports a nanomsg of its own. Prints what open() says. */
#include "host.h"

__attribute__((visibility("default"))) int nn_socket(int domain, int protocol);

int nn_socket(int domain, int protocol)
{
    host_fail("the host's own nn_socket(%d, %d) was called", domain, protocol);
}

int main(void)
{
    const klp_api *api = host_load();
    klp_config config = host_config("http://127.0.0.1:1", NULL, "ipc:///tmp/captures.ipc");
    klp_pusher *pusher = (klp_pusher *)&config;
    klp_text_buffer why = {0};

    HOST_REQUIRE(api->open(&config, &pusher, &why) == KLP_E_LIBRARY && !pusher);
    puts(why.data);
    return 0;
}
