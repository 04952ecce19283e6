// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: one arm at a time has the tokens, and they move with the key.
 *
 * Policies:
 *  - Requests for the arm that has the tokens pass into it at once, any number of them. One for the
 *    other arm waits until nobody is inside (arm_line.h), then the tokens, fractions included, are
 *    moved, and it goes on. Whoever comes later waits behind it. So those who wait in the old arm
 *    are served first, from the tokens that they were promised, as in one bucket.
 *  - What does not wait takes a free token from the arm that has them, whichever the flag names:
 *    try_acquire, and a request whose deadline passes in the line. It moves the tokens itself when
 *    nobody is inside. The replacement that fails then is not given up while others wait in it:
 *    refused, to try again after one token's time.
 *  - A replacement that cannot be given the tokens gets none: the original keeps them, and goes on.
 *  - What is given back, reset or shown is that of the arm that has the tokens.
 *  - To fall back is to change the arm: the original goes on with what the replacement has left.
 *  - What moving takes, a few calls, refills nothing.
 *
 * Cancellation: a clean-up handler leaves the line and the arms as if the request had not come.
 */

#include "token_bucket_arms.h"

#include <math.h>
#include <pthread.h>

/* With the lock the arm that has the tokens keeps them, unless arm_line_take_over() moves them. */

static void lock(struct token_bucket_switch *bucket)
{
    pthread_mutex_lock(&bucket->line.line.lock);
}

static void unlock(struct token_bucket_switch *bucket)
{
    pthread_mutex_unlock(&bucket->line.line.lock);
}

static enum rate_decision try_acquire_from(struct token_bucket_switch *bucket,
                                           enum rollout_arm wanted, double *retry_after_s)
{
    lock(bucket);
    const enum rollout_arm arm = arm_line_take_over(&bucket->line, wanted);
    enum rate_decision answer =
        bucket->options.arms[arm]->try_acquire(bucket->buckets[arm], retry_after_s);
    if (answer == RATE_ERROR && arm != wanted && arm == ROLLOUT_REPLACEMENT) {
        const double rate_per_s = bucket->limits.rate_per_s;
        answer = RATE_REFUSED;
        if (retry_after_s != NULL) {
            *retry_after_s = rate_per_s > 0 ? 1 / rate_per_s : (double)INFINITY;
        }
    }
    unlock(bucket);
    return answer;
}

static enum rate_decision fixed_try_acquire(struct token_bucket_switch *bucket,
                                            double *retry_after_s)
{
    struct rollout_decision decision = token_bucket_arms_decide(bucket);
    enum rate_decision answer = try_acquire_from(bucket, decision.arm, retry_after_s);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
        answer = try_acquire_from(bucket, ROLLOUT_ORIGINAL, retry_after_s);
    }
    return answer;
}

static enum rate_decision acquire_in(struct token_bucket_switch *bucket, enum rollout_arm arm,
                                     const struct timespec *deadline)
{
    return bucket->options.arms[arm]->acquire(bucket->buckets[arm], deadline);
}

static enum rate_decision acquire_from(struct token_bucket_switch *bucket, enum rollout_arm arm,
                                       const struct timespec *deadline)
{
    struct arm_passage passage = {.line = &bucket->line, .arm = arm};
    enum rate_decision answer;

    if (!arm_line_enter(&bucket->line, &passage.arm, deadline)) {
        return try_acquire_from(bucket, arm, NULL);
    }
    pthread_cleanup_push(arm_passage_end, &passage);
    answer = acquire_in(bucket, passage.arm, deadline);
    pthread_cleanup_pop(1);
    return answer;
}

static enum rate_decision fixed_acquire(struct token_bucket_switch *bucket,
                                        const struct timespec *deadline)
{
    struct rollout_decision decision = token_bucket_arms_decide(bucket);
    enum rate_decision answer = acquire_from(bucket, decision.arm, deadline);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
        answer = acquire_from(bucket, ROLLOUT_ORIGINAL, deadline);
    }
    return answer;
}

static void fixed_give_back(struct token_bucket_switch *bucket)
{
    lock(bucket);
    const enum rollout_arm arm = bucket->line.current;
    bucket->options.arms[arm]->give_back(bucket->buckets[arm]);
    unlock(bucket);
}

static double fixed_available(struct token_bucket_switch *bucket)
{
    lock(bucket);
    const enum rollout_arm arm = bucket->line.current;
    const double tokens = bucket->options.arms[arm]->available(bucket->buckets[arm]);
    unlock(bucket);
    return tokens;
}

static void fixed_reset(struct token_bucket_switch *bucket)
{
    lock(bucket);
    const enum rollout_arm arm = bucket->line.current;
    bucket->options.arms[arm]->reset(bucket->buckets[arm]);
    unlock(bucket);
}

static bool fixed_reconfigure(struct token_bucket_switch *bucket,
                              const struct token_bucket_limits *limits, char *error,
                              size_t error_size)
{
    lock(bucket);
    const bool changed = token_bucket_arms_reconfigure(bucket, limits, error, error_size);
    unlock(bucket);
    return changed;
}

const struct token_bucket_switch_variant token_bucket_switch_fixed = {
    .name = "fixed",
    .open = token_bucket_arms_open,
    .close = token_bucket_arms_close,
    .try_acquire = fixed_try_acquire,
    .acquire = fixed_acquire,
    .give_back = fixed_give_back,
    .available = fixed_available,
    .futile_wakeups = token_bucket_arms_futile_wakeups,
    .reset = fixed_reset,
    .reconfigure = fixed_reconfigure,
};
