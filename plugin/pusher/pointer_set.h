/* SPDX-License-Identifier: Apache-2.0
 * A set of addresses, of fixed room: whether an address is one of ours is known without looking at what it points to.
 */
#ifndef KLP_PUSHER_POINTER_SET_H
#define KLP_PUSHER_POINTER_SET_H

#include <stdbool.h>
#include <stddef.h>

struct pointer_set {
    const void **slots; /* NULL: empty; half of them at most are in use */
    size_t mask;
};

/* Room for `most` addresses. Its memory is taken when it is used. False: out of memory. */
bool pointer_set_init(struct pointer_set *set, size_t most);
void pointer_set_destroy(struct pointer_set *set);

void pointer_set_add(struct pointer_set *set, const void *pointer);    /* which is not in it, and not NULL */
bool pointer_set_remove(struct pointer_set *set, const void *pointer); /* whether it was in it */

#endif
