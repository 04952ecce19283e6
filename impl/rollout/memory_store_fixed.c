// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: a provider is handed over, under a lock of its own.
 *
 * Each provider has a read-write lock, and is in one of two states:
 *  - Alone: one arm serves it and the other holds nothing of it. Requests of that arm share the
 *    lock, so they meet inside the arm only, which scales as it does.
 *  - Hand-over: both arms may hold requests. Each request has the lock to itself, counts what both
 *    arms hold and, when that is below the limit, is charged to its arm.
 * A request that the flag gives to the other arm than the one alone takes the lock to itself, which
 * waits for those under way, and begins the hand-over. The hand-over ends when a request finds that
 * the other arm holds nothing any more: at the latest a window after its last use. Going back
 * half-way is nothing special.
 *
 * Policies:
 *  - An error of the replacement charges nothing (memory_store.h). The original serves the request,
 *    as a hand-over, so what the replacement admitted before still counts.
 *  - An arm that cannot be counted is taken to hold nothing when its last use is a window ago.
 *    Before that the request is RATE_ERROR: fail closed, for one window at most.
 *  - Reset and count have the provider for themselves, and mean both arms. Reset of everything is
 *    atomic for each provider, not across them.
 *  - Boundary, refused requests, clock: those of the arms.
 *
 * Cancellation: an arm may contain cancellation points; the lock is given back.
 */

#include "../name_table.h"
#include "../wall_clock.h"
#include "memory_store_arms.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct provider {
    struct name_node node;
    pthread_rwlock_t lock;
    bool handing_over;
    enum rollout_arm alone;          /* who serves it, unless it is being handed over */
    long long last_us[ROLLOUT_ARMS]; /* in a hand-over: the arm's last use, or later */
    char name[];
};

struct memory_store_switch {
    struct memory_store_arms arms;
    long long limit;
    long long window_us;
    struct name_table providers;
};

static struct memory_store_switch *fixed_open(const struct memory_store_switch_options *options,
                                              const struct rate_limits *limits, char *error,
                                              size_t error_size)
{
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
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
    store->window_us = rate_limits_window_us(limits);
    name_table_init(&store->providers);
    return store;
}

static void free_provider(struct provider *provider)
{
    pthread_rwlock_destroy(&provider->lock);
    free(provider);
}

static void fixed_close(struct memory_store_switch *store)
{
    if (store == NULL) {
        return;
    }
    struct name_node *node = name_table_next(&store->providers, NULL);
    while (node != NULL) {
        struct name_node *next = name_table_next(&store->providers, node);
        free_provider((struct provider *)node);
        node = next;
    }
    memory_store_arms_close(&store->arms);
    free(store);
}

/* ---- a provider and its lock ----------------------------------------------------------------- */

/* Readers that keep coming must not keep a hand-over waiting, and nobody reads recursively. */
static bool init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    if (pthread_rwlockattr_init(&attributes) != 0) {
        return false;
    }
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int failure = pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return failure == 0;
}

static struct provider *find(const struct memory_store_switch *store, const char *name)
{
    return (struct provider *)name_table_find(&store->providers, name);
}

static struct provider *find_or_create(struct memory_store_switch *store, const char *name,
                                       enum rollout_arm first)
{
    struct provider *provider = find(store, name);
    if (provider != NULL) {
        return provider;
    }
    size_t name_size = strlen(name) + 1;
    provider = calloc(1, sizeof *provider + name_size);
    if (provider == NULL) {
        return NULL;
    }
    if (!init_lock(&provider->lock)) {
        free(provider);
        return NULL;
    }
    memcpy(provider->name, name, name_size);
    provider->node.name = provider->name;
    provider->alone = first;
    struct name_node *inserted = name_table_insert(&store->providers, &provider->node);
    if (inserted != &provider->node) {
        free_provider(provider);
    }
    return (struct provider *)inserted;
}

static void lock_shared(struct provider *provider)
{
    int failure = pthread_rwlock_rdlock(&provider->lock);
    assert(failure == 0);
    (void)failure;
}

static void lock_alone(struct provider *provider)
{
    int failure = pthread_rwlock_wrlock(&provider->lock);
    assert(failure == 0);
    (void)failure;
}

