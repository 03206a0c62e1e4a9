/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook.h"

#include <jansson.h>
#include <kraty/lobby_pusher_load.h>
#include <stdlib.h>

#include "complain.h"
#include "input.h"
#include "output.h"

/* The secrets themselves are the environment's. False: one is not there. No name is repeated, which may be a secret in
 * the wrong place. */
static bool find_secrets(const struct list *names, klp_text *secrets)
{
    for (size_t i = 0; i < names->count; i++) {
        secrets[i] = klp_cstr(getenv(names->items[i].data));
        if (secrets[i].size == 0) {
            complain("--secret-env number %zu names a variable that is not set, or empty", i + 1);
            return false;
        }
    }
    return true;
}

static int tell(bool is_valid, const char *why)
{
    struct output output = {.signals = -1};
    json_t *answer = is_valid ? json_pack("{s:b}", "valid", 1) : json_pack("{s:b, s:s}", "valid", 0, "reason", why);
    char *line = json_dumps(answer, JSON_COMPACT);
    bool is_told = line && output_line(&output, klp_cstr(line));

    if (!line)
        complain("out of memory");
    if (!is_valid)
        complain("%s", why);
    free(line);
    json_decref(answer);
    return is_valid && is_told ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}

static int verify(const struct options *options, const klp_text *secrets, klp_text body)
{
    klp_text_buffer why = {0};
    klp_webhook webhook = KLP_WEBHOOK_INIT;
    const klp_api *klp = klp_load(NULL, &why);

    webhook.tolerance_s = options->tolerance_s;
    webhook.signature = klp_cstr(options->signature);
    webhook.body = body;
    webhook.secrets = secrets;
    webhook.secret_count = options->secret_envs.count;
    webhook.now_unix_s = options->now_unix_s;
    klp_status status = klp ? klp->verify_webhook(&webhook, &why) : KLP_E_LIBRARY;
    if (status == KLP_OK || status == KLP_E_SIGNATURE)
        return tell(status == KLP_OK, why.data);
    complain("%s", why.data);
    return EXIT_USAGE;
}

int webhook_verify(const struct options *options)
{
    int status = EXIT_USAGE;
    klp_text body;
    klp_text *secrets = calloc(options->secret_envs.count, sizeof *secrets);

    if (!secrets)
        complain("out of memory");
    else if (find_secrets(&options->secret_envs, secrets) && input_read(&body)) {
        status = verify(options, secrets, body);
        input_clear(&body);
    }
    free(secrets);
    return status;
}
