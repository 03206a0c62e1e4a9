/* SPDX-License-Identifier: Apache-2.0
 *
 * A host that exports a curl, an OpenSSL, a nanomsg or a SQLite of its own (-rdynamic, as game servers often are
 * linked) captures our calls, even under RTLD_LOCAL: same names, other structs, a crash at the first request. So we
 * look before we call. */
#include "pusher/libraries.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <nanomsg/nn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kraty/lobby_pusher.h"
#include "pusher/exit_guard.h"
#include "pusher/fork_guard.h"
#include "why.h"

/* CURLOPT_QUICK_EXIT is the newest thing we need. */
#define OLDEST_CURL 0x075700u

struct imported {
    const char *name, *library;
    void (*function)(void);
};

#define IMPORTED(name, library)                                                                                        \
    {                                                                                                                  \
#name, library, (void (*)(void))(name)                                                                         \
    }

static const struct imported imports[] = {
    IMPORTED(curl_global_init, "libcurl"),
    IMPORTED(curl_version_info, "libcurl"),
    IMPORTED(curl_easy_init, "libcurl"),
    IMPORTED(curl_easy_cleanup, "libcurl"),
    IMPORTED(curl_multi_init, "libcurl"),
    IMPORTED(curl_multi_add_handle, "libcurl"),
    IMPORTED(curl_multi_perform, "libcurl"),
    IMPORTED(curl_multi_poll, "libcurl"),
    IMPORTED(curl_multi_cleanup, "libcurl"),
    IMPORTED(curl_multi_remove_handle, "libcurl"),
    IMPORTED(curl_url_set, "libcurl"),
    IMPORTED(OPENSSL_init_crypto, "libcrypto"),
    IMPORTED(OPENSSL_cleanse, "libcrypto"),
    IMPORTED(EVP_MAC_fetch, "libcrypto"),
    IMPORTED(EVP_MAC_init, "libcrypto"),
    IMPORTED(EVP_MAC_update, "libcrypto"),
    IMPORTED(EVP_MAC_final, "libcrypto"),
    IMPORTED(CRYPTO_memcmp, "libcrypto"),
    IMPORTED(nn_socket, "libnanomsg"),
    IMPORTED(nn_connect, "libnanomsg"),
    IMPORTED(nn_send, "libnanomsg"),
    IMPORTED(nn_recv, "libnanomsg"),
    IMPORTED(nn_setsockopt, "libnanomsg"),
    IMPORTED(nn_close, "libnanomsg"),
    IMPORTED(sqlite3_open_v2, "libsqlite3"),
    IMPORTED(sqlite3_prepare_v3, "libsqlite3"),
    IMPORTED(sqlite3_step, "libsqlite3"),
    IMPORTED(sqlite3_reset, "libsqlite3"),
    IMPORTED(sqlite3_exec, "libsqlite3"),
    IMPORTED(sqlite3_bind_text64, "libsqlite3"),
    IMPORTED(sqlite3_column_text, "libsqlite3"),
    IMPORTED(sqlite3_db_config, "libsqlite3"),
    IMPORTED(sqlite3_file_control, "libsqlite3"),
    IMPORTED(sqlite3_close, "libsqlite3"),
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static klp_status result;
static char reason[512];

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A function's address as data: POSIX has them alike, ISO C has no cast for it. */
static const void *address_of(void (*function)(void))
{
    const void *address;
    _Static_assert(sizeof address == sizeof function, "functions are addressed as data is");
    memcpy(&address, &function, sizeof address);
    return address;
}

static bool is_where_expected(const struct imported *import, const char *own_file)
{
    Dl_info found;

    if (!dladdr(address_of(import->function), &found) || !found.dli_fname) {
        snprintf(reason, sizeof reason, "%s cannot be traced to a file", import->name);
        return false;
    }
    /* our own file: a build with the libraries inside */
    if (strncmp(base_name(found.dli_fname), import->library, strlen(import->library)) == 0 ||
        strcmp(found.dli_fname, own_file) == 0)
        return true;
    snprintf(reason, sizeof reason,
             "%s resolves into %s instead of %s: this process exports a copy of its own; link it with that copy hidden "
             "(-Wl,--exclude-libs,ALL, or no -rdynamic)",
             import->name, found.dli_fname, import->library);
    return false;
}

static klp_status check_imports(void)
{
    Dl_info own;
    if (!dladdr(address_of((void (*)(void))libraries_init), &own) || !own.dli_fname)
        own.dli_fname = "";
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++)
        if (!is_where_expected(&imports[i], own.dli_fname))
            return KLP_E_LIBRARY;
    return KLP_OK;
}

static klp_status check_curl(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *missing = NULL;

    if (info->version_num < OLDEST_CURL)
        missing = "is older than 7.87";
    else if (!(info->features & CURL_VERSION_SSL))
        missing = "has no TLS";
    else if (!(info->features & CURL_VERSION_ASYNCHDNS))
        missing = "resolves names without a time limit";
    else if (!(info->features & CURL_VERSION_THREADSAFE))
        missing = "cannot be initialised beside other threads";
    if (!missing)
        return KLP_OK;
    snprintf(reason, sizeof reason, "libcurl %s %s", info->version, missing);
    return KLP_E_LIBRARY;
}

static klp_status init(void)
{
    klp_status status = check_imports();
    if (status)
        return status;
    status = check_curl();
    if (status)
        return status;

    /* Before anything else touches OpenSSL: its clean-up at exit() would run under our worker's feet. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        snprintf(reason, sizeof reason, "libcurl could not be initialised");
        return KLP_E_LIBRARY;
    }
    if (!fork_guard_arm() || !exit_guard_arm()) {
        snprintf(reason, sizeof reason, "the system refused a page of memory or an exit handler");
        return KLP_E_SYSTEM;
    }
    return KLP_OK;
}

static void init_once(void)
{
    result = init();
}

klp_status libraries_init(klp_text_buffer *why)
{
    pthread_once(&once, init_once);
    return result ? why_say(why, result, "%s", reason) : KLP_OK;
}
