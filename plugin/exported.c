/* SPDX-License-Identifier: Apache-2.0
 * The one exported symbol. */
#include <stddef.h>

#include "abi.h"

__attribute__((visibility("default"))) const klp_api *klp_get_api(uint32_t *abi)
{
    return abi && abi_agree(abi) ? &abi_table : NULL;
}
