/* SPDX-License-Identifier: Apache-2.0
 *
 * unloads at-work|many-times URL: a host that gives the library back to the dynamic loader. */
#include "host.h"

static const klp_api *open_library(void **library)
{
    klp_get_api_function get_api;
    uint32_t abi = KLP_ABI;

    *library = dlopen(getenv("KLP_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    HOST_REQUIRE(*library);
    void *symbol = dlsym(*library, "klp_get_api");
    HOST_REQUIRE(symbol);
    memcpy(&get_api, &symbol, sizeof get_api);
    return get_api(&abi);
}

static void close_library(void *library)
{
    HOST_REQUIRE(dlclose(library) == 0);
    library = dlopen(getenv("KLP_LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
    HOST_REQUIRE(library); /* it is still there */
    HOST_REQUIRE(dlclose(library) == 0);
}

/* The table outlives the handle: the library stays where it is. */
static void at_work(const char *url)
{
    void *library;
    const klp_api *api = open_library(&library);
    klp_pusher *pusher = host_open_at(api, url);

    host_push_many(api, pusher, 500);
    close_library(library);
    host_take_applied(api, pusher, 500);
    host_push_many(api, pusher, 500);
}

static void many_times(const char *url)
{
    for (unsigned i = 0; i < (is_slowed() ? 50 : 200); i++) {
        void *library;
        const klp_api *api = open_library(&library);
        klp_pusher *pusher = host_open_at(api, url);
        host_push(api, pusher, i);
        if (i % 4 == 0)
            host_take_applied(api, pusher, 1);
        HOST_REQUIRE(api->close(pusher) == KLP_OK);
        close_library(library);
    }
}

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc == 3);
    if (strcmp(argv[1], "at-work") == 0)
        at_work(argv[2]);
    else
        many_times(argv[2]);
    return 0;
}
