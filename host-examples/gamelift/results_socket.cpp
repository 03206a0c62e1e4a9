/* SPDX-License-Identifier: Apache-2.0 */
#include "results_socket.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <string_view>
#include <unistd.h>

static const char ipc[] = "ipc://";

results_socket::~results_socket()
{
    if (socket_ >= 0)
        nn_close(socket_);
    if (!directory_.empty()) {
        unlink(url_.c_str() + sizeof ipc - 1);
        rmdir(directory_.c_str());
    }
}

bool results_socket::bind(const char *url)
{
    if (url) {
        url_ = url;
    } else {
        const char *parent = std::getenv("TMPDIR");
        directory_ = std::string(parent && *parent ? parent : "/tmp") + "/gamelift.XXXXXX";
        if (!mkdtemp(directory_.data())) { /* mode 0700: the socket asks for no password */
            std::perror(directory_.c_str());
            directory_.clear();
            return false;
        }
        url_ = ipc + directory_ + "/results.ipc";
    }
    socket_ = nn_socket(AF_SP, NN_REP);
    std::size_t size = sizeof descriptor_;
    if (socket_ >= 0 && nn_bind(socket_, url_.c_str()) >= 0 &&
        nn_getsockopt(socket_, NN_SOL_SOCKET, NN_RCVFD, &descriptor_, &size) == 0)
        return true;
    std::fprintf(stderr, "gamelift: bind %s: %s\n", url_.c_str(), nn_strerror(nn_errno()));
    return false;
}

/* A message is a batch of events, a line each. False: one of them was not stored. */
static bool store_lines(const kraty::library &klp, std::string_view message,
                        const std::function<bool(const kraty::event &)> &store)
{
    std::size_t end;

    for (; (end = message.find('\n')) != message.npos; message.remove_prefix(end + 1)) {
        auto decoded = klp.decode_event(message.substr(0, end));
        if (!decoded)
            std::fprintf(stderr, "gamelift: not an event: %s\n", decoded.why()); /* and will not become one */
        else if (!store(*decoded))
            return false;
    }
    return true;
}

void results_socket::hear(const kraty::library &klp, const std::function<bool(const kraty::event &)> &store)
{
    char *message;
    int size;

    while ((size = nn_recv(socket_, &message, NN_MSG, NN_DONTWAIT)) >= 0) {
        const bool is_stored = store_lines(klp, {message, static_cast<std::size_t>(size)}, store);
        nn_freemsg(message);
        if (!is_stored)
            return; /* no answer: it is told again */
        nn_send(socket_, "ok", 2, NN_DONTWAIT);
    }
}
