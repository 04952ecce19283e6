// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: after an error of the replacement ask the original, with the
 * same id.
 *
 * Its faults:
 *  - The original knows no ids. Where the token was taken and the reply lost, it takes another; and
 *    where that was the only one, the request is refused although it was charged.
 *  - The same when the caller tries again after the flag was rolled back.
 */

#include "redis_bucket_arms.h"

static enum rate_decision naive_try_acquire(struct redis_bucket_switch *bucket,
                                            const char *provider, const char *request_id,
                                            double *retry_after_s)
{
    struct rollout_decision decision = redis_bucket_arms_decide(bucket, provider);
    enum rate_decision answer =
        redis_bucket_arms_try_acquire(bucket, decision.arm, provider, request_id, retry_after_s);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
        answer = redis_bucket_arms_try_acquire(bucket, ROLLOUT_ORIGINAL, provider, request_id,
                                               retry_after_s);
    }
    return answer;
}

const struct redis_bucket_switch_variant redis_bucket_switch_naive = {
    .name = "naive",
    .open = redis_bucket_arms_open,
    .close = redis_bucket_arms_close,
    .try_acquire = naive_try_acquire,
    .available = redis_bucket_arms_available,
    .last_error = redis_bucket_arms_last_error,
};
