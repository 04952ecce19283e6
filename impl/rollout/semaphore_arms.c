// SPDX-License-Identifier: MIT
#include "semaphore_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct semaphore_switch *semaphore_arms_open(const struct semaphore_switch_options *options,
                                             const struct semaphore_options *slots, char *error,
                                             size_t error_size)
{
    struct semaphore_switch *semaphore = calloc(1, sizeof *semaphore);
    if (semaphore == NULL || !arm_line_init(&semaphore->line, slots->max_concurrent, NULL, NULL)) {
        free(semaphore);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    semaphore->options = *options;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        semaphore->semaphores[arm] = options->arms[arm]->open(slots, error, error_size);
        if (semaphore->semaphores[arm] == NULL) {
            semaphore_arms_close(semaphore);
            return NULL;
        }
    }
    return semaphore;
}

void semaphore_arms_close(struct semaphore_switch *semaphore)
{
    if (semaphore == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        semaphore->options.arms[arm]->close(semaphore->semaphores[arm]);
    }
    arm_line_destroy(&semaphore->line);
    free(semaphore);
}

struct rollout_decision semaphore_arms_decide(struct semaphore_switch *semaphore, const char *key)
{
    return semaphore->options.flags->decide(semaphore->options.flag, key);
}

enum rate_decision semaphore_arms_acquire(struct semaphore_switch *semaphore, enum rollout_arm arm,
                                          const struct timespec *deadline)
{
    return semaphore->options.arms[arm]->acquire(semaphore->semaphores[arm], deadline);
}

void semaphore_arms_release(struct semaphore_switch *semaphore, enum rollout_arm arm)
{
    semaphore->options.arms[arm]->release(semaphore->semaphores[arm]);
}

void semaphore_arms_stats(struct semaphore_switch *semaphore, struct semaphore_stats *stats)
{
    struct semaphore_stats of[ROLLOUT_ARMS];

    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        semaphore->options.arms[arm]->stats(semaphore->semaphores[arm], &of[arm]);
    }
    *stats = of[ROLLOUT_ORIGINAL];
    stats->active += of[ROLLOUT_REPLACEMENT].active;
    stats->available = stats->max_concurrent - stats->active;
    stats->total_acquired += of[ROLLOUT_REPLACEMENT].total_acquired;
    stats->total_queued += of[ROLLOUT_REPLACEMENT].total_queued;
    stats->at_capacity = stats->active >= stats->max_concurrent;
}

bool semaphore_arms_resize(struct semaphore_switch *semaphore, long long max_concurrent)
{
    struct semaphore_stats before;

    semaphore->options.arms[ROLLOUT_ORIGINAL]->stats(semaphore->semaphores[ROLLOUT_ORIGINAL],
                                                     &before);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        if (!semaphore->options.arms[arm]->resize(semaphore->semaphores[arm], max_concurrent)) {
            if (arm == ROLLOUT_REPLACEMENT) {
                semaphore->options.arms[ROLLOUT_ORIGINAL]->resize(
                    semaphore->semaphores[ROLLOUT_ORIGINAL], before.max_concurrent);
            }
            return false;
        }
    }
    return true;
}
