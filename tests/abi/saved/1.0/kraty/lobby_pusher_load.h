/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads the kraty-lobby-pusher library at run time. Header-only; older C libraries need -ldl. */
#ifndef KRATY_LOBBY_PUSHER_LOAD_H
#define KRATY_LOBBY_PUSHER_LOAD_H

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "lobby_pusher.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Says why in the caller's buffer, or, where that is zeroed, points it at `sentence` itself. */
static inline void klp_load_says(klp_text_buffer *why, const char *sentence)
{
    if (!why)
        return;
    why->size = strlen(sentence);
    if (!why->data || why->capacity == 0) {
        why->data = (char *)(uintptr_t)sentence;
        why->capacity = 0;
        return;
    }
    if (why->size >= why->capacity)
        why->size = why->capacity - 1;
    memcpy(why->data, sentence, why->size);
    why->data[why->size] = '\0';
}

/* The library's function of that name, as an address; NULL: `why` says what failed. The library stays loaded. */
static inline void *klp_load_symbol(const char *path, const char *name, klp_text_buffer *why)
{
    void *library, *symbol;
    const char *failure;

    if (!path && !getauxval(AT_SECURE))
        path = getenv("KLP_LIBRARY");
    if (!path || !*path)
        path = KLP_SONAME;

    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        failure = dlerror();
        klp_load_says(why, failure ? failure : "dlopen failed without a reason");
        return NULL;
    }
    symbol = dlsym(library, name);
    if (!symbol) {
        failure = dlerror();
        /* no dlclose() here: it would take dlerror()'s text away */
        klp_load_says(why, failure ? failure : "the library's function is NULL");
    }
    return symbol;
}

/* Loads the library and agrees on an ABI with it.
 *
 * path: the library's file. NULL: $KLP_LIBRARY (so that a test can put a stub in its place; not in
 * programs that run with more rights than their user), else KLP_SONAME where the dynamic loader looks.
 *
 * Legal any time; a second call is cheap and gives the same table. The library is never unloaded.
 *
 * Returns the table, or NULL: `why` (may be NULL) says what failed; a zeroed buffer then points at a text
 * that lives until this thread's next call to a dl function.
 * [any-thread] */
static inline const klp_api *klp_load(const char *path, klp_text_buffer *why)
{
    klp_get_api_function get_api;
    const klp_api *api;
    uint32_t abi = KLP_ABI;
    void *symbol = klp_load_symbol(path, "klp_get_api", why);

    if (!symbol)
        return NULL;
    memcpy(&get_api, &symbol, sizeof get_api); /* ISO C has no cast from an object's to a function's pointer */
    api = get_api(&abi);
    klp_load_says(why, api ? "" : "the library has no ABI that this host was compiled for");
    return api;
}

#ifdef __cplusplus
}
#endif
#endif
