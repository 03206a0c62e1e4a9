/* SPDX-License-Identifier: Apache-2.0
 * Which files the library and what it stands on are, in this process.
 *
 * A function is looked for as the dynamic loader does it for the library's calls: what the program exports, and what it
 * is linked with or was preloaded, stands before the library's own. klp is linked with SQLite, and with no libcurl,
 * OpenSSL or nanomsg; a host that exports copies of its own sees another picture, which open() tells it. */
#include <dlfcn.h>
#include <kraty/lobby_pusher_load.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_checks.h"

#define HIDE_COPIES                                                                                                    \
    "Look at LD_PRELOAD and LD_LIBRARY_PATH; a host that exports a copy of its own is linked with that copy hidden "   \
    "(-Wl,--exclude-libs,ALL, or no -rdynamic)"

struct search {
    void *library; /* the plugin's handle */
    const char *library_file;
    const char *wanted;    /* what the file's name begins with */
    const char *elsewhere; /* a function that was found in another file, and … */
    const char *file;      /* … the file it, or the last good one, was found in */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* NULL: it is not there, or in a file that is another one's: then it is not to be called. */
static void *find(void *user, const char *name)
{
    struct search *search = user;
    void *found = dlsym(RTLD_DEFAULT, name);
    Dl_info place;

    if (!found)
        found = dlsym(search->library, name);
    if (!found || !dladdr(found, &place) || !place.dli_fname)
        return NULL;
    if (search->elsewhere)
        return NULL; /* whoever has one of its functions may have another */
    search->file = place.dli_fname;
    if (strncmp(base_name(place.dli_fname), search->wanted, strlen(search->wanted)) == 0 ||
        strcmp(place.dli_fname, search->library_file) == 0)
        return found;
    search->elsewhere = name;
    return NULL;
}

/* ─── What each says of itself ──────────────────────────────────────────────────────────────────── */

#define FIND(search, name, function)                                                                                   \
    do {                                                                                                               \
        void *found = find(search, name);                                                                              \
        memcpy(&(function), &found, sizeof found);                                                                     \
    } while (0)

static void tell_curl(struct search *search, char *version, size_t capacity)
{
    __typeof__(curl_version_info) *version_info;

    FIND(search, "curl_version_info", version_info);
    const curl_version_info_data *info = version_info ? version_info(CURLVERSION_NOW) : NULL;
    if (info)
        snprintf(version, capacity, "%s with %s", info->version, info->ssl_version ? info->ssl_version : "no TLS");
}

static void tell_openssl(struct search *search, char *version, size_t capacity)
{
    const char *(*version_text)(int which);

    FIND(search, "OpenSSL_version", version_text);
    if (version_text)
        snprintf(version, capacity, "%s", version_text(0)); /* OPENSSL_VERSION */
}

/* It has no version of its own at run time: its file's name has. */
static void tell_nanomsg(struct search *search, char *version, size_t capacity)
{
    static const char mark[] = ".so.";
    char *path = search->file ? realpath(search->file, NULL) : NULL;
    const char *found = path ? strstr(base_name(path), mark) : NULL;

    if (found)
        snprintf(version, capacity, "%s by its file's name", found + sizeof mark - 1);
    free(path);
}

static void tell_sqlite(struct search *search, char *version, size_t capacity)
{
    const char *(*libversion)(void);

    FIND(search, "sqlite3_libversion", libversion);
    if (libversion)
        snprintf(version, capacity, "%s", libversion());
}

static void check_dependency(struct examination *examination, const char *check, struct search *search,
                             const char *function, void (*tell)(struct search *, char *, size_t))
{
    struct report *report = &examination->report;
    char version[128] = "";
    bool is_there = find(search, function);

    if (is_there)
        tell(search, version, sizeof version);
    if (search->elsewhere)
        report_line(report, HEALTH_FAIL, check, HIDE_COPIES, "%s resolves into %s instead of %s", search->elsewhere,
                    search->file, search->wanted);
    else if (!is_there)
        report_line(report, HEALTH_SKIP, check, NULL, "the library is not linked with it, or has it built in");
    else
        report_line(report, HEALTH_OK, check, NULL, "%s, in %s", version[0] ? version : "of an unknown version",
                    search->file);
}

static void check_dependencies(struct examination *examination, void *library, const char *library_file)
{
    static const struct {
        const char *check, *wanted, *function;
        void (*tell)(struct search *, char *, size_t);
    } dependencies[] = {
        {"libcurl", "libcurl", "curl_easy_init", tell_curl},
        {"openssl", "libcrypto", "EVP_MAC_fetch", tell_openssl},
        {"nanomsg", "libnanomsg", "nn_socket", tell_nanomsg},
        {"sqlite", "libsqlite3", "sqlite3_open_v2", tell_sqlite},
    };

    for (size_t i = 0; i < sizeof dependencies / sizeof *dependencies; i++) {
        struct search search = {library, library_file, dependencies[i].wanted, NULL, NULL};
        check_dependency(examination, dependencies[i].check, &search, dependencies[i].function, dependencies[i].tell);
    }
    struct search search = {library, library_file, dependencies[0].wanted, NULL, NULL};
    curl_borrow(&examination->curl, find, &search);
}

/* ─── The library itself ────────────────────────────────────────────────────────────────────────── */

static const klp_api *load(struct report *report)
{
    char text[512];
    klp_text_buffer why = {.data = text, .capacity = sizeof text}; /* dlerror()'s own would be gone by now */
    const klp_api *klp = klp_load(NULL, &why);
    const char *given = getenv("KLP_LIBRARY");

    if (!klp)
        report_line(report, HEALTH_FAIL, "library",
                    given && *given ? "KLP_LIBRARY has to name the library's file, and what it is linked with has to "
                                      "be installed (ldd tells)"
                                    : "Install it where the dynamic loader looks (ldconfig, LD_LIBRARY_PATH), or set "
                                      "KLP_LIBRARY to its file",
                    "it cannot be loaded: %s", why.data);
    return klp;
}

/* Which file it is: the one that its functions are in. */
static void find_file(const klp_api *klp, const char **file, void **handle)
{
    void *address;
    Dl_info place;

    memcpy(&address, &klp->open, sizeof address);
    *file = dladdr(address, &place) && place.dli_fname ? place.dli_fname : "";
    *handle = **file ? dlopen(*file, RTLD_NOW | RTLD_NOLOAD) : NULL;
}

static void tell_library(struct examination *examination, const char *file)
{
    struct report *report = &examination->report;
    const klp_api *klp = examination->klp;

    if (strcmp(klp->version(), KLP_VERSION) != 0 || klp->abi != KLP_ABI)
        report_line(report, HEALTH_WARN, "library",
                    "Until 1.0 a host is compiled against the header of the library it loads",
                    "version %s, ABI %u, in %s; klp was compiled for %s, ABI %u", klp->version(), klp->abi, file,
                    KLP_VERSION, KLP_ABI);
    else if (examination->is_stub)
        report_line(report, HEALTH_WARN, "library", "Unset KLP_LIBRARY where pushes are to arrive",
                    "this is the stub for tests: nothing leaves the process; version %s, in %s", klp->version(), file);
    else
        report_line(report, HEALTH_OK, "library", NULL, "version %s, ABI %u, in %s", klp->version(), klp->abi, file);
}

void check_library(struct examination *examination)
{
    const klp_api *klp = load(&examination->report);
    const char *file;
    void *handle;

    if (!klp)
        return;
    if (klp->struct_size < sizeof *klp) {
        report_line(&examination->report, HEALTH_FAIL, "library", "Install a library that is as new as klp",
                    "it is older than klp: its table has %u bytes of %zu", klp->struct_size, sizeof *klp);
        return;
    }
    find_file(klp, &file, &handle);
    examination->klp = klp;
    examination->is_stub = handle && dlsym(handle, "klp_stub_get_api");
    tell_library(examination, file);
    if (!handle)
        return;
    check_dependencies(examination, handle, file);
    dlclose(handle); /* klp_load() has it, too: it stays */
}
