// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two semaphores, and a look at the flag whenever one is needed.
 *
 * Its faults:
 *  - Each arm grants max_concurrent slots: twice as many while both are in use.
 *  - A release asks the flag, too. A slot that was acquired before the switch and is released after
 *    it goes back to the wrong arm: one arm has lost a slot for ever, the other has one too many.
 *    So does one that the original granted because the replacement had failed.
 *  - The statistics are those of the replacement once it serves anybody.
 *  - Of two resizes at once each may hold for one arm.
 */

#include "semaphore_arms.h"

static enum rate_decision naive_acquire(struct semaphore_switch *semaphore, const char *key,
                                        const struct timespec *deadline,
                                        struct semaphore_switch_slot *slot)
{
    struct rollout_decision decision = semaphore_arms_decide(semaphore, key);
    enum rate_decision answer = semaphore_arms_acquire(semaphore, decision.arm, deadline);

    slot->key = key;
    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(semaphore->options.flags, semaphore->options.flag, &decision);
        answer = semaphore_arms_acquire(semaphore, ROLLOUT_ORIGINAL, deadline);
    }
    return answer;
}

static void naive_release(struct semaphore_switch *semaphore,
                          const struct semaphore_switch_slot *slot)
{
    semaphore_arms_release(semaphore, semaphore_arms_decide(semaphore, slot->key).arm);
}

static void naive_stats(struct semaphore_switch *semaphore, struct semaphore_stats *stats)
{
    const struct semaphore_switch_options *options = &semaphore->options;
    const enum rollout_arm arm =
        options->flags->state(options->flag).share > 0 ? ROLLOUT_REPLACEMENT : ROLLOUT_ORIGINAL;

    options->arms[arm]->stats(semaphore->semaphores[arm], stats);
}

const struct semaphore_switch_variant semaphore_switch_naive = {
    .name = "naive",
    .open = semaphore_arms_open,
    .close = semaphore_arms_close,
    .acquire = naive_acquire,
    .release = naive_release,
    .stats = naive_stats,
    .resize = semaphore_arms_resize,
};
