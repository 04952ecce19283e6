// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two stores, and a look at the flag.
 *
 * Its faults:
 *  - A provider whose arm changes starts with an empty window in the other store: up to twice the
 *    limit in one window, without any concurrency.
 *  - Falling back on an error has the same effect for a single request.
 *  - Count and check see the arm that is in charge only, and a reset of one provider resets that
 *    one only: rolled back within the window, the other arm's requests are there again.
 */

#include "memory_store_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct memory_store_switch {
    struct memory_store_arms arms;
};

static struct memory_store_switch *naive_open(const struct memory_store_switch_options *options,
                                              const struct rate_limits *limits, char *error,
                                              size_t error_size)
{
    struct memory_store_switch *store = malloc(sizeof *store);
    if (store == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    if (!memory_store_arms_open(&store->arms, options, limits, error, error_size)) {
        free(store);
        return NULL;
    }
    return store;
}

static void naive_close(struct memory_store_switch *store)
{
    if (store != NULL) {
        memory_store_arms_close(&store->arms);
        free(store);
    }
}

static enum rate_decision naive_acquire(struct memory_store_switch *store, const char *provider)
{
    struct rollout_decision decision = memory_store_arms_decide(&store->arms, provider);
    enum rate_decision answer = memory_store_arms_acquire(&store->arms, decision.arm, provider);

    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        memory_store_arms_note_fall_back(&store->arms, &decision);
        answer = memory_store_arms_acquire(&store->arms, ROLLOUT_ORIGINAL, provider);
    }
    return answer;
}

static enum rate_decision naive_check(struct memory_store_switch *store, const char *provider)
{
    enum rollout_arm arm = memory_store_arms_decide(&store->arms, provider).arm;

    return store->arms.options.arms[arm]->check(store->arms.stores[arm], provider);
}

static bool naive_count(struct memory_store_switch *store, const char *provider, long long *count)
{
    enum rollout_arm arm = memory_store_arms_decide(&store->arms, provider).arm;

    return memory_store_arms_count(&store->arms, arm, provider, count);
}

static bool naive_reset(struct memory_store_switch *store, const char *provider)
{
    if (provider == NULL) {
        return memory_store_arms_reset_both(&store->arms, NULL);
    }
    enum rollout_arm arm = memory_store_arms_decide(&store->arms, provider).arm;
    return store->arms.options.arms[arm]->reset(store->arms.stores[arm], provider);
}

const struct memory_store_switch_variant memory_store_switch_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .acquire = naive_acquire,
    .check = naive_check,
    .count = naive_count,
    .reset = naive_reset,
};
