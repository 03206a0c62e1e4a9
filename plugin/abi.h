/* SPDX-License-Identifier: Apache-2.0
 * The table of all functions. */
#ifndef KLP_ABI_H
#define KLP_ABI_H

#include "kraty/lobby_pusher.h"

extern const klp_api abi_table;

/* Whether a host that knows ABIs up to *abi can be served; *abi becomes the one agreed on, or, when not, our newest. */
static inline int abi_agree(uint32_t *abi)
{
    enum { OLDEST_ABI = 1 };
    uint32_t newest_of_host = *abi;

    *abi = KLP_ABI; /* with one ABI so far, the newest of both is this one or none */
    return newest_of_host >= OLDEST_ABI;
}

#endif
