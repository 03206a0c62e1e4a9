/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/settings.h"

#include <openssl/crypto.h>
#include <stdbool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pusher/arguments.h"
#include "transport/base_url.h"
#include "why.h"

enum { MAX_URL_BYTES = 2048, MAX_HOST_NAME_BYTES = 256, LEAST_OUTBOX_BYTES = 1 << 20 };

#define DEFAULT_BASE_URL "https://api.kraty.io"

struct limit {
    const char *field;
    uint32_t given, normal, least, most;
    uint32_t *kept;
};

static klp_status set_limits(const klp_config *config, struct settings *settings, klp_text_buffer *why)
{
    uint32_t max_attempts = 0, backoff_initial_ms = 0, backoff_max_ms = 0, jitter_permille = 0;
    const struct limit limits[] = {
        {"max_in_flight", config->max_in_flight, 8, 1, 256, &settings->max_in_flight},
        {"max_queued", config->max_queued, 16384, 1, 1048576, &settings->max_queued},
        {"max_unread_events", config->max_unread_events, 65536, 1, 16777216, &settings->max_unread_events},
        {"attempt_timeout_ms", config->attempt_timeout_ms, 15000, 1, 3600000, &settings->attempt_timeout_ms},
        {"deadline_ms", config->deadline_ms, config->outbox_dir.size ? 7200000 : 30000, 1, SETTINGS_MAX_DEADLINE_MS,
         &settings->deadline_ms},
        {"outbox_adopt_ms", config->outbox_adopt_ms == KLP_ADOPT_NONE ? 0 : config->outbox_adopt_ms, 15000, 1, 3600000,
         &settings->outbox_adopt_ms},
        {"durable_timeout_ms", config->durable_timeout_ms, 5000, 1, 3600000, &settings->durable_timeout_ms},
        {"max_attempts", config->max_attempts, 4, 1, 100, &max_attempts},
        {"backoff_initial_ms", config->backoff_initial_ms, 200, 1, 3600000, &backoff_initial_ms},
        {"backoff_max_ms", config->backoff_max_ms, 10000, 1, 3600000, &backoff_max_ms},
        {"session_grace_ms", config->session_grace_ms == KLP_GRACE_NONE ? 0 : config->session_grace_ms, 30000, 1,
         3600000, &settings->session_grace_ms},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct limit *limit = &limits[i];
        uint32_t value = limit->given ? limit->given : limit->normal;
        if (value < limit->least || value > limit->most)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is %u: not within %u and %u", limit->field, value,
                           limit->least, limit->most);
        *limit->kept = value;
    }
    settings->retry.max_attempts = config->outbox_dir.size && !config->max_attempts ? UINT32_MAX : max_attempts;
    if (config->outbox_adopt_ms == KLP_ADOPT_NONE)
        settings->outbox_adopt_ms = 0;
    if (config->session_grace_ms == KLP_GRACE_NONE)
        settings->session_grace_ms = 0;
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

static bool is_text(klp_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static klp_status check_texts(const klp_config *config, klp_text_buffer *why)
{
    const struct {
        klp_text text;
        size_t max_bytes;
        const char *field;
    } texts[] = {
        {config->name, KLP_MAX_ID_BYTES, "name"},
        {config->base_url, MAX_URL_BYTES, "base_url"},
        {config->game_id, KLP_MAX_ID_BYTES, "game_id"},
        {config->ca_file, 4095, "ca_file"},
        {config->proxy, MAX_URL_BYTES, "proxy"},
        {config->results_url, MAX_URL_BYTES, "results_url"},
        {config->outbox_dir, 4000, "outbox_dir"},
        {config->api_key_file, 4095, "api_key_file"},
        {config->expect_environment, 255, "expect_environment"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        klp_status status = argument_text(texts[i].text, texts[i].max_bytes, texts[i].field, why);
        if (status)
            return status;
    }
    if (config->api_key.size && !config->api_key.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "api_key has a size of %zu and no data", config->api_key.size);
    if (config->flags & ~(uint32_t)(KLP_ALLOW_INSECURE | KLP_PROXY_FROM_ENVIRONMENT))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "flags 0x%x are not known to this library", config->flags);
    if (config->reserved)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "reserved is not 0");
    if (config->reserved_too)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "reserved_too is not 0");
    if (config->outbox_sync < KLP_SYNC_FULL || config->outbox_sync > KLP_SYNC_NORMAL)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "outbox_sync is %d: not one of KLP_SYNC_…", config->outbox_sync);
    if (config->outbox_mode < KLP_OUTBOX_REQUIRED || config->outbox_mode > KLP_OUTBOX_BEST_EFFORT)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "outbox_mode is %d: not one of KLP_OUTBOX_…", config->outbox_mode);
    if (config->outbox_damaged < KLP_DAMAGED_REFUSE || config->outbox_damaged > KLP_DAMAGED_REPLACE)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "outbox_damaged is %d: not one of KLP_DAMAGED_…",
                       config->outbox_damaged);
    if (config->outbox_max_bytes && config->outbox_max_bytes < LEAST_OUTBOX_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "outbox_max_bytes is %llu, less than %d",
                       (unsigned long long)config->outbox_max_bytes, LEAST_OUTBOX_BYTES);
    if (config->log_level < 0 || config->log_level > KLP_LOG_INFO)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "log_level is %d: not one of KLP_LOG_…", config->log_level);
    if (config->expect_environment.size && !is_text(config->expect_environment, "live") &&
        !is_text(config->expect_environment, "test"))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "expect_environment is neither \"live\" nor \"test\"");
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

