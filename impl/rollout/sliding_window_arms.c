// SPDX-License-Identifier: MIT
#include "sliding_window_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct sliding_window_switch *
sliding_window_arms_open(const struct sliding_window_switch_options *options,
                         const struct rate_limits *limits, char *error, size_t error_size)
{
    struct sliding_window_switch *window = calloc(1, sizeof *window);
    if (window == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    window->options = *options;
    window->limits = *limits;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        window->windows[arm] =
            options->arms[arm]->open(limits, options->redis[arm], error, error_size);
        if (window->windows[arm] == NULL) {
            sliding_window_arms_close(window);
            return NULL;
        }
    }
    return window;
}

void sliding_window_arms_close(struct sliding_window_switch *window)
{
    if (window == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        window->options.arms[arm]->close(window->windows[arm]);
    }
    free(window);
}

struct rollout_decision sliding_window_arms_decide(struct sliding_window_switch *window,
                                                   const char *provider)
{
    window->error[0] = '\0';
    return window->options.flags->decide(window->options.flag, provider);
}

enum rate_decision sliding_window_arms_acquire(struct sliding_window_switch *window,
                                               enum rollout_arm arm, const char *provider,
                                               const char *request_id)
{
    window->asked = arm;
    return window->options.arms[arm]->acquire(window->windows[arm], provider, request_id);
}

enum rate_decision sliding_window_arms_check(struct sliding_window_switch *window,
                                             const char *provider)
{
    enum rollout_arm arm = sliding_window_arms_decide(window, provider).arm;

    window->asked = arm;
    return window->options.arms[arm]->check(window->windows[arm], provider);
}

bool sliding_window_arms_count(struct sliding_window_switch *window, const char *provider,
                               long long *count)
{
    enum rollout_arm arm = sliding_window_arms_decide(window, provider).arm;

    window->asked = arm;
    return window->options.arms[arm]->count(window->windows[arm], provider, count);
}

const char *sliding_window_arms_last_error(const struct sliding_window_switch *window)
{
    if (window->error[0] != '\0') {
        return window->error;
    }
    return window->options.arms[window->asked]->last_error(window->windows[window->asked]);
}

void sliding_window_arms_note_fall_back(const struct sliding_window_switch *window,
                                        const struct rollout_decision *decision)
{
    rollout_fall_back(window->options.flags, window->options.flag, decision);
}
