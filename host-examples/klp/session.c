/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <kraty/lobby_pusher_load.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "complain.h"

enum {
    MAX_IN_FLIGHT = 8,
    MOST_TURNS = SESSION_MAX_QUEUED / MAX_IN_FLIGHT + 1, /* until the last in a full queue has had its attempt */
    DEFAULT_TIMEOUT_MS = 15000,
    DEFAULT_ATTEMPTS = 4,
    LONGEST_WAIT_MS = 10000, /* between two attempts */
    LONGEST_DEADLINE_MS = 604800000,
    DRAIN_MS = 2000
};

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* So that nothing expires for having been queued. But one call alone that waits for its key to be checked, which is
 * tried until the deadline, gets no more than its attempts may take: a server that is away is not waited for. */
static uint32_t longest_deadline_ms(const klp_config *config, const struct options *options)
{
    bool is_many = options->command == COMMAND_PUSH && !options->key;
    uint64_t turn_ms = (uint64_t)config->max_attempts * ((uint64_t)config->attempt_timeout_ms + LONGEST_WAIT_MS);
    uint64_t all_ms = options->environment && !is_many ? turn_ms - LONGEST_WAIT_MS : MOST_TURNS * turn_ms;
    return all_ms < LONGEST_DEADLINE_MS ? (uint32_t)all_ms : LONGEST_DEADLINE_MS;
}

static klp_status open_pusher(struct session *session, const struct options *options, klp_text_buffer *why)
{
    klp_config config = KLP_CONFIG_INIT;

    config.game_id = klp_cstr(options->game);
    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.expect_environment = klp_cstr(options->environment);
    config.max_in_flight = MAX_IN_FLIGHT;
    config.max_queued = SESSION_MAX_QUEUED;
    config.attempt_timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    config.max_attempts = options->attempts ? options->attempts : DEFAULT_ATTEMPTS;
    config.jitter_permille = options->jitter_permille;
    config.deadline_ms = options->deadline_ms ? options->deadline_ms : longest_deadline_ms(&config, options);
    config.session_grace_ms = options->grace_ms ? options->grace_ms : KLP_GRACE_NONE; /* nobody gives a new key here */
    verbose_start(&session->verbose, options->is_verbose, &config);
    return session->klp->open(&config, &session->pusher, why);
}

bool session_open(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};

    *session = (struct session){.signals = open_signals()};
    session->output.signals = session->signals;
    if (session->signals < 0) {
        complain("signalfd: %s", strerror(errno));
        return false;
    }
    session->klp = klp_load(NULL, &why);
    if (session->klp && open_pusher(session, options, &why) == KLP_OK) {
        session->klp->event_fd(session->pusher, &session->events);
        return true;
    }
    complain("%s", why.data);
    close(session->signals);
    return false;
}

static void count(struct tally *tally, const klp_event *event)
{
    tally->told++;
    if (event->outcome == KLP_OUTCOME_NONE && event->ok)
        tally->queries_ok++;
    else if (event->outcome == KLP_OUTCOME_NONE)
        tally->queries_failed++;
    else if (event->outcome == KLP_APPLIED)
        tally->applied++, tally->replayed += event->replayed != 0;
    else if (event->outcome == KLP_NOT_APPLIED)
        tally->not_applied++;
    else
        tally->possibly_applied++;
}

void session_tell(struct session *session)
{
    const klp_event *event;

    while (session->klp->next_event(session->pusher, 0, &event) == KLP_OK) {
        count(&session->tally, event);
        if (output_line(&session->output, event->json))
            session->klp->ack(session->pusher, event);
    }
}

void session_finish(struct session *session)
{
    struct pollfd ready[] = {{.fd = session->signals, .events = POLLIN}, {.fd = session->events, .events = POLLIN}};

    while (session->tally.told < session->tally.asked && !session->output.has_failed && !ready[0].revents) {
        poll(ready, 2, -1);
        session_tell(session);
    }
    session_stop(session);
}

int session_conclude(struct session *session, klp_status status, const char *why)
{
    if (status) {
        complain("%s", why);
        return EXIT_USAGE;
    }
    session->tally.asked++;
    session_finish(session);
    return session_exit_status(session);
}

void session_stop(struct session *session)
{
    session->klp->stop(session->pusher, DRAIN_MS);
    session_tell(session);
}

void session_close(struct session *session)
{
    session->klp->close(session->pusher);
    verbose_end(&session->verbose);
    close(session->signals);
}

int session_exit_status(const struct session *session)
{
    const struct tally *tally = &session->tally;

    if (tally->possibly_applied)
        return EXIT_POSSIBLY_APPLIED;
    return tally->not_applied || tally->queries_failed || session->output.has_failed ? EXIT_NOT_APPLIED : EXIT_APPLIED;
}
