/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_key.h"

#include <jansson.h>
#include <string.h>

#include "complain.h"

static bool is_of_environment(klp_text api_key, const char *wanted)
{
    json_t *key = json_loadb(api_key.data, api_key.size, 0, NULL);
    const char *environment = json_string_value(json_object_get(key, "environment"));
    bool is_it = environment && strcmp(environment, wanted) == 0;

    json_decref(key);
    return is_it;
}

static bool judge(const klp_event *event, const char *environment)
{
    if (event->ok) {
        if (!environment || is_of_environment(event->api_key_json, environment))
            return true;
        complain("the API key is not of the environment expected: nothing was sent");
        return false;
    }
    if (event->http_status == 401 || event->http_status == 403) {
        complain("the server refused the API key (%.*s): nothing was sent", KLP_TEXT_ARG(event->error_code));
        return false;
    }
    if (environment)
        complain("the API key could not be checked (%.*s): nothing was sent", KLP_TEXT_ARG(event->error_code));
    return !environment;
}

bool outbox_key_is_good(const klp_api *klp, const struct options *options, uint32_t timeout_ms)
{
    klp_config config = KLP_CONFIG_INIT;
    klp_text_buffer why = {0};
    const klp_event *event;
    klp_pusher *pusher;
    bool is_good = false;

    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.deadline_ms = timeout_ms;
    config.session_grace_ms = KLP_GRACE_NONE;
    if (klp->open(&config, &pusher, &why) != KLP_OK || klp->ping(pusher, 0, NULL, &why) != KLP_OK)
        complain("%s", why.data);
    else if (klp->next_event(pusher, KLP_WAIT_FOREVER, &event) == KLP_OK)
        is_good = judge(event, options->environment);
    klp->close(pusher);
    return is_good;
}
