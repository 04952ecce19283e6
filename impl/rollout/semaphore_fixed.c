// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: a slot remembers its arm, and whoever would be one too many
 * waits in a line before both (arm_line.h).
 *
 * Policies:
 *  - While the requests under way are all for one arm, they pass into it at once and wait in there.
 *  - A request for the other arm waits in the switch's own line until fewer than max_concurrent
 *    requests are inside, be it with a slot or waiting for one. Whoever comes later waits behind
 *    it, whichever arm he is for: first come, first served, over both arms.
 *  - A deadline is the arm's or the line's, whichever the request waits in.
 *  - A request counts as queued once: in the line or in the arm. (The lock-free arm's word is not
 *    the switch's: each request takes the line's lock for a moment, twice. That is the price for as
 *    long as the switch is there.)
 *  - Shrinking takes no slot away. Both arms and the line are resized under the line's lock: of two
 *    resizes at once one holds for all three.
 *
 * Cancellation: a clean-up handler leaves the line and the arms as if the request had not come.
 */

#include "semaphore_arms.h"

#include <pthread.h>

static enum rate_decision acquire_from(struct semaphore_switch *semaphore, enum rollout_arm arm,
                                       const struct timespec *deadline)
{
    struct arm_passage passage = {.line = &semaphore->line, .arm = arm};
    enum rate_decision answer;

    if (!arm_line_enter(&semaphore->line, &passage.arm, deadline)) {
        return RATE_REFUSED;
    }
    pthread_cleanup_push(arm_passage_end, &passage);
    answer = semaphore_arms_acquire(semaphore, arm, deadline);
    pthread_cleanup_pop(answer != RATE_ADMITTED);
    return answer;
}

static enum rate_decision fixed_acquire(struct semaphore_switch *semaphore, const char *key,
                                        const struct timespec *deadline,
                                        struct semaphore_switch_slot *slot)
{
    struct rollout_decision decision = semaphore_arms_decide(semaphore, key);
    enum rate_decision answer = acquire_from(semaphore, decision.arm, deadline);

    *slot = (struct semaphore_switch_slot){.key = key, .arm = decision.arm};
    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(semaphore->options.flags, semaphore->options.flag, &decision);
        slot->arm = ROLLOUT_ORIGINAL;
        answer = acquire_from(semaphore, ROLLOUT_ORIGINAL, deadline);
    }
    return answer;
}

static void fixed_release(struct semaphore_switch *semaphore,
                          const struct semaphore_switch_slot *slot)
{
    semaphore_arms_release(semaphore, slot->arm);
    arm_line_leave(&semaphore->line, slot->arm);
}

/* With the line's lock nobody enters, so no slot is counted in both arms. */
static void fixed_stats(struct semaphore_switch *semaphore, struct semaphore_stats *stats)
{
    pthread_mutex_lock(&semaphore->line.line.lock);
    semaphore_arms_stats(semaphore, stats);
    stats->total_queued += semaphore->line.waited;
    pthread_mutex_unlock(&semaphore->line.line.lock);
}

static bool fixed_resize(struct semaphore_switch *semaphore, long long max_concurrent)
{
    pthread_mutex_lock(&semaphore->line.line.lock);
    const bool resized = semaphore_arms_resize(semaphore, max_concurrent);
    if (resized) {
        arm_line_set_bound(&semaphore->line, max_concurrent);
    }
    pthread_mutex_unlock(&semaphore->line.line.lock);
    return resized;
}

const struct semaphore_switch_variant semaphore_switch_fixed = {
    .name = "fixed",
    .open = semaphore_arms_open,
    .close = semaphore_arms_close,
    .acquire = fixed_acquire,
    .release = fixed_release,
    .stats = fixed_stats,
    .resize = fixed_resize,
};
