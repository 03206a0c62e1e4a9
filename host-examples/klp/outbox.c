/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

int outbox_run(const struct options *options)
{
    switch (options->command) {
    case COMMAND_OUTBOX_LIST:
        return outbox_list(options);
    case COMMAND_OUTBOX_SHOW:
        return outbox_show(options);
    case COMMAND_OUTBOX_RETRY_NOW:
        return outbox_retry_now(options);
    case COMMAND_OUTBOX_DROP:
        return outbox_drop(options);
    case COMMAND_OUTBOX_FAILED:
        return outbox_failed(options);
    case COMMAND_OUTBOX_REQUEUE:
        return outbox_requeue(options);
    default:
        return outbox_drain(options);
    }
}
