/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pusher/arguments.h"
#include "transport/base_url.h"
#include "why.h"
#include <openssl/crypto.h>

enum { MAX_URL_BYTES = 2048, MAX_HOST_NAME_BYTES = 256 };

#define DEFAULT_BASE_URL "https://api.kraty.io"

struct limit {
    const char *field;
    uint32_t given, normal, least, most;
    uint32_t *kept;
};

static klp_status set_limits(const klp_config *config, struct settings *settings, klp_text_buffer *why)
{
    uint32_t backoff_initial_ms = 0, backoff_max_ms = 0, jitter_permille = 0;
    const struct limit limits[] = {
        {"max_in_flight", config->max_in_flight, 8, 1, 256, &settings->max_in_flight},
        {"max_queued", config->max_queued, 16384, 1, 1048576, &settings->max_queued},
        {"max_unread_events", config->max_unread_events, 65536, 1, 16777216, &settings->max_unread_events},
        {"attempt_timeout_ms", config->attempt_timeout_ms, 15000, 1, 3600000, &settings->attempt_timeout_ms},
        {"deadline_ms", config->deadline_ms, 30000, 1, SETTINGS_MAX_DEADLINE_MS, &settings->deadline_ms},
        {"max_attempts", config->max_attempts, 4, 1, 100, &settings->retry.max_attempts},
        {"backoff_initial_ms", config->backoff_initial_ms, 200, 1, 3600000, &backoff_initial_ms},
        {"backoff_max_ms", config->backoff_max_ms, 10000, 1, 3600000, &backoff_max_ms},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct limit *limit = &limits[i];
        uint32_t value = limit->given ? limit->given : limit->normal;
        if (value < limit->least || value > limit->most)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is %u: not within %u and %u", limit->field, value,
                           limit->least, limit->most);
        *limit->kept = value;
    }
    if (config->jitter_permille > 1000 && config->jitter_permille != KLP_JITTER_NONE)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "jitter_permille is %u: not within 1 and 1000, nor KLP_JITTER_NONE",
                       config->jitter_permille);
    if (config->jitter_permille != KLP_JITTER_NONE)
        jitter_permille = config->jitter_permille ? config->jitter_permille : 1000;
    settings->retry.backoff = (struct backoff){
        .initial_ms = backoff_initial_ms, .max_ms = backoff_max_ms, .jitter_permille = jitter_permille};
    settings->max_queued_bytes = config->max_queued_bytes ? config->max_queued_bytes : UINT64_C(64) << 20;
    settings->max_reply_bytes = config->max_reply_bytes ? config->max_reply_bytes : UINT64_C(64) << 20;
    return KLP_OK;
}

static klp_status check_texts(const klp_config *config, klp_text_buffer *why)
{
    const struct {
        klp_text text;
        size_t max_bytes;
        const char *field;
    } texts[] = {
        {config->name, KLP_MAX_ID_BYTES, "name"},       {config->base_url, MAX_URL_BYTES, "base_url"},
        {config->game_id, KLP_MAX_ID_BYTES, "game_id"}, {config->ca_file, 4095, "ca_file"},
        {config->proxy, MAX_URL_BYTES, "proxy"},        {config->results_url, MAX_URL_BYTES, "results_url"},
        {config->api_key_file, 4095, "api_key_file"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        klp_status status = argument_text(texts[i].text, texts[i].max_bytes, texts[i].field, why);
        if (status)
            return status;
    }
    if (config->api_key.size && !config->api_key.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key has a size of %zu and no data", config->api_key.size);
    if (config->flags & ~(uint32_t)KLP_ALLOW_INSECURE)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "flags 0x%x are not known to this library", config->flags);
    if (config->reserved)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "reserved is not 0");
    if (config->game_id.size)
        return argument_path_id(config->game_id, "game_id", why);
    return KLP_OK;
}

static char *put(char **at, klp_text text)
{
    char *start = *at;
    if (text.size)
        memcpy(start, text.data, text.size);
    start[text.size] = '\0';
    *at += text.size + 1;
    return start;
}

static char *put_or_null(char **at, klp_text text)
{
    return text.size ? put(at, text) : NULL;
}

/* Copies every text, environment and defaults included, into one block. */
static klp_status copy_texts(const klp_config *config, klp_text base_url, klp_text name, struct settings *settings,
                             klp_text_buffer *why)
{
    settings->block = malloc(name.size + base_url.size + config->game_id.size + config->ca_file.size +
                             config->proxy.size + config->results_url.size + 6);
    if (!settings->block)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    char *at = settings->block;
    settings->name = (klp_text){put(&at, name), name.size};
    settings->game_id = (klp_text){put(&at, config->game_id), config->game_id.size};
    settings->base_url = put(&at, base_url);
    settings->ca_file = put_or_null(&at, config->ca_file);
    settings->proxy = put_or_null(&at, config->proxy);
    settings->results_url = put_or_null(&at, config->results_url);
    return KLP_OK;
}

static klp_status check_urls(const klp_config *config, struct settings *settings, const char *base_url_field,
                             klp_text_buffer *why)
{
    size_t kept = 0;
    klp_status status = base_url_check(settings->base_url, strlen(settings->base_url),
                                       config->flags & KLP_ALLOW_INSECURE, base_url_field, &kept, why);
    if (status)
        return status;
    settings->base_url[kept] = '\0';
    if (settings->proxy) {
        bool is_https = strncasecmp(settings->base_url, "https://", 8) == 0;
        status = proxy_url_check(settings->proxy, !is_https && !(config->flags & KLP_ALLOW_INSECURE), why);
        if (status)
            return status;
    }
    if (settings->ca_file && access(settings->ca_file, R_OK))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "ca_file cannot be read");
    return KLP_OK;
}

klp_status settings_open(const klp_config *config, struct settings *settings, klp_text_buffer *why)
{
    char name[MAX_HOST_NAME_BYTES + 32], host[MAX_HOST_NAME_BYTES] = "host";
    const char *base_url_field = "base_url";

    *settings = (struct settings){0};
    klp_status status = check_texts(config, why);
    if (!status)
        status = set_limits(config, settings, why);
    if (status)
        return status;

    klp_text base_url = config->base_url;
    if (!base_url.size) {
        const char *environment = getenv("KRATY_BASE_URL");
        if (environment && *environment) {
            base_url = klp_cstr(environment);
            base_url_field = "KRATY_BASE_URL";
            status = argument_text(base_url, MAX_URL_BYTES, base_url_field, why);
            if (status)
                return status;
        } else {
            base_url = klp_cstr(DEFAULT_BASE_URL);
        }
    }
    klp_text own_name = config->name;
    if (!own_name.size) {
        gethostname(host, sizeof host - 1);
        host[sizeof host - 1] = '\0';
        snprintf(name, sizeof name, "%s-%ld", host, (long)getpid());
        own_name = klp_cstr(name);
    }

    status = copy_texts(config, base_url, own_name, settings, why);
    if (status)
        return status;
    status = check_urls(config, settings, base_url_field, why);
    if (status)
        goto close_settings;
    status = api_key_open(config->api_key, config->api_key_file, &settings->api_key, why);
    if (status)
        goto close_settings;
    return KLP_OK;

close_settings:
    settings_close(settings);
    return status;
}

void settings_close(struct settings *settings)
{
    api_key_close(settings->api_key);
    if (settings->proxy)
        OPENSSL_cleanse(settings->proxy, strlen(settings->proxy)); /* it may hold a password */
    free(settings->block);
    *settings = (struct settings){0};
}
