/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

int query_read(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};
    klp_text game = KLP_TEXT_NONE; /* the session's */
    klp_status status = session->klp->read(session->pusher, game, klp_cstr(options->lobby), 0, NULL, &why);

    return session_conclude(session, status, why.data);
}

int query_await(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};
    klp_await await = KLP_AWAIT_INIT;

    await.lobby_id = klp_cstr(options->lobby);
    await.timeout_ms = options->wait_ms;
    await.poll_interval_ms = options->interval_ms;
    klp_status status = session->klp->await(session->pusher, &await, NULL, &why);
    return session_conclude(session, status, why.data);
}

int query_ping(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};

    (void)options;
    klp_status status = session->klp->ping(session->pusher, 0, NULL, &why);
    return session_conclude(session, status, why.data);
}
