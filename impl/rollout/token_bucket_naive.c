// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two buckets, and a look at the flag.
 *
 * Its faults:
 *  - The other bucket is full when the arm changes: up to twice the capacity at once, without any
 *    concurrency, and again at every later change, for the bucket that rests is refilled as well.
 *  - Falling back on an error has the same effect for a single request.
 *  - Who waits in one arm and who asks the other each get a token when one is due.
 *  - A token given back goes to the arm in charge by then, which may be full: it is lost.
 *  - A reset fills the arm in charge only.
 */

#include "token_bucket_arms.h"

static enum rate_decision naive_try_acquire(struct token_bucket_switch *bucket,
                                            double *retry_after_s)
{
    struct rollout_decision decision = token_bucket_arms_decide(bucket);
    enum rate_decision answer = bucket->options.arms[decision.arm]->try_acquire(
        bucket->buckets[decision.arm], retry_after_s);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
        answer = bucket->options.arms[ROLLOUT_ORIGINAL]->try_acquire(
            bucket->buckets[ROLLOUT_ORIGINAL], retry_after_s);
    }
    return answer;
}

static enum rate_decision naive_acquire(struct token_bucket_switch *bucket,
                                        const struct timespec *deadline)
{
    struct rollout_decision decision = token_bucket_arms_decide(bucket);
    enum rate_decision answer =
        bucket->options.arms[decision.arm]->acquire(bucket->buckets[decision.arm], deadline);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
        answer = bucket->options.arms[ROLLOUT_ORIGINAL]->acquire(bucket->buckets[ROLLOUT_ORIGINAL],
                                                                 deadline);
    }
    return answer;
}

static void naive_give_back(struct token_bucket_switch *bucket)
{
    const enum rollout_arm arm = token_bucket_arms_decide(bucket).arm;
    bucket->options.arms[arm]->give_back(bucket->buckets[arm]);
}

static double naive_available(struct token_bucket_switch *bucket)
{
    const enum rollout_arm arm = token_bucket_arms_decide(bucket).arm;
    return bucket->options.arms[arm]->available(bucket->buckets[arm]);
}

static void naive_reset(struct token_bucket_switch *bucket)
{
    const enum rollout_arm arm = token_bucket_arms_decide(bucket).arm;
    bucket->options.arms[arm]->reset(bucket->buckets[arm]);
}

const struct token_bucket_switch_variant token_bucket_switch_naive = {
    .name = "naive",
    .open = token_bucket_arms_open,
    .close = token_bucket_arms_close,
    .try_acquire = naive_try_acquire,
    .acquire = naive_acquire,
    .give_back = naive_give_back,
    .available = naive_available,
    .futile_wakeups = token_bucket_arms_futile_wakeups,
    .reset = naive_reset,
    .reconfigure = token_bucket_arms_reconfigure,
};
