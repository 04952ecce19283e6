// SPDX-License-Identifier: MIT
#include "combined_arms.h"

#include "../token_bucket/token_pace.h"

#include <stdio.h>
#include <stdlib.h>

struct combined_switch *combined_arms_open(const struct combined_switch_options *options,
                                           const struct combined_options *limits, char *error,
                                           size_t error_size)
{
    struct combined_switch *limiter = calloc(1, sizeof *limiter);
    if (limiter == NULL || pthread_mutex_init(&limiter->reconfiguring, NULL) != 0) {
        free(limiter);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    limiter->options = *options;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        if (options->arms[arm]->backend != COMBINED_MEMORY) {
            snprintf(error, error_size, "%s is no variant in memory", options->arms[arm]->name);
        } else {
            limiter->limiters[arm] = options->arms[arm]->open(limits, error, error_size);
        }
        if (limiter->limiters[arm] == NULL) {
            combined_arms_close(limiter);
            return NULL;
        }
    }
    return limiter;
}

void combined_arms_close(struct combined_switch *limiter)
{
    if (limiter == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        limiter->options.arms[arm]->close(limiter->limiters[arm]);
    }
    pthread_mutex_destroy(&limiter->reconfiguring);
    free(limiter);
}

struct rollout_decision combined_arms_decide(const struct combined_switch *limiter,
                                             const char *provider)
{
    return limiter->options.flags->decide(limiter->options.flag, provider);
}

enum rate_decision combined_arms_acquire(struct combined_switch *limiter, enum rollout_arm arm,
                                         const struct combined_request *request,
                                         struct combined_switch_permit *permit)
{
    return limiter->options.arms[arm]->acquire(limiter->limiters[arm], request, &permit->of[arm]);
}

void combined_arms_release(struct combined_switch *limiter, struct combined_switch_permit *permit,
                           enum combined_outcome outcome)
{
    for (int arm = ROLLOUT_ARMS - 1; arm >= 0; arm--) {
        limiter->options.arms[arm]->release(limiter->limiters[arm], &permit->of[arm], outcome);
    }
}

bool combined_arms_reconfigure(struct combined_switch *limiter,
                               const struct combined_provider *provider, char *error,
                               size_t error_size)
{
    struct token_pace pace;

    /* What one arm would refuse must not change the other. */
    if (!rate_limits_validate(&provider->window, error, error_size) ||
        !token_pace_of(&provider->bucket, &pace, error, error_size)) {
        return false;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        if (!limiter->options.arms[arm]->reconfigure(limiter->limiters[arm], provider, error,
                                                     error_size)) {
            return false;
        }
    }
    return true;
}

bool combined_arms_inspect(struct combined_switch *limiter, enum rollout_arm arm,
                           const char *provider, struct combined_snapshot *snapshot)
{
    return limiter->options.arms[arm]->inspect(limiter->limiters[arm], provider, NULL, snapshot);
}
