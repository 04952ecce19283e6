// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_SWITCH_H
#define MEMORY_STORE_SWITCH_H

/*
 * A memory store that is two: each request is served by one of two variants, as a flag decides for
 * its provider, and the flag may change at any moment.
 *
 * Each arm has a store of its own, so a provider whose arm changes leaves its live requests behind
 * in the other one. What a switch promises (`fixed`): at most `rpm` requests of a provider are
 * admitted in any window, by both arms together, and none is refused while both together hold
 * fewer; that is, no slot is lost or doubled by the switch. It can promise no more than its arms
 * keep: with an arm that over-admits it over-admits.
 *
 * When the replacement fails, which means that it has charged nothing, the original serves the
 * request in its place.
 *
 * Ownership and threads are those of memory_store.h. The flag is borrowed and outlives the switch.
 */

#include "../memory_store/memory_store.h"
#include "rollout.h"

struct memory_store_switch_options {
    const struct memory_store_variant *arms[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct memory_store_switch;

/* The functions of struct memory_store_variant but `add`, over two arms. */
struct memory_store_switch_variant {
    const char *name;
    struct memory_store_switch *(*open)(const struct memory_store_switch_options *options,
                                        const struct rate_limits *limits, char *error,
                                        size_t error_size);
    void (*close)(struct memory_store_switch *store);
    enum rate_decision (*acquire)(struct memory_store_switch *store, const char *provider);
    enum rate_decision (*check)(struct memory_store_switch *store, const char *provider);
    bool (*count)(struct memory_store_switch *store, const char *provider, long long *count);
    bool (*reset)(struct memory_store_switch *store, const char *provider);
};

extern const struct memory_store_switch_variant memory_store_switch_naive;
extern const struct memory_store_switch_variant memory_store_switch_counting;
extern const struct memory_store_switch_variant memory_store_switch_fixed;

/* Every variant, `naive` first. */
extern const struct memory_store_switch_variant *const memory_store_switch_variants[];
extern const size_t memory_store_switch_variants_count;

/* The variant of that name, or NULL. */
const struct memory_store_switch_variant *memory_store_switch_find(const char *name);

#endif
