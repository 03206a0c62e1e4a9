/* SPDX-License-Identifier: Apache-2.0
 *
 * Where verdicts come in: a nanomsg REP socket that the host binds, for its own tick: nothing here waits. One thread.
 */
#ifndef GAMELIFT_RESULTS_SOCKET_HPP
#define GAMELIFT_RESULTS_SOCKET_HPP

#include <functional>
#include <kraty/lobby_pusher.hpp>
#include <string>

class results_socket
{
  public:
    results_socket() = default;
    results_socket(const results_socket &) = delete;
    results_socket &operator=(const results_socket &) = delete;
    ~results_socket();

    /* Binds it to `url`; NULL: to an ipc socket in a folder of its own, which only this user may enter. False: stderr
     * says why. */
    bool bind(const char *url);

    const std::string &url() const
    {
        return url_;
    }

    /* Readable when there is something to hear. */
    int descriptor() const
    {
        return descriptor_;
    }

    /* Hands what has come to `store`, event by event. A message is acknowledged when all of it was stored; one that was
     * not comes again within seconds, whole. */
    void hear(const kraty::library &klp, const std::function<bool(const kraty::event &)> &store);

  private:
    int socket_ = -1;
    int descriptor_ = -1;
    std::string url_;
    std::string directory_; /* ours, to be removed */
};

#endif