/* The first that is set and not empty, and its name; or NULL. */
static const char *environment(const char *const *names, size_t count, const char **name)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            *name = names[i];
            return value;
        }
    }
    return NULL;
}

/* What config leaves to the environment, and to defaults. */
struct found {
    klp_text name, base_url, proxy, no_proxy;
    const char *proxy_scheme; /* to stand before `proxy`, or "" */
    const char *base_url_field, *proxy_field;
};

/* Read once, here, on the host's thread: libcurl would look on ours whenever it liked. */
static void find_proxy(const klp_config *config, struct found *found)
{
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY"}; /* HTTP_PROXY: a CGI's header */
    static const char *const not_for[] = {"no_proxy", "NO_PROXY"};
    const char *unused;
    bool is_https = found->base_url.size >= 8 && strncasecmp(found->base_url.data, "https://", 8) == 0;

    found->proxy = config->proxy;
    found->proxy_scheme = "";
    found->proxy_field = "proxy";
    if (config->proxy.size || !(config->flags & KLP_PROXY_FROM_ENVIRONMENT))
        return;
    found->proxy = klp_cstr(is_https ? environment(for_https, sizeof for_https / sizeof *for_https, &found->proxy_field)
                                     : environment(for_http, sizeof for_http / sizeof *for_http, &found->proxy_field));
    if (found->proxy.size && !strstr(found->proxy.data, "://"))
        found->proxy_scheme = "http://";
    found->no_proxy = klp_cstr(environment(not_for, sizeof not_for / sizeof *not_for, &unused));
}

/* Copies every text into one block. */
static klp_status copy_texts(const klp_config *config, const struct found *found, struct settings *settings,
                             klp_text_buffer *why)
{
    settings->block =
        malloc(found->name.size + found->base_url.size + config->game_id.size + config->ca_file.size +
               strlen(found->proxy_scheme) + found->proxy.size + found->no_proxy.size + config->results_url.size +
               config->api_key_file.size + config->expect_environment.size + config->outbox_dir.size + 10);
    if (!settings->block)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    char *at = settings->block;
    settings->name = (klp_text){put(&at, found->name), found->name.size};
    settings->game_id = (klp_text){put(&at, config->game_id), config->game_id.size};
    settings->base_url = put(&at, found->base_url);
    settings->ca_file = put_or_null(&at, config->ca_file);
    settings->no_proxy = put_or_null(&at, found->no_proxy);
    settings->results_url = put_or_null(&at, config->results_url);
    settings->api_key_file = put_or_null(&at, config->api_key_file);
    settings->expect_environment = put_or_null(&at, config->expect_environment);
    settings->outbox_dir = put_or_null(&at, config->outbox_dir);
    if (found->proxy.size) {
        settings->proxy = at;
        memcpy(at, found->proxy_scheme, strlen(found->proxy_scheme));
        at += strlen(found->proxy_scheme);
        put(&at, found->proxy);
    }
    return KLP_OK;
}

static klp_status check_urls(const klp_config *config, const struct found *found, struct settings *settings,
                             klp_text_buffer *why)
{
    size_t kept = 0;
    klp_status status = base_url_check(settings->base_url, strlen(settings->base_url),
                                       config->flags & KLP_ALLOW_INSECURE, found->base_url_field, &kept, why);
    if (status)
        return status;
    settings->base_url[kept] = '\0';
    if (settings->proxy) {
        bool is_https = strncasecmp(settings->base_url, "https://", 8) == 0;
        status = proxy_url_check(settings->proxy, !is_https && !(config->flags & KLP_ALLOW_INSECURE),
                                 found->proxy_field, why);
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
    struct found found = {.base_url_field = "base_url"};

    *settings = (struct settings){0};
    klp_status status = check_texts(config, why);
    if (!status)
        status = set_limits(config, settings, why);
    if (status)
        return status;

    found.base_url = config->base_url;
    if (!found.base_url.size) {
        static const char *const names[] = {"KRATY_BASE_URL"};
        const char *given = environment(names, 1, &found.base_url_field);
        found.base_url = klp_cstr(given ? given : DEFAULT_BASE_URL);
        status = argument_text(found.base_url, MAX_URL_BYTES, found.base_url_field, why);
        if (status)
            return status;
    }
    find_proxy(config, &found);
    status = argument_text(found.proxy, MAX_URL_BYTES, found.proxy_field, why);
    if (status)
        return status;
    found.name = config->name;
    if (!found.name.size) {
        gethostname(host, sizeof host - 1);
        host[sizeof host - 1] = '\0';
        snprintf(name, sizeof name, "%s-%ld", host, (long)getpid());
        found.name = klp_cstr(name);
    }

    status = copy_texts(config, &found, settings, why);
    if (status)
        return status;
    status = check_urls(config, &found, settings, why);
    if (status)
        goto close_settings;
    status = api_key_open(config->api_key, settings->api_key_file, &settings->api_key, why);
    if (status)
        goto close_settings;
    settings->outbox_sync = config->outbox_sync;
    settings->outbox_mode = config->outbox_mode;
    settings->outbox_damaged = config->outbox_damaged;
    settings->outbox_max_bytes = config->outbox_max_bytes ? config->outbox_max_bytes : UINT64_C(1) << 30;
    settings->on_attempt = config->on_attempt;
    settings->on_log = config->on_log;
    settings->callback_user = config->callback_user;
    settings->log_level = config->log_level ? config->log_level : KLP_LOG_INFO;
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
