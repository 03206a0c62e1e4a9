/* SPDX-License-Identifier: Apache-2.0
 * A host's test in C++: run it with KLP_LIBRARY=…/libkraty_lobby_pusher_stub.so */
#include <kraty/lobby_pusher.hpp>
#include <kraty/lobby_pusher_stub.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static void check(bool is_well, const char *what)
{
    if (!is_well) {
        std::printf("not so: %s\n", what);
        std::exit(1);
    }
}

int main()
{
    klp_text_buffer why = {};
    const klp_stub_api *stub = klp_stub_load(nullptr, &why);
    if (!stub)
        return std::printf("%s\n", why.data), 1;

    kraty::config config;
    config.name = "test";
    config.game_id = "game_1";
    auto opened = kraty::pusher::open(config);
    if (!opened)
        return std::printf("%s\n", opened.why()), 1;
    kraty::pusher &pusher = *opened;
    stub->hold_time(pusher.raw());
    stub->script(pusher.raw(), klp_cstr(R"([{"action": {"status": 429, "headers": {"Retry-After": "7"}}}])"), nullptr);

    /* what the game does in its tick */
    const std::vector<std::string> players = {"alice", "bob"};
    std::string told;
    auto on_verdict = [&](const kraty::event &event) {
        told = std::string(event.key()) + " " + event.outcome_text();
        return kraty::verdict::ack;
    };
    check(bool(pusher.push(kraty::lobby{"quick_brawl", "match-1", players})), "it is pushed");
    stub->advance_ms(pusher.raw(), 6999); /* the server asked for seven seconds */
    pusher.poll(on_verdict, 32);
    check(told.empty(), "nothing is told while the server is given its time");
    stub->advance_ms(pusher.raw(), 1000);
    pusher.poll(on_verdict, 32);
    check(told == "match-1 applied", "then it is");

    klp_stub_request request = {};
    request.struct_size = sizeof request;
    check(stub->request(pusher.raw(), 1, &request) == KLP_OK && request.attempt == 2, "by its second request");
    std::puts("all is well");
}
