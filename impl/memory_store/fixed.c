// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: check and charge are one critical section.
 *
 * Policies:
 *  - Boundary: a request of age exactly the window has expired. Ages are compared in whole
 *    microseconds, by a clock that is read inside the critical section.
 *  - A refused request is not charged, so a provider never holds more than `rpm` entries.
 *  - A request from the future (the clock was set back) counts until its own window has passed.
 *  - Reset of everything resets one provider after the other. It is atomic for each provider, not
 *    across them.
 *
 * Locks: `table_lock` guards the head of the list of providers; each provider's `lock` guards its
 * requests. No thread ever holds two locks, and a lock lives as long as the store, so nobody can
 * be left waiting for one that was replaced. No critical section contains a cancellation point
 * (pthread_mutex_lock is none), so a thread with deferred cancellation cannot die holding a lock.
 */

#include "../wall_clock.h"
#include "memory_store.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct provider {
    struct provider *next; /* set before the provider is published, then constant */
    pthread_mutex_t lock;
    long long *admitted_us;
    size_t count;
    size_t capacity; /* at most rpm */
    char name[];
};

struct memory_store {
    long long window_us;
    size_t limit;
    pthread_mutex_t table_lock;
    struct provider *providers;
};

static void lock_mutex(pthread_mutex_t *mutex)
{
    int failure = pthread_mutex_lock(mutex);
    assert(failure == 0); /* a plain mutex fails only when it is not one */
    (void)failure;
}

static void unlock_mutex(pthread_mutex_t *mutex)
{
    int failure = pthread_mutex_unlock(mutex);
    assert(failure == 0);
    (void)failure;
}

static struct memory_store *fixed_open(const struct rate_limits *limits, char *error,
                                       size_t error_size)
{
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
    struct memory_store *store = malloc(sizeof *store);
    if (store == NULL || pthread_mutex_init(&store->table_lock, NULL) != 0) {
        free(store);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    store->window_us = rate_limits_window_us(limits);
    store->limit = (size_t)limits->rpm;
    store->providers = NULL;
    return store;
}

static void free_provider(struct provider *provider)
{
    pthread_mutex_destroy(&provider->lock);
    free(provider->admitted_us);
    free(provider);
}

static void fixed_close(struct memory_store *store)
{
    if (store == NULL) {
        return;
    }
    while (store->providers != NULL) {
        struct provider *provider = store->providers;
        store->providers = provider->next;
        free_provider(provider);
    }
    pthread_mutex_destroy(&store->table_lock);
    free(store);
}

static struct provider *create_provider(const char *name)
{
    size_t name_size = strlen(name) + 1;
    struct provider *provider = calloc(1, sizeof *provider + name_size);
    if (provider == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&provider->lock, NULL) != 0) {
        free(provider);
        return NULL;
    }
    memcpy(provider->name, name, name_size);
    return provider;
}

/* The newest provider. All older ones can be reached from it without a lock: providers are never
 * removed, and their links never change. */
static struct provider *newest_provider(struct memory_store *store)
{
    lock_mutex(&store->table_lock);
    struct provider *provider = store->providers;
    unlock_mutex(&store->table_lock);
    return provider;
}

static struct provider *search(struct provider *provider, const char *name)
{
    while (provider != NULL && strcmp(provider->name, name) != 0) {
        provider = provider->next;
    }
    return provider;
}

static struct provider *find_or_create(struct memory_store *store, const char *name)
{
    lock_mutex(&store->table_lock);
    struct provider *provider = search(store->providers, name);
    if (provider == NULL) {
        provider = create_provider(name);
        if (provider != NULL) {
            provider->next = store->providers;
            store->providers = provider;
        }
    }
    unlock_mutex(&store->table_lock);
    return provider;
}

/* The provider's lock is held by the callers of the next three functions. */

static void remove_expired(const struct memory_store *store, struct provider *provider,
                           long long now_us)
{
    size_t kept = 0;

    /* All of them: after the clock was set back they are not in order. */
    for (size_t i = 0; i < provider->count; i++) {
        if (now_us - provider->admitted_us[i] < store->window_us) {
            provider->admitted_us[kept++] = provider->admitted_us[i];
        }
    }
    provider->count = kept;
}

static bool reserve_one(const struct memory_store *store, struct provider *provider)
{
    if (provider->count < provider->capacity) {
        return true;
    }
    size_t capacity = provider->capacity == 0 ? 8 : 2 * provider->capacity;
    if (capacity > store->limit) {
        capacity = store->limit;
    }
    long long *admitted_us = realloc(provider->admitted_us, capacity * sizeof *admitted_us);
    if (admitted_us == NULL) {
        return false;
    }
    provider->admitted_us = admitted_us;
    provider->capacity = capacity;
    return true;
}

static enum rate_decision admit(const struct memory_store *store, struct provider *provider)
{
    long long now_us = wall_clock_us();

    remove_expired(store, provider, now_us);
    if (provider->count >= store->limit) {
        return RATE_REFUSED;
    }
    if (!reserve_one(store, provider)) {
        return RATE_ERROR;
    }
    provider->admitted_us[provider->count++] = now_us;
    return RATE_ADMITTED;
}

static enum rate_decision fixed_acquire(struct memory_store *store, const char *name)
{
    struct provider *provider = find_or_create(store, name);
    if (provider == NULL) {
        return RATE_ERROR;
    }
    lock_mutex(&provider->lock);
    enum rate_decision decision = admit(store, provider);
    unlock_mutex(&provider->lock);
    return decision;
}

static bool fixed_count(struct memory_store *store, const char *name, long long *count)
{
    struct provider *provider = search(newest_provider(store), name);
    if (provider == NULL) {
        *count = 0;
        return true;
    }
    lock_mutex(&provider->lock);
    remove_expired(store, provider, wall_clock_us());
    *count = (long long)provider->count;
    unlock_mutex(&provider->lock);
    return true;
}

static enum rate_decision fixed_check(struct memory_store *store, const char *name)
{
    long long count;
    if (!fixed_count(store, name, &count)) {
        return RATE_ERROR;
    }
    return count < (long long)store->limit ? RATE_ADMITTED : RATE_REFUSED;
}

static void forget(struct provider *provider)
{
    lock_mutex(&provider->lock);
    provider->count = 0;
    unlock_mutex(&provider->lock);
}

static bool fixed_reset(struct memory_store *store, const char *name)
{
    struct provider *newest = newest_provider(store);

    if (name != NULL) {
        struct provider *provider = search(newest, name);
        if (provider != NULL) {
            forget(provider);
        }
        return true;
    }
    for (struct provider *provider = newest; provider != NULL; provider = provider->next) {
        forget(provider);
    }
    return true;
}

const struct memory_store_variant memory_store_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .acquire = fixed_acquire,
    .check = fixed_check,
    .add = NULL, /* check and charge are one step */
    .count = fixed_count,
    .reset = fixed_reset,
};
