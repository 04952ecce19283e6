// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two collectors, and a look at the flag.
 *
 * Its faults:
 *  - A reader sees the arm that is in charge: after a switch what was recorded before is gone, and
 *    rolled back it is there again.
 *  - A request that falls back is counted as recorded twice, once dropped and once stored.
 *  - A malformed request that both drop counts as an error of the replacement, and twice.
 */

#include "metrics_arms.h"

static bool naive_record(struct metrics_switch *metrics, const char *provider, const char *agent,
                         double latency_s)
{
    struct rollout_decision decision = metrics_arms_decide(metrics, provider);
    bool taken = metrics_arms_record(metrics, decision.arm, provider, agent, latency_s);

    if (!taken && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(metrics->options.flags, metrics->options.flag, &decision);
        taken = metrics_arms_record(metrics, ROLLOUT_ORIGINAL, provider, agent, latency_s);
    }
    return taken;
}

static void naive_read(struct metrics_switch *metrics, const char *provider, const char *agent,
                       struct metrics_reading *reading)
{
    metrics_arms_read(metrics, metrics_arms_decide(metrics, provider).arm, provider, agent,
                      reading);
}

const struct metrics_switch_variant metrics_switch_naive = {
    .name = "naive",
    .open = metrics_arms_open,
    .close = metrics_arms_close,
    .start = metrics_arms_start,
    .stop = metrics_arms_stop,
    .record = naive_record,
    .read = naive_read,
    .counts = metrics_arms_counts,
};
