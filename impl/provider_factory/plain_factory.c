// SPDX-License-Identifier: MIT
#include "plain_factory.h"

#include <stdio.h>

void plain_factory_init(struct plain_factory *factory,
                        const struct provider_factory_options *options)
{
    factory->options = *options;
    store_arena_init(&factory->arena);
    provider_dict_init(&factory->providers, &factory->arena);
    factory->live = 0;
}

static void destroy(struct plain_factory *factory, const struct provider *provider)
{
    provider_dict_destroy(&factory->options, provider);
    factory->live--;
}

void plain_factory_destroy(struct plain_factory *factory)
{
    const struct provider *provider;

    while ((provider = provider_dict_first(&factory->providers)) != NULL) {
        provider_dict_pop(&factory->providers, provider->name);
        destroy(factory, provider);
    }
    store_arena_empty(&factory->arena);
}

enum provider_result plain_factory_no_memory(char *error, size_t error_size)
{
    snprintf(error, error_size, "out of memory");
    return PROVIDER_NO_MEMORY;
}

/* Builds, and puts the new instance in the place of the old. */
static enum provider_result build(struct plain_factory *factory, struct provider_dict *dict,
                                  const struct provider_config *config,
                                  const struct provider **provider, char *error, size_t error_size)
{
    const struct provider *made = NULL;
    const enum provider_result result = provider_dict_construct(&factory->arena, &factory->options,
                                                                config, &made, error, error_size);

    if (result != PROVIDER_OK) {
        return result;
    }
    factory->live++;
    if (!provider_dict_set(dict, made)) {
        destroy(factory, made);
        return plain_factory_no_memory(error, error_size);
    }
    *provider = made;
    return PROVIDER_OK;
}

enum provider_result plain_factory_create(struct plain_factory *factory,
                                          const struct provider_config *config,
                                          const struct provider **provider, char *error,
                                          size_t error_size)
{
    const struct provider *made = NULL;
    const enum provider_result result =
        build(factory, &factory->providers, config, &made, error, error_size);

    if (provider != NULL) {
        *provider = made;
    }
    return result;
}

bool plain_factory_remove(struct plain_factory *factory, const char *name)
{
    const struct provider *provider = provider_dict_pop(&factory->providers, name);
    if (provider == NULL) {
        return false;
    }
    destroy(factory, provider);
    return true;
}

enum provider_result plain_factory_apply(struct plain_factory *factory, struct provider_dict *copy,
                                         const struct provider_config *config, char *error,
                                         size_t error_size)
{
    const struct provider *made;

    if (!config->enabled) {
        provider_dict_pop(copy, config->name);
        return PROVIDER_OK;
    }
    return build(factory, copy, config, &made, error, error_size);
}
