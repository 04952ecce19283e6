// SPDX-License-Identifier: MIT
#ifndef SLIDING_WINDOW_SWITCH_H
#define SLIDING_WINDOW_SWITCH_H

/*
 * A sliding window in Redis that is two: each request is served by one of two variants, as a flag
 * decides for its provider, and the flag may change at any moment.
 *
 * All variants keep a provider's window in the same key, so both arms count both arms' requests,
 * and changing the arm moves nothing. (While an arm that over-admits is in use, it does.) What is
 * left to get right is the error: RATE_ERROR may mean that the request was charged and the reply
 * lost, so whoever then asks the other arm may use a second slot, or be refused by his own first.
 * What a switch promises (`fixed`): a request uses at most one slot, and one that was charged
 * before its reply was lost is admitted.
 *
 * Ownership and threads are those of sliding_window.h: a handle is one client, for one thread at a
 * time. It borrows two connections, one an arm, for an arm that failed has often lost its
 * connection, which it is not the switch's to restore. They must be different ones, to one server.
 * The flag is borrowed, too, outlives the handle, and may be shared by all.
 */

#include "../sliding_window/sliding_window.h"
#include "rollout.h"

struct sliding_window_switch_options {
    const struct sliding_window_variant *arms[ROLLOUT_ARMS];
    redisContext *redis[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct sliding_window_switch;

/* The functions of struct sliding_window_variant but `add`, over two arms. */
struct sliding_window_switch_variant {
    const char *name;
    struct sliding_window_switch *(*open)(const struct sliding_window_switch_options *options,
                                          const struct rate_limits *limits, char *error,
                                          size_t error_size);
    void (*close)(struct sliding_window_switch *window);
    enum rate_decision (*acquire)(struct sliding_window_switch *window, const char *provider,
                                  const char *request_id);
    enum rate_decision (*check)(struct sliding_window_switch *window, const char *provider);
    bool (*count)(struct sliding_window_switch *window, const char *provider, long long *count);
    const char *(*last_error)(const struct sliding_window_switch *window);
};

extern const struct sliding_window_switch_variant sliding_window_switch_naive;
extern const struct sliding_window_switch_variant sliding_window_switch_fixed;

/* Every variant, `naive` first. */
extern const struct sliding_window_switch_variant *const sliding_window_switch_variants[];
extern const size_t sliding_window_switch_variants_count;

/* The variant of that name, or NULL. */
const struct sliding_window_switch_variant *sliding_window_switch_find(const char *name);

#endif
