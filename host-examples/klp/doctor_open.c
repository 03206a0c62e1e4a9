/* SPDX-License-Identifier: Apache-2.0
 * Whether a pusher opens with what is given, and if not, whose fault it is. Nothing is sent by that. */
#include <stdlib.h>
#include <string.h>

#include "doctor_checks.h"

/* Has the form of a key, and goes nowhere: what the real one is like is looked at next. */
#define PLACEHOLDER "doctor.asks-nobody"

static const char *advice_on(klp_status status, const char *why)
{
    static const struct {
        const char *part, *advice;
    } faults[] = {
        {"is not loopback", "Give an https:// URL: over plain http everybody on the way can read the API key"},
        {"_url",
         "Give the server's URL with --base-url, as https://host[:port], or leave both it and KRATY_BASE_URL out"},
        {"_URL", "Set KRATY_BASE_URL to the server's URL, as https://host[:port], or unset it"},
        {"ca_file", "Give --ca-file a PEM file that this user may read"},
        {"game_id", "Give --game the id of the game"},
    };

    if (status == KLP_E_LIBRARY)
        return "See the libraries above; a host that exports such a copy is told the same by its open()";
    if (status == KLP_E_SYSTEM)
        return "Raise what the system allows: see descriptors below";
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strstr(why, faults[i].part))
            return faults[i].advice;
    return NULL;
}

static const char *source_of_url(const struct options *options)
{
    const char *environment = getenv("KRATY_BASE_URL");

    return options->base_url ? "--base-url" : environment && *environment ? "KRATY_BASE_URL" : "the default";
}

void check_open(struct examination *examination)
{
    const struct options *options = examination->options;
    klp_config config = KLP_CONFIG_INIT;
    klp_text_buffer why = {0};
    klp_pusher *pusher;

    if (!examination->klp) {
        report_line(&examination->report, HEALTH_SKIP, "open", NULL, "there is no library");
        return;
    }
    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.game_id = klp_cstr(options->game);
    config.api_key = klp_cstr(PLACEHOLDER);
    klp_status status = examination->klp->open(&config, &pusher, &why);
    if (status) {
        report_line(&examination->report, HEALTH_FAIL, "open", advice_on(status, why.data), "%s: %s",
                    examination->klp->status_text(status), why.data);
        return;
    }
    examination->klp->close(pusher);
    examination->opens = true;
    probe_find_url(&examination->probe, options);
    report_line(&examination->report, HEALTH_OK, "open", NULL, "a pusher opens; its server is %s (%s)",
                examination->probe.base_url, source_of_url(options));
}
