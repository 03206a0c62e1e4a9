/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <string.h>

#include "complain.h"
#include "input.h"
#include "session.h"

static int ask(const struct options *options, klp_text body)
{
    struct session session;
    klp_text_buffer why = {0};
    klp_call call = KLP_CALL_INIT;

    call.method = options->words.items[0];
    call.segments = options->words.items + 1;
    call.segment_count = options->words.count - 1;
    call.body_json = body;
    if (!session_open(&session, options))
        return EXIT_USAGE;
    klp_status status = session.klp->call(session.pusher, &call, NULL, &why);
    int exit_status = session_conclude(&session, status, why.data);
    session_close(&session);
    return exit_status;
}

int call_run(const struct options *options)
{
    klp_text body;

    if (!options->body || strcmp(options->body, "-") != 0)
        return ask(options, klp_cstr(options->body));

    if (!input_read(&body))
        return EXIT_USAGE;
    int status = EXIT_USAGE;
    if (body.size == 0)
        complain("stdin is empty, and --body is to come from it");
    else
        status = ask(options, body);
    input_clear(&body);
    return status;
}
