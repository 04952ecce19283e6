// SPDX-License-Identifier: MIT

/*
 * The proposal: a re-entrant lock around every operation, held through the whole of a creation
 * (`ProviderFactory`).
 *
 * Kept as written:
 *  - Create does not look whether the name is there: under the lock, the second instance silently
 *    takes the place of the first. Callers hold different objects, and one is never destroyed.
 *  - The constructor runs under the lock: every reader of every name waits for the slowest
 *    constructor, and a constructor that waits for a reader waits for ever. Who waits for the lock
 *    cannot be cancelled.
 *
 * The proposal has a snapshot, and no remove and no rebuild. They are here as the original has
 * them, with each access to the map under the lock:
 *  - Rebuild works on a snapshot and binds it when all is built; the lock is free between its
 *    steps, so that what others add or remove in between is lost. What it replaces is never
 *    destroyed. A constructor that fails is left out and the rest goes in.
 *  - Remove destroys the instance at once, whoever is using it.
 *
 * `with self._lock` releases the lock however it is left, hence also when the thread is cancelled.
 */

#include "plain_factory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct provider_factory {
    struct plain_factory plain;
    pthread_mutex_t lock;
};

static bool init_reentrant_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;

    if (pthread_mutexattr_init(&attributes) != 0) {
        return false;
    }
    bool done = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0 &&
                pthread_mutex_init(lock, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return done;
}

static struct provider_factory *proposed_open(const struct provider_factory_options *options,
                                              char *error, size_t error_size)
{
    struct provider_factory *factory = malloc(sizeof *factory);
    if (factory == NULL || !init_reentrant_lock(&factory->lock)) {
        free(factory);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    plain_factory_init(&factory->plain, options);
    return factory;
}

static void proposed_close(struct provider_factory *factory)
{
    if (factory != NULL) {
        plain_factory_destroy(&factory->plain);
        pthread_mutex_destroy(&factory->lock);
        free(factory);
    }
}

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static enum provider_result proposed_create(struct provider_factory *factory,
                                            const struct provider_config *config,
                                            const struct provider **provider, char *error,
                                            size_t error_size)
{
    enum provider_result result;

    pthread_mutex_lock(&factory->lock);
    pthread_cleanup_push(unlock, &factory->lock);
    result = plain_factory_create(&factory->plain, config, provider, error, error_size);
    pthread_cleanup_pop(1);
    return result;
}

static const struct provider *proposed_get(struct provider_factory *factory, const char *name)
{
    pthread_mutex_lock(&factory->lock);
    const struct provider *provider = provider_dict_find(&factory->plain.providers, name);
    pthread_mutex_unlock(&factory->lock);
    return provider;
}

static void proposed_put(struct provider_factory *factory, const struct provider *provider)
{
    (void)factory;
    (void)provider;
}

static bool proposed_remove(struct provider_factory *factory, const char *name)
{
    bool removed;

    pthread_mutex_lock(&factory->lock);
    pthread_cleanup_push(unlock, &factory->lock);
    removed = plain_factory_remove(&factory->plain, name);
    pthread_cleanup_pop(1);
    return removed;
}

static enum provider_result apply(struct provider_factory *factory, struct provider_dict *copy,
                                  const struct provider_config *config, char *error,
                                  size_t error_size)
{
    enum provider_result result;

    pthread_mutex_lock(&factory->lock);
    pthread_cleanup_push(unlock, &factory->lock);
    result = plain_factory_apply(&factory->plain, copy, config, error, error_size);
    pthread_cleanup_pop(1);
    return result;
}

static enum provider_result proposed_rebuild(struct provider_factory *factory,
                                             const struct provider_config *configs, size_t count,
                                             char *error, size_t error_size)
{
    enum provider_result first_failure = PROVIDER_OK;
    struct provider_dict copy;

    pthread_mutex_lock(&factory->lock);
    const bool copied = provider_dict_copy(&copy, &factory->plain.providers);
    pthread_mutex_unlock(&factory->lock);
    if (!copied) {
        return plain_factory_no_memory(error, error_size);
    }
    for (size_t i = 0; i < count; i++) {
        char text[128] = "";
        const enum provider_result result = apply(factory, &copy, &configs[i], text, sizeof text);
        if (result != PROVIDER_OK && first_failure == PROVIDER_OK) {
            first_failure = result;
            snprintf(error, error_size, "%s", text);
        }
    }
    pthread_mutex_lock(&factory->lock);
    factory->plain.providers = copy;
    pthread_mutex_unlock(&factory->lock);
    return first_failure;
}

static size_t proposed_snapshot(struct provider_factory *factory, const struct provider **providers,
                                size_t capacity)
{
    pthread_mutex_lock(&factory->lock);
    const size_t count = provider_dict_list(&factory->plain.providers, providers, capacity);
    pthread_mutex_unlock(&factory->lock);
    return count;
}

static size_t proposed_live(struct provider_factory *factory)
{
    pthread_mutex_lock(&factory->lock);
    const size_t live = factory->plain.live;
    pthread_mutex_unlock(&factory->lock);
    return live;
}

const struct provider_factory_variant provider_factory_proposed = {
    .name = "proposed",
    .open = proposed_open,
    .close = proposed_close,
    .create = proposed_create,
    .get = proposed_get,
    .put = proposed_put,
    .remove = proposed_remove,
    .rebuild = proposed_rebuild,
    .snapshot = proposed_snapshot,
    .live = proposed_live,
};
