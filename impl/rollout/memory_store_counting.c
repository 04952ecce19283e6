// SPDX-License-Identifier: MIT

/*
 * The switch that looks right: it counts what both arms hold before it asks one of them.
 *
 * Its faults:
 *  - Counting and charging are two steps. While a provider's arm changes, requests in both arms see
 *    the same free slot and each arm, which knows nothing of the other, charges it.
 *  - A reset forgets one arm after the other, and what is admitted in between stands.
 * One thread, or one asyncio loop, sees nothing of it.
 */

#include "memory_store_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct memory_store_switch {
    struct memory_store_arms arms;
    long long limit;
};

static struct memory_store_switch *counting_open(const struct memory_store_switch_options *options,
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
    store->limit = limits->rpm;
    return store;
}

static void counting_close(struct memory_store_switch *store)
{
    if (store != NULL) {
        memory_store_arms_close(&store->arms);
        free(store);
    }
}

static bool counting_count(struct memory_store_switch *store, const char *provider,
                           long long *count)
{
    return memory_store_arms_count_both(&store->arms, provider, count);
}

static enum rate_decision counting_check(struct memory_store_switch *store, const char *provider)
{
    long long count;

    if (!counting_count(store, provider, &count)) {
        return RATE_ERROR;
    }
    return count < store->limit ? RATE_ADMITTED : RATE_REFUSED;
}

static enum rate_decision counting_acquire(struct memory_store_switch *store, const char *provider)
{
    struct rollout_decision decision = memory_store_arms_decide(&store->arms, provider);
    enum rate_decision answer = counting_check(store, provider);

    if (answer != RATE_ADMITTED) {
        return answer;
    }
    answer = memory_store_arms_acquire(&store->arms, decision.arm, provider);
    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        memory_store_arms_note_fall_back(&store->arms, &decision);
        answer = memory_store_arms_acquire(&store->arms, ROLLOUT_ORIGINAL, provider);
    }
    return answer;
}

static bool counting_reset(struct memory_store_switch *store, const char *provider)
{
    return memory_store_arms_reset_both(&store->arms, provider);
}

const struct memory_store_switch_variant memory_store_switch_counting = {
    .name = "counting",
    .open = counting_open,
    .close = counting_close,
    .acquire = counting_acquire,
    .check = counting_check,
    .count = counting_count,
    .reset = counting_reset,
};
