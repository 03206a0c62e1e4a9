/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <kraty/lobby_pusher_load.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "complain.h"
#include "outbox_files.h"

enum {
    MAX_IN_FLIGHT = 8,
    MOST_TURNS = SESSION_MAX_QUEUED / MAX_IN_FLIGHT + 1, /* until the last in a full queue has had its attempt */
    DEFAULT_TIMEOUT_MS = 15000,
    DEFAULT_ATTEMPTS = 4,
    LONGEST_WAIT_MS = 10000, /* between two attempts */
    LONGEST_DEADLINE_MS = 604800000,
    DRAIN_MS = 2000
};

int session_open_signals(void)
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
    bool is_many = options->command == COMMAND_PUSH && !options->key && !options->roster_format;
    uint64_t turn_ms = (uint64_t)config->max_attempts * ((uint64_t)config->attempt_timeout_ms + LONGEST_WAIT_MS);
    uint64_t all_ms = options->environment && !is_many ? turn_ms - LONGEST_WAIT_MS : MOST_TURNS * turn_ms;
    return all_ms < LONGEST_DEADLINE_MS ? (uint32_t)all_ms : LONGEST_DEADLINE_MS;
}

static void bound_attempts(klp_config *config, const struct options *options)
{
    if (!config->max_attempts)
        config->max_attempts = DEFAULT_ATTEMPTS;
    if (!config->deadline_ms)
        config->deadline_ms = longest_deadline_ms(config, options);
}

static const char *outbox_name(const struct options *options)
{
    return options->name ? options->name : SESSION_OUTBOX_NAME;
}

/* Its patience is the library's: what is written down outlasts a server that is away. Files of others are not taken up:
 * their verdicts are for their own hosts. */
static void use_outbox(klp_config *config, const struct options *options)
{
    config->name = klp_cstr(outbox_name(options));
    config->outbox_dir = klp_cstr(options->outbox);
    config->outbox_sync =
        options->outbox_sync && strcmp(options->outbox_sync, "normal") == 0 ? KLP_SYNC_NORMAL : KLP_SYNC_FULL;
    config->outbox_max_bytes = (uint64_t)options->outbox_max_bytes;
    config->outbox_adopt_ms = KLP_ADOPT_NONE;
}

static klp_status open_pusher(struct session *session, const struct options *options, klp_text_buffer *why)
{
    klp_config config = KLP_CONFIG_INIT;

    config.name = klp_cstr(options->name);
    config.game_id = klp_cstr(options->game);
    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.expect_environment = klp_cstr(options->environment);
    config.max_in_flight = MAX_IN_FLIGHT;
    config.max_queued = SESSION_MAX_QUEUED;
    config.attempt_timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    config.max_attempts = options->attempts;
    config.jitter_permille = options->jitter_permille;
    config.deadline_ms = options->deadline_ms;
    if (options->outbox)
        use_outbox(&config, options);
    else
        bound_attempts(&config, options);
    config.session_grace_ms = options->grace_ms ? options->grace_ms : KLP_GRACE_NONE; /* nobody gives a new key here */
    verbose_start(&session->verbose, options->is_verbose, &config);
    return session->klp->open(&config, &session->pusher, why);
}

static klp_stats stats_of(const struct session *session)
{
    klp_stats stats = KLP_STATS_INIT;

    session->klp->stats(session->pusher, &stats);
    return stats;
}

static void tell_what_was_left(const struct session *session)
{
    klp_stats stats = stats_of(session);

    if (stats.recovered || stats.unread_events)
        complain("the outbox goes on with %" PRIu64 " calls without a verdict, and has %" PRIu64
                 " verdicts that were not told",
                 stats.recovered, stats.unread_events);
}

/* Several runs at once have a file each; the next run takes up one of them. */
static void tell_of_others(const struct options *options)
{
    const struct options of_name = {.outbox = options->outbox, .pusher = outbox_name(options)};
    struct outbox_files files;

    if (!outbox_files_find(&of_name, &files))
        return;
    for (size_t i = 0; i < files.count; i++) {
        const struct outbox_file *file = &files.items[i];
        if (!file->is_in_use && (file->facts.jobs || file->facts.events))
            complain("%s, of the same name, has %" PRIu64 " calls without a verdict and %" PRIu64
                     " verdicts, too: klp outbox drain sends and tells them",
                     file->name, file->facts.jobs, file->facts.events);
    }
    outbox_files_clear(&files);
}

bool session_open(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};

    *session = (struct session){.signals = session_open_signals(), .has_outbox = options->outbox != NULL};
    session->output.signals = session->signals;
    if (session->signals < 0) {
        complain("signalfd: %s", strerror(errno));
        return false;
    }
    session->klp = klp_load(NULL, &why);
    if (session->klp && open_pusher(session, options, &why) == KLP_OK) {
        session->klp->event_fd(session->pusher, &session->events);
        if (!options->is_quiet)
            tell_what_was_left(session);
        if (options->outbox)
            tell_of_others(options);
        return true;
    }
    complain("%s", why.data);
    close(session->signals);
    return false;
}

void session_tell(struct session *session)
{
    const klp_event *event;

    while (session->klp->next_event(session->pusher, 0, &event) == KLP_OK) {
        tally_add(&session->tally, event);
        if (output_line(&session->output, event->json))
            session->klp->ack(session->pusher, event);
    }
}

bool session_is_all_told(const struct session *session)
{
    if (!session->has_outbox)
        return session->tally.told == session->tally.asked;
    return session->klp->flush(session->pusher, 0) == KLP_OK && stats_of(session).unread_events == 0;
}

void session_finish(struct session *session)
{
    struct pollfd ready[] = {{.fd = session->signals, .events = POLLIN}, {.fd = session->events, .events = POLLIN}};

    while (!session_is_all_told(session) && !session->output.has_failed && !ready[0].revents) {
        poll(ready, 2, -1);
        session_tell(session);
    }
    session_stop(session);
}

int session_conclude(struct session *session, klp_status status, const char *why)
{
    if (status)
        complain("%s", why);
    if (status && status != KLP_E_TIMEOUT) /* which is accepted all the same */
        return EXIT_USAGE;
    session->tally.asked++;
    session_finish(session);
    return session_exit_status(session);
}

/* What was accepted, here or by an earlier process, and has no verdict. */
static size_t count_left(const struct session *session)
{
    klp_stats stats = stats_of(session);

    return stats.accepted + stats.recovered - stats.applied - stats.not_applied - stats.possibly_applied -
           stats.calls_ok - stats.calls_failed;
}

void session_stop(struct session *session)
{
    session->klp->stop(session->pusher, DRAIN_MS);
    session_tell(session);
    if (!session->has_outbox)
        return;
    session->tally.left = count_left(session);
    if (session->tally.left)
        complain("%zu left in the outbox without a verdict: the next klp push with its --outbox and --name goes on",
                 session->tally.left);
}

void session_close(struct session *session)
{
    session->klp->close(session->pusher);
    verbose_end(&session->verbose);
    close(session->signals);
}

int session_exit_status(const struct session *session)
{
    int status = tally_exit_status(&session->tally);

    return status == EXIT_APPLIED && session->output.has_failed ? EXIT_NOT_APPLIED : status;
}
