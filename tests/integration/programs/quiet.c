/* SPDX-License-Identifier: Apache-2.0
 *
 * quiet URL: a host that looks, after a whole life of the plugin with all its failures, whether anything of its own was
 * changed. What the plugin printed meanwhile its caller sees. */
#include <locale.h>
#include <sys/stat.h>

#include "host.h"

extern char **environ;

/* The environment as one text, with its order. */
static char *copy_environment(void)
{
    size_t size = 1;

    for (char **variable = environ; *variable; variable++)
        size += strlen(*variable) + 1;
    char *copy = calloc(1, size), *at = copy;
    HOST_REQUIRE(copy);
    for (char **variable = environ; *variable; variable++)
        at += sprintf(at, "%s\n", *variable);
    return copy;
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    HOST_REQUIRE(copy);
    return copy;
}

static mode_t look_at_umask(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return mask;
}

static void require_refused(const klp_api *api, const klp_config *config)
{
    klp_pusher *pusher;
    klp_text_buffer why = {0};

    HOST_REQUIRE(api->open(config, &pusher, &why) == KLP_E_INVALID_ARGUMENT && why.size > 0);
}

static void fail_in_many_ways(const klp_api *api, const char *url)
{
    klp_text_buffer why = {0};
    klp_lobby nothing = KLP_LOBBY_INIT;
    klp_event *event;

    klp_config config = host_config("http://example.com", NULL, NULL);
    require_refused(api, &config);
    config = host_config(url, "/no/such/file", NULL);
    require_refused(api, &config);
    config = host_config(url, NULL, "inproc://nothing");
    require_refused(api, &config);
    config = host_config(url, NULL, "tcp://not a host at all");
    require_refused(api, &config);
    config = host_config(url, NULL, NULL);
    config.api_key = klp_cstr("white space");
    require_refused(api, &config);

    klp_pusher *pusher = host_open_at(api, url);
    HOST_REQUIRE(api->push(pusher, &nothing, NULL, &why) == KLP_E_INVALID_ARGUMENT);
    HOST_REQUIRE(api->decode_event("{]", 2, &event, &why) == KLP_E_MALFORMED);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

/* Pushes that go well, pushes that do not, and a close with work to do. */
static void live(const klp_api *api, const char *url)
{
    char results_url[64], nobody[64];
    int listener = host_listen("http", nobody);
    close(listener); /* refused from now on */

    klp_pusher *pusher = host_open_at(api, url);
    host_push_many(api, pusher, 50);
    host_take_applied(api, pusher, 50);
    host_push_many(api, pusher, 50);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);

    klp_config config = host_config(nobody, NULL, NULL);
    config.deadline_ms = 300;
    pusher = host_open(api, &config);
    host_push_many(api, pusher, 10);
    HOST_REQUIRE(api->flush(pusher, HOST_LIMIT_MS) == KLP_OK);
    HOST_REQUIRE(host_stats(api, pusher).not_applied == 10);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);

    snprintf(results_url, sizeof results_url, "ipc:///tmp/quiet-%ld.ipc", (long)getpid());
    config = host_config(url, NULL, results_url);
    pusher = host_open(api, &config);
    host_push_many(api, pusher, 10);
    HOST_REQUIRE(api->flush(pusher, HOST_LIMIT_MS) == KLP_OK);
    HOST_REQUIRE(api->stop(pusher, 10) == KLP_OK);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

int main(int argc, char **argv)
{
    char folder[4096], folder_after[4096];

    HOST_REQUIRE(argc == 2);
    umask(027);
    HOST_REQUIRE(setenv("QUIET", "as it was", 1) == 0 && setlocale(LC_ALL, "C.UTF-8"));
    HOST_REQUIRE(getcwd(folder, sizeof folder));
    char *environment = copy_environment(), *locale = copy_of(setlocale(LC_ALL, NULL));

    const klp_api *api = host_load();
    fail_in_many_ways(api, argv[1]);
    live(api, argv[1]);

    char *environment_after = copy_environment();
    HOST_REQUIRE(strcmp(environment, environment_after) == 0);
    HOST_REQUIRE(strcmp(locale, setlocale(LC_ALL, NULL)) == 0);
    HOST_REQUIRE(look_at_umask() == 027);
    HOST_REQUIRE(getcwd(folder_after, sizeof folder_after) && strcmp(folder, folder_after) == 0);
    free(environment_after);
    free(environment);
    free(locale);
    return 0;
}