static void unlock(void *context)
{
    struct provider *provider = context;
    int failure = pthread_rwlock_unlock(&provider->lock);
    assert(failure == 0);
    (void)failure;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* With the lock shared. False when the arm is not alone; then nothing has been done. */
static bool acquire_shared(const struct memory_store_switch *store, struct provider *provider,
                           enum rollout_arm arm, enum rate_decision *answer)
{
    bool alone;

    lock_shared(provider);
    pthread_cleanup_push(unlock, provider);
    alone = !provider->handing_over && provider->alone == arm;
    if (alone) {
        *answer = memory_store_arms_acquire(&store->arms, arm, provider->name);
    }
    pthread_cleanup_pop(1);
    return alone;
}

/* The lock is held by the callers of the next two functions, for themselves. */

static bool count_in_hand_over(const struct memory_store_switch *store,
                               const struct provider *provider, enum rollout_arm arm,
                               long long *count)
{
    if (memory_store_arms_count(&store->arms, arm, provider->name, count)) {
        return true;
    }
    *count = 0;
    return wall_clock_us() - provider->last_us[arm] >= store->window_us;
}

static enum rate_decision hand_over(const struct memory_store_switch *store,
                                    struct provider *provider, enum rollout_arm arm)
{
    enum rollout_arm other = rollout_other(arm);
    long long held[ROLLOUT_ARMS];

    if (!provider->handing_over && provider->alone == other) {
        provider->last_us[other] = wall_clock_us();
        provider->last_us[arm] = provider->last_us[other];
        provider->handing_over = true;
    }
    if (provider->handing_over) {
        if (!count_in_hand_over(store, provider, other, &held[other])) {
            return RATE_ERROR;
        }
        if (held[other] > 0) {
            if (!count_in_hand_over(store, provider, arm, &held[arm])) {
                return RATE_ERROR;
            }
            if (held[other] + held[arm] >= store->limit) {
                return RATE_REFUSED;
            }
        } else {
            provider->handing_over = false;
            provider->alone = arm;
        }
    }
    enum rate_decision answer = memory_store_arms_acquire(&store->arms, arm, provider->name);
    provider->last_us[arm] = wall_clock_us();
    return answer;
}

static enum rate_decision acquire_alone(const struct memory_store_switch *store,
                                        struct provider *provider, enum rollout_arm arm)
{
    enum rate_decision answer;

    lock_alone(provider);
    pthread_cleanup_push(unlock, provider);
    answer = hand_over(store, provider, arm);
    pthread_cleanup_pop(1);
    return answer;
}

static enum rate_decision acquire_from(const struct memory_store_switch *store,
                                       struct provider *provider, enum rollout_arm arm)
{
    enum rate_decision answer;

    return acquire_shared(store, provider, arm, &answer) ? answer
                                                         : acquire_alone(store, provider, arm);
}

static enum rate_decision fixed_acquire(struct memory_store_switch *store, const char *name)
{
    struct rollout_decision decision = memory_store_arms_decide(&store->arms, name);
    struct provider *provider = find_or_create(store, name, decision.arm);

    if (provider == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision answer = acquire_from(store, provider, decision.arm);
    if (answer == RATE_ERROR && decision.arm == ROLLOUT_REPLACEMENT) {
        memory_store_arms_note_fall_back(&store->arms, &decision);
        answer = acquire_from(store, provider, ROLLOUT_ORIGINAL);
    }
    return answer;
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Sharing the lock is enough: whoever charges in a hand-over has it for himself. */
static bool fixed_count(struct memory_store_switch *store, const char *name, long long *count)
{
    struct provider *provider = find(store, name);
    bool counted;

    if (provider == NULL) {
        *count = 0;
        return true;
    }
    lock_shared(provider);
    pthread_cleanup_push(unlock, provider);
    counted = provider->handing_over
                  ? memory_store_arms_count_both(&store->arms, name, count)
                  : memory_store_arms_count(&store->arms, provider->alone, name, count);
    pthread_cleanup_pop(1);
    return counted;
}

static enum rate_decision fixed_check(struct memory_store_switch *store, const char *name)
{
    long long count;

    if (!fixed_count(store, name, &count)) {
        return RATE_ERROR;
    }
    return count < store->limit ? RATE_ADMITTED : RATE_REFUSED;
}

static bool forget(const struct memory_store_switch *store, struct provider *provider)
{
    bool forgotten;

    lock_alone(provider);
    pthread_cleanup_push(unlock, provider);
    forgotten = memory_store_arms_reset_both(&store->arms, provider->name);
    pthread_cleanup_pop(1);
    return forgotten;
}

static bool fixed_reset(struct memory_store_switch *store, const char *name)
{
    if (name != NULL) {
        struct provider *provider = find(store, name);
        return provider == NULL || forget(store, provider);
    }
    bool forgotten = true;
    struct name_node *node = NULL;
    while ((node = name_table_next(&store->providers, node)) != NULL) {
        forgotten = forget(store, (struct provider *)node) && forgotten;
    }
    return forgotten;
}

const struct memory_store_switch_variant memory_store_switch_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .acquire = fixed_acquire,
    .check = fixed_check,
    .count = fixed_count,
    .reset = fixed_reset,
};
