// SPDX-License-Identifier: MIT
#ifndef SLIDING_WINDOW_ARMS_H
#define SLIDING_WINDOW_ARMS_H

/* The handle of every switch of the sliding window, and what does not differ between them. Internal
 * to this folder. */

#include "sliding_window_switch.h"

struct sliding_window_switch {
    struct sliding_window_switch_options options;
    struct rate_limits limits;
    struct sliding_window *windows[ROLLOUT_ARMS];
    enum rollout_arm asked; /* by the last call */
    char error[256];        /* the switch's own; "" = ask the arm */
};

struct sliding_window_switch *
sliding_window_arms_open(const struct sliding_window_switch_options *options,
                         const struct rate_limits *limits, char *error, size_t error_size);
void sliding_window_arms_close(struct sliding_window_switch *window);
struct rollout_decision sliding_window_arms_decide(struct sliding_window_switch *window,
                                                   const char *provider);
enum rate_decision sliding_window_arms_acquire(struct sliding_window_switch *window,
                                               enum rollout_arm arm, const char *provider,
                                               const char *request_id);
enum rate_decision sliding_window_arms_check(struct sliding_window_switch *window,
                                             const char *provider);
bool sliding_window_arms_count(struct sliding_window_switch *window, const char *provider,
                               long long *count);
const char *sliding_window_arms_last_error(const struct sliding_window_switch *window);

/* Tells the flag that the replacement failed and the original takes its place. */
void sliding_window_arms_note_fall_back(const struct sliding_window_switch *window,
                                        const struct rollout_decision *decision);

#endif
