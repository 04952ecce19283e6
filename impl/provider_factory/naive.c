// SPDX-License-Identifier: MIT

/*
 * The original: a dict and no locks. With constructors that do not suspend that is correct on one
 * asyncio loop, because nothing here awaits. Its faults, in order:
 *
 *  - Create builds without looking whether the name is there, and puts the new instance in the
 *    place of the old: two callers hold different objects, and the first one is never destroyed. No
 *    concurrency is needed.
 *  - Remove destroys the instance at once, whoever is using it.
 *  - Rebuild works on a copy of the dict and binds it when all is built: what was added or removed
 *    in between is lost. What it replaces is never destroyed. A constructor that fails is left out
 *    and the rest goes in: half of the list is new, half old.
 *  - Under threads an insertion can be lost, a reader misses names while the dict grows, and a
 *    snapshot shows a state that never was.
 *  - The count of live instances is a plain counter.
 */

#include "plain_factory.h"

#include <stdio.h>
#include <stdlib.h>

struct provider_factory {
    struct plain_factory plain;
};

static struct provider_factory *naive_open(const struct provider_factory_options *options,
                                           char *error, size_t error_size)
{
    struct provider_factory *factory = malloc(sizeof *factory);
    if (factory == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    plain_factory_init(&factory->plain, options);
    return factory;
}

static void naive_close(struct provider_factory *factory)
{
    if (factory != NULL) {
        plain_factory_destroy(&factory->plain);
        free(factory);
    }
}

static enum provider_result naive_create(struct provider_factory *factory,
                                         const struct provider_config *config,
                                         const struct provider **provider, char *error,
                                         size_t error_size)
{
    return plain_factory_create(&factory->plain, config, provider, error, error_size);
}

static const struct provider *naive_get(struct provider_factory *factory, const char *name)
{
    return provider_dict_find(&factory->plain.providers, name);
}

static void naive_put(struct provider_factory *factory, const struct provider *provider)
{
    (void)factory;
    (void)provider;
}

static bool naive_remove(struct provider_factory *factory, const char *name)
{
    return plain_factory_remove(&factory->plain, name);
}

static enum provider_result naive_rebuild(struct provider_factory *factory,
                                          const struct provider_config *configs, size_t count,
                                          char *error, size_t error_size)
{
    enum provider_result first_failure = PROVIDER_OK;
    struct provider_dict copy;

    if (!provider_dict_copy(&copy, &factory->plain.providers)) {
        return plain_factory_no_memory(error, error_size);
    }
    for (size_t i = 0; i < count; i++) {
        char text[128] = "";
        const enum provider_result result =
            plain_factory_apply(&factory->plain, &copy, &configs[i], text, sizeof text);
        if (result != PROVIDER_OK && first_failure == PROVIDER_OK) {
            first_failure = result;
            snprintf(error, error_size, "%s", text);
        }
    }
    factory->plain.providers = copy;
    return first_failure;
}

static size_t naive_snapshot(struct provider_factory *factory, const struct provider **providers,
                             size_t capacity)
{
    return provider_dict_list(&factory->plain.providers, providers, capacity);
}

static size_t naive_live(struct provider_factory *factory)
{
    return factory->plain.live;
}

const struct provider_factory_variant provider_factory_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .create = naive_create,
    .get = naive_get,
    .put = naive_put,
    .remove = naive_remove,
    .rebuild = naive_rebuild,
    .snapshot = naive_snapshot,
    .live = naive_live,
};
