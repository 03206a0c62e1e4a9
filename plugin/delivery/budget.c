/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/budget.h"

/* No retry is put off for more than ten seconds, and no storm of them is paid for long after it has passed. */
enum { ONE_RETRY = 1000, MOST_PROMISED = -10 * BUDGET_PER_SECOND };

static void add(struct budget *budget, int64_t thousandths)
{
    budget->left += thousandths;
    if (budget->left > BUDGET_MOST)
        budget->left = BUDGET_MOST;
}

void budget_init(struct budget *budget, uint64_t now_us)
{
    *budget = (struct budget){.left = BUDGET_MOST, .filled_us = now_us};
}

void budget_note_success(struct budget *budget)
{
    add(budget, BUDGET_PER_SUCCESS);
}

static void fill(struct budget *budget, uint64_t now_us)
{
    const uint64_t us_each = 1000000 / BUDGET_PER_SECOND; /* of one thousandth */
    const uint64_t most = 2 * (uint64_t)(BUDGET_MOST - MOST_PROMISED);
    uint64_t gained = (now_us - budget->filled_us) / us_each;

    budget->filled_us += gained * us_each; /* what is less than one is gained later */
    add(budget, (int64_t)(gained < most ? gained : most));
}

uint64_t budget_take(struct budget *budget, uint64_t now_us)
{
    fill(budget, now_us);
    if (budget->left > MOST_PROMISED)
        budget->left -= ONE_RETRY;
    if (budget->left >= 0)
        return now_us;
    return now_us + (uint64_t)-budget->left * 1000000 / BUDGET_PER_SECOND;
}
