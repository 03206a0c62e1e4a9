/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include "complain.h"

static int finish(struct session *session, klp_status status, const char *why)
{
    if (status) {
        complain("%s", why);
        return EXIT_USAGE;
    }
    session->tally.asked++;
    session_finish(session);
    return session_exit_status(session);
}

int query_read(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};
    klp_text game = KLP_TEXT_NONE; /* the session's */
    klp_status status = session->klp->read(session->pusher, game, klp_cstr(options->lobby), 0, NULL, &why);

    return finish(session, status, why.data);
}

int query_ping(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};

    (void)options;
    klp_status status = session->klp->ping(session->pusher, 0, NULL, &why);
    return finish(session, status, why.data);
}
