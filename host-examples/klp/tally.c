/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include "options.h"

void tally_add(struct tally *tally, const klp_event *event)
{
    tally->told++;
    if (event->outcome == KLP_OUTCOME_NONE && event->ok)
        tally->queries_ok++;
    else if (event->outcome == KLP_OUTCOME_NONE)
        tally->queries_failed++;
    else if (event->outcome == KLP_APPLIED)
        tally->applied++, tally->replayed += event->replayed != 0;
    else if (event->outcome == KLP_NOT_APPLIED)
        tally->not_applied++;
    else
        tally->possibly_applied++;
}

int tally_exit_status(const struct tally *tally)
{
    if (tally->possibly_applied || tally->left) /* which may be applied yet */
        return EXIT_POSSIBLY_APPLIED;
    return tally->not_applied || tally->queries_failed ? EXIT_NOT_APPLIED : EXIT_APPLIED;
}
