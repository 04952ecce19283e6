// SPDX-License-Identifier: MIT
#ifndef COMBINED_SWITCH_H
#define COMBINED_SWITCH_H

/*
 * A combined limiter that is two: each request is served by one of two variants, as a flag decides
 * for its provider, and the flag may change at any moment. For variants of COMBINED_MEMORY: those
 * on Redis keep windows and buckets in the same keys, so changing the arm moves nothing there.
 *
 * Each arm has windows, buckets and slots of its own, and no way to hand them over. What a switch
 * promises (`fixed`): whatever the flag does, at most rpm requests of a provider pass in any
 * window, no more pass than a bucket has tokens, and no more than max_concurrent permits are out,
 * by both arms together, as far as the original keeps its limits; rolling back and falling back
 * lose and double nothing. Therefore the replacement can refuse what the original admits, and never
 * admits what the original refuses.
 *
 * When the replacement fails, the original has admitted the request.
 *
 * Ownership and threads are those of combined.h. The flag is borrowed and outlives the switch.
 */

#include "../combined/combined.h"
#include "rollout.h"

struct combined_switch_options {
    const struct combined_variant *arms[ROLLOUT_ARMS]; /* of COMBINED_MEMORY */
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

/* As struct combined_permit: all zero before `acquire`, not moved until `release`. */
struct combined_switch_permit {
    struct combined_permit of[ROLLOUT_ARMS];
};

struct combined_switch;

/* The functions of struct combined_variant, over two arms. */
struct combined_switch_variant {
    const char *name;
    struct combined_switch *(*open)(const struct combined_switch_options *options,
                                    const struct combined_options *limits, char *error,
                                    size_t error_size);
    void (*close)(struct combined_switch *limiter);
    enum rate_decision (*acquire)(struct combined_switch *limiter,
                                  const struct combined_request *request,
                                  struct combined_switch_permit *permit);
    void (*release)(struct combined_switch *limiter, struct combined_switch_permit *permit,
                    enum combined_outcome outcome);
    /* False when either refuses; only for want of memory have the arms then different limits. */
    bool (*reconfigure)(struct combined_switch *limiter, const struct combined_provider *provider,
                        char *error, size_t error_size);
    bool (*inspect)(struct combined_switch *limiter, const char *provider,
                    struct combined_snapshot *snapshot);
};

extern const struct combined_switch_variant combined_switch_naive;
extern const struct combined_switch_variant combined_switch_fixed;

/* Every variant, `naive` first. */
extern const struct combined_switch_variant *const combined_switch_variants[];
extern const size_t combined_switch_variants_count;

/* The variant of that name, or NULL. */
const struct combined_switch_variant *combined_switch_find(const char *name);

#endif
