// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: a request is in one arm, a reader asks both.
 *
 * Policies:
 *  - A reading is the sum of both arms. A request is stored whole in one of them, so a reader that
 *    asks one after the other sees no half of one, and none twice.
 *  - A request that the replacement drops and the original then gets has been recorded once: one
 *    recording and one drop are taken off the sum.
 *  - The numbers in memory (`kept`) are both arms'.
 */

#include "metrics_arms.h"

static bool fixed_record(struct metrics_switch *metrics, const char *provider, const char *agent,
                         double latency_s)
{
    struct rollout_decision decision = metrics_arms_decide(metrics, provider);

    if (metrics_arms_record(metrics, decision.arm, provider, agent, latency_s)) {
        return true;
    }
    if (decision.arm == ROLLOUT_ORIGINAL) {
        return false;
    }
    const bool taken = metrics_arms_record(metrics, ROLLOUT_ORIGINAL, provider, agent, latency_s);
    atomic_fetch_add_explicit(&metrics->twice, 1, memory_order_relaxed);
    if (taken) {
        rollout_fall_back(metrics->options.flags, metrics->options.flag, &decision);
    }
    return taken;
}

static void fixed_read(struct metrics_switch *metrics, const char *provider, const char *agent,
                       struct metrics_reading *reading)
{
    const enum rollout_arm arm = metrics_arms_decide(metrics, provider).arm;
    struct metrics_reading other;

    metrics_arms_read(metrics, arm, provider, agent, reading);
    metrics_arms_read(metrics, rollout_other(arm), provider, agent, &other);
    if (reading->latencies == 0) {
        reading->latest_s = other.latest_s;
    }
    reading->successes += other.successes;
    reading->latencies += other.latencies;
    reading->kept += other.kept;
}

static void fixed_counts(struct metrics_switch *metrics, struct metrics_counts *counts)
{
    metrics_arms_counts(metrics, counts);
    const long long twice = atomic_load_explicit(&metrics->twice, memory_order_relaxed);
    counts->recorded -= twice;
    counts->dropped -= twice;
}

const struct metrics_switch_variant metrics_switch_fixed = {
    .name = "fixed",
    .open = metrics_arms_open,
    .close = metrics_arms_close,
    .start = metrics_arms_start,
    .stop = metrics_arms_stop,
    .record = fixed_record,
    .read = fixed_read,
    .counts = fixed_counts,
};
