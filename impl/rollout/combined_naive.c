// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two limiters, and a look at the flag.
 *
 * Its faults:
 *  - The other limiter has empty windows, full buckets and free slots when the arm changes: up to
 *    twice of each limit, without any concurrency.
 *  - Falling back on an error has the same effect for a single request.
 *  - What is shown is the arm in charge.
 *  - Of two reconfigurations at once each may hold for one arm.
 * (A permit remembers whose it is; without that, slots would leak as in semaphore_naive.c.)
 */

#include "combined_arms.h"

static enum rate_decision naive_acquire(struct combined_switch *limiter,
                                        const struct combined_request *request,
                                        struct combined_switch_permit *permit)
{
    struct rollout_decision decision = combined_arms_decide(limiter, request->provider);
    enum rate_decision answer = combined_arms_acquire(limiter, decision.arm, request, permit);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(limiter->options.flags, limiter->options.flag, &decision);
        answer = combined_arms_acquire(limiter, ROLLOUT_ORIGINAL, request, permit);
    }
    return answer;
}

static bool naive_inspect(struct combined_switch *limiter, const char *provider,
                          struct combined_snapshot *snapshot)
{
    return combined_arms_inspect(limiter, combined_arms_decide(limiter, provider).arm, provider,
                                 snapshot);
}

const struct combined_switch_variant combined_switch_naive = {
    .name = "naive",
    .open = combined_arms_open,
    .close = combined_arms_close,
    .acquire = naive_acquire,
    .release = combined_arms_release,
    .reconfigure = combined_arms_reconfigure,
    .inspect = naive_inspect,
};
