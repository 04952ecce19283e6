// SPDX-License-Identifier: MIT
#include "metrics_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct metrics_switch *metrics_arms_open(const struct metrics_switch_options *options,
                                         const struct metrics_options *sizes, char *error,
                                         size_t error_size)
{
    struct metrics_switch *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    metrics->options = *options;
    atomic_init(&metrics->twice, 0);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        metrics->collectors[arm] = options->arms[arm]->open(sizes, error, error_size);
        if (metrics->collectors[arm] == NULL) {
            metrics_arms_close(metrics);
            return NULL;
        }
    }
    return metrics;
}

void metrics_arms_close(struct metrics_switch *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        metrics->options.arms[arm]->close(metrics->collectors[arm]);
    }
    free(metrics);
}

bool metrics_arms_start(struct metrics_switch *metrics)
{
    const struct metrics_variant *const *arms = metrics->options.arms;

    if (!arms[ROLLOUT_ORIGINAL]->start(metrics->collectors[ROLLOUT_ORIGINAL])) {
        return false;
    }
    if (!arms[ROLLOUT_REPLACEMENT]->start(metrics->collectors[ROLLOUT_REPLACEMENT])) {
        arms[ROLLOUT_ORIGINAL]->stop(metrics->collectors[ROLLOUT_ORIGINAL]);
        return false;
    }
    return true;
}

void metrics_arms_stop(struct metrics_switch *metrics)
{
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        metrics->options.arms[arm]->stop(metrics->collectors[arm]);
    }
}

struct rollout_decision metrics_arms_decide(struct metrics_switch *metrics, const char *provider)
{
    if (provider == NULL) {
        return (struct rollout_decision){.arm = ROLLOUT_ORIGINAL};
    }
    return metrics->options.flags->decide(metrics->options.flag, provider);
}

bool metrics_arms_record(struct metrics_switch *metrics, enum rollout_arm arm, const char *provider,
                         const char *agent, double latency_s)
{
    return metrics->options.arms[arm]->record(metrics->collectors[arm], provider, agent, latency_s);
}

void metrics_arms_read(struct metrics_switch *metrics, enum rollout_arm arm, const char *provider,
                       const char *agent, struct metrics_reading *reading)
{
    metrics->options.arms[arm]->read(metrics->collectors[arm], provider, agent, reading);
}

void metrics_arms_counts(struct metrics_switch *metrics, struct metrics_counts *counts)
{
    struct metrics_counts of[ROLLOUT_ARMS];

    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        metrics->options.arms[arm]->counts(metrics->collectors[arm], &of[arm]);
    }
    *counts = of[ROLLOUT_ORIGINAL];
    counts->recorded += of[ROLLOUT_REPLACEMENT].recorded;
    counts->stored += of[ROLLOUT_REPLACEMENT].stored;
    counts->dropped += of[ROLLOUT_REPLACEMENT].dropped;
    counts->pending += of[ROLLOUT_REPLACEMENT].pending;
    counts->held_back += of[ROLLOUT_REPLACEMENT].held_back;
}
