/* SPDX-License-Identifier: Apache-2.0
 *
 * resolves: a host whose resolver never answers. It has namespaces of its own, in which /etc/resolv.conf names a socket
 * that it never reads; where the system refuses them it cannot try. */
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "host.h"

static void skip(const char *what)
{
    printf("skipped: %s: %s\n", what, strerror(errno));
    exit(HOST_SKIPPED);
}

static void enter_namespaces(void)
{
    char file[] = "/tmp/resolves-XXXXXX";
    static const char text[] = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n";
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    if (unshare(CLONE_NEWNS | CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET))
        skip("no namespaces");
    int resolv_conf = mkstemp(file);
    HOST_REQUIRE(resolv_conf >= 0 && write(resolv_conf, text, sizeof text - 1) == sizeof text - 1);
    close(resolv_conf);
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
        mount(file, "/etc/resolv.conf", "none", MS_BIND, NULL)) {
        unlink(file);
        skip("no mount of /etc/resolv.conf");
    }
    unlink(file);
    int socket_of_any_kind = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(socket_of_any_kind, SIOCSIFFLAGS, &loopback))
        skip("no loopback interface");
    close(socket_of_any_kind);
}

static int open_resolver(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(53)};
    int resolver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (bind(resolver, (struct sockaddr *)&address, sizeof address))
        skip("no port 53");
    return resolver;
}

static void take_question(int resolver)
{
    char question[512];

    host_await_readable(resolver);
    HOST_REQUIRE(recv(resolver, question, sizeof question, 0) > 0);
}

int main(void)
{
    const klp_event *event;

    enter_namespaces();
    int resolver = open_resolver();
    const klp_api *api = host_load();

    klp_pusher *pusher = host_open_at(api, "https://lobbies.example");
    host_push_many(api, pusher, 20);
    take_question(resolver);
    uint64_t begun_ms = host_now_ms();
    HOST_REQUIRE(api->stop(pusher, 100) == KLP_OK);
    HOST_REQUIRE(host_now_ms() - begun_ms < 100 + LITTLE_MS);
    for (unsigned i = 0; i < 20; i++) {
        event = host_next_event(api, pusher);
        HOST_REQUIRE(event->outcome == KLP_NOT_APPLIED && strcmp(event->error_code.data, "shutdown") == 0);
        HOST_REQUIRE(api->ack(pusher, event) == KLP_OK);
    }
    begun_ms = host_now_ms();
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    HOST_REQUIRE(host_now_ms() - begun_ms < LITTLE_MS);

    /* the attempt's own limit holds, too */
    klp_config config = host_config("https://lobbies.example", NULL, NULL);
    config.deadline_ms = 200;
    pusher = host_open(api, &config);
    begun_ms = host_now_ms();
    host_push(api, pusher, 0);
    event = host_next_event(api, pusher);
    HOST_REQUIRE(host_now_ms() - begun_ms < 200 + LITTLE_MS);
    HOST_REQUIRE(event->outcome == KLP_NOT_APPLIED);

    /* and so does the host's exit, seen from outside */
    host_push(api, pusher, 1);
    return 0;
}
