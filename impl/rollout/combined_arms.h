// SPDX-License-Identifier: MIT
#ifndef COMBINED_ARMS_H
#define COMBINED_ARMS_H

/* The handle of every switch of the combined limiter, and what does not differ between them.
 * Internal to this folder. */

#include "combined_switch.h"

#include <pthread.h>

struct combined_switch {
    struct combined_switch_options options;
    struct combined *limiters[ROLLOUT_ARMS];
    pthread_mutex_t reconfiguring; /* of `fixed` */
};

struct combined_switch *combined_arms_open(const struct combined_switch_options *options,
                                           const struct combined_options *limits, char *error,
                                           size_t error_size);
void combined_arms_close(struct combined_switch *limiter);
struct rollout_decision combined_arms_decide(const struct combined_switch *limiter,
                                             const char *provider);
enum rate_decision combined_arms_acquire(struct combined_switch *limiter, enum rollout_arm arm,
                                         const struct combined_request *request,
                                         struct combined_switch_permit *permit);

/* Releases what the permit has of either arm: the replacement's first. */
void combined_arms_release(struct combined_switch *limiter, struct combined_switch_permit *permit,
                           enum combined_outcome outcome);

bool combined_arms_reconfigure(struct combined_switch *limiter,
                               const struct combined_provider *provider, char *error,
                               size_t error_size);
bool combined_arms_inspect(struct combined_switch *limiter, enum rollout_arm arm,
                           const char *provider, struct combined_snapshot *snapshot);

#endif
