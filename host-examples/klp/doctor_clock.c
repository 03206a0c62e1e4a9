/* SPDX-License-Identifier: Apache-2.0
 * This machine's clock against the server's, which stands in the Date of its reply, in whole seconds. Certificates and
 * webhooks (verify_webhook: 60 s ahead of us and 300 s behind us at most) are judged by ours. */
#include <inttypes.h>
#include <stdlib.h>

#include "doctor_checks.h"

enum { WEBHOOK_AHEAD_S = 60, WEBHOOK_BEHIND_S = 300 };

/* How far the server's clock is ahead of ours, in the middle of what it may be: the reply was dated between our sending
 * and its coming, at any time of that second. */
static int64_t ahead_ms(const struct probe *probe, int64_t date_s)
{
    int64_t least = date_s * 1000 - probe->answered_unix_ms, most = date_s * 1000 + 1000 - probe->sent_unix_ms;

    return least <= 0 && most >= 0 ? 0 : least + (most - least) / 2;
}

static void judge(struct report *report, int64_t ahead_s)
{
    static const char advice[] = "Set this machine's clock, and keep it set (chrony, systemd-timesyncd)";
    int64_t off_s = ahead_s < 0 ? -ahead_s : ahead_s;
    const char *side = ahead_s > 0 ? "behind" : "ahead of";
    const char *effect = ahead_s > 0                ? "webhooks seem to come from the future, and are refused"
                         : off_s > WEBHOOK_BEHIND_S ? "webhooks seem to be too old, and are refused"
                                                    : "webhooks seem to be older than they are";

    if (off_s == 0)
        report_line(report, HEALTH_OK, "clock", NULL, "ours and the server's are the same, to a second");
    else if (off_s <= WEBHOOK_AHEAD_S)
        report_line(report, HEALTH_OK, "clock", NULL, "ours is %" PRId64 " s %s the server's", off_s, side);
    else
        report_line(report, HEALTH_WARN, "clock", advice, "ours is %" PRId64 " s %s the server's: %s", off_s, side,
                    effect);
}

void check_clock(struct examination *examination)
{
    const struct probe *probe = &examination->probe;
    struct report *report = &examination->report;

    if (!probe->is_done || !probe->http_status) {
        report_line(report, HEALTH_SKIP, "clock", NULL, "it cannot be told without a reply");
        return;
    }
    time_t date_s = probe->date[0] ? examination->curl.getdate(probe->date, NULL) : -1;
    if (date_s < 0)
        report_line(report, HEALTH_SKIP, "clock", NULL, "it cannot be told: the server's reply has no date");
    else
        judge(report, ahead_ms(probe, date_s) / 1000);
}
