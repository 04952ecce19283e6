// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: after an error of the replacement ask the original.
 *
 * Its fault: the request that it asks for is a new one, under a new id. Where the first was charged
 * and the reply was lost, the two of them use two slots; and at the limit the request is refused
 * although it was charged.
 */

#include "sliding_window_arms.h"

static enum rate_decision naive_acquire(struct sliding_window_switch *window, const char *provider,
                                        const char *request_id)
{
    struct rollout_decision decision = sliding_window_arms_decide(window, provider);
    enum rate_decision answer =
        sliding_window_arms_acquire(window, decision.arm, provider, request_id);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        sliding_window_arms_note_fall_back(window, &decision);
        answer = sliding_window_arms_acquire(window, ROLLOUT_ORIGINAL, provider, NULL);
    }
    return answer;
}

const struct sliding_window_switch_variant sliding_window_switch_naive = {
    .name = "naive",
    .open = sliding_window_arms_open,
    .close = sliding_window_arms_close,
    .acquire = naive_acquire,
    .check = sliding_window_arms_check,
    .count = sliding_window_arms_count,
    .last_error = sliding_window_arms_last_error,
};
