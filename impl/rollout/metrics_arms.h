// SPDX-License-Identifier: MIT
#ifndef METRICS_ARMS_H
#define METRICS_ARMS_H

/* The handle of every switch of the metrics, and what does not differ between them. Internal to
 * this folder. */

#include "metrics_switch.h"

#include <stdatomic.h>

struct metrics_switch {
    struct metrics_switch_options options;
    struct metrics *collectors[ROLLOUT_ARMS];
    _Atomic long long twice; /* requests that were given to both arms; of `fixed` */
};

struct metrics_switch *metrics_arms_open(const struct metrics_switch_options *options,
                                         const struct metrics_options *sizes, char *error,
                                         size_t error_size);
void metrics_arms_close(struct metrics_switch *metrics);

/* Both, or neither. */
bool metrics_arms_start(struct metrics_switch *metrics);
void metrics_arms_stop(struct metrics_switch *metrics);

/* A request without a provider is the original's. */
struct rollout_decision metrics_arms_decide(struct metrics_switch *metrics, const char *provider);
bool metrics_arms_record(struct metrics_switch *metrics, enum rollout_arm arm, const char *provider,
                         const char *agent, double latency_s);
void metrics_arms_read(struct metrics_switch *metrics, enum rollout_arm arm, const char *provider,
                       const char *agent, struct metrics_reading *reading);

/* The sum of both, one after the other. */
void metrics_arms_counts(struct metrics_switch *metrics, struct metrics_counts *counts);

#endif
