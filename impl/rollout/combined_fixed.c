// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: the original keeps the limits, the replacement is asked on top.
 *
 * Policies:
 *  - Every request is first the original's; for the keys of the replacement, that has to admit it
 *    as well. So the original knows of every request there is, and taking keys away from the
 *    replacement, at whatever moment, needs nothing to be moved. It costs both arms' time.
 *  - What the replacement knows is at most what the original does, so it has room for what that
 *    admits, unless it counts in another way; then it may refuse, or make wait until the deadline.
 *  - What the replacement refuses is given back to the original as not sent. (An original that
 *    gives nothing back then, such as `naive`, keeps it in its window.)
 *  - An error of the replacement leaves the request admitted, by the original alone.
 *  - A permit releases the replacement before the original, so that whoever is let in by the
 *    original finds the other slot free.
 *  - What is shown is the original's.
 *  - Limits are changed in both arms under one lock: of two changes at once one holds for both.
 *  - A roll-out ends by opening the replacement by itself.
 *
 * Cancellation: a clean-up handler gives back to the original, as not sent.
 */

#include "combined_arms.h"

#include <pthread.h>

struct admission {
    struct combined_switch *limiter;
    struct combined_switch_permit *permit;
};

static void not_sent(void *context)
{
    const struct admission *admission = context;
    combined_arms_release(admission->limiter, admission->permit, COMBINED_NOT_SENT);
}

/* Whoever comes here has the original's permit. */
static enum rate_decision ask_replacement(struct combined_switch *limiter,
                                          const struct combined_request *request,
                                          struct combined_switch_permit *permit)
{
    struct admission admission = {.limiter = limiter, .permit = permit};
    enum rate_decision answer;

    pthread_cleanup_push(not_sent, &admission);
    answer = combined_arms_acquire(limiter, ROLLOUT_REPLACEMENT, request, permit);
    pthread_cleanup_pop(answer == RATE_REFUSED);
    return answer;
}

static enum rate_decision fixed_acquire(struct combined_switch *limiter,
                                        const struct combined_request *request,
                                        struct combined_switch_permit *permit)
{
    struct rollout_decision decision = combined_arms_decide(limiter, request->provider);
    enum rate_decision answer = combined_arms_acquire(limiter, ROLLOUT_ORIGINAL, request, permit);

    if (answer != RATE_ADMITTED || decision.arm == ROLLOUT_ORIGINAL) {
        return answer;
    }
    answer = ask_replacement(limiter, request, permit);
    if (answer == RATE_ERROR) {
        rollout_fall_back(limiter->options.flags, limiter->options.flag, &decision);
        return RATE_ADMITTED;
    }
    return answer;
}

static bool fixed_reconfigure(struct combined_switch *limiter,
                              const struct combined_provider *provider, char *error,
                              size_t error_size)
{
    pthread_mutex_lock(&limiter->reconfiguring);
    const bool changed = combined_arms_reconfigure(limiter, provider, error, error_size);
    pthread_mutex_unlock(&limiter->reconfiguring);
    return changed;
}

static bool fixed_inspect(struct combined_switch *limiter, const char *provider,
                          struct combined_snapshot *snapshot)
{
    return combined_arms_inspect(limiter, ROLLOUT_ORIGINAL, provider, snapshot);
}

const struct combined_switch_variant combined_switch_fixed = {
    .name = "fixed",
    .open = combined_arms_open,
    .close = combined_arms_close,
    .acquire = fixed_acquire,
    .release = combined_arms_release,
    .reconfigure = fixed_reconfigure,
    .inspect = fixed_inspect,
};
