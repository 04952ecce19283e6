// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: one lock, held for a few instructions; constructors run outside
 * of it, one at a time for a name (provider_core.h).
 *
 * Policies:
 *  - Create is get-or-create: the same configuration gives the same instance; another type or model
 *    under a registered name is refused as a conflict. To change one, rebuild it.
 *  - Who asks for a name that is being built waits and shares the outcome. A failure goes to
 *    all who waited for the same configuration, with its reason; the next attempt builds again.
 * When the builder is cancelled, one of those who waited builds.
 *  - A reader never waits for a constructor. A name is registered when it is built.
 *  - Rebuild is all or nothing and takes effect at one moment. Two rebuilds of one name come one
 *    after the other.
 *  - What is removed or replaced is destroyed when the last one puts it, by that thread. So while a
 *    rebuilt provider is still lent, two instances of one name live; at most one is registered.
 *  - A snapshot is one moment of the whole registry.
 */

#include "provider_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    struct provider_instance *instance;
};

/* The list is guarded by the core's lock. It is searched linearly: providers are a handful. */
struct provider_factory {
    struct provider_core core;
    struct entry *entries;
    size_t count;
};

static struct entry **link_to(struct provider_factory *factory, const char *name)
{
    struct entry **link = &factory->entries;
    while (*link != NULL && strcmp((*link)->instance->lent.name, name) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static struct provider_instance *find(void *owner, const char *name)
{
    const struct entry *entry = *link_to(owner, name);
    return entry != NULL ? entry->instance : NULL;
}

/* One spare entry for each change that might need one; false when memory is out. */
static bool reserve(struct entry **spare, const struct provider_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].after != NULL) {
            struct entry *entry = malloc(sizeof *entry);
            if (entry == NULL) {
                return false;
            }
            entry->next = *spare;
            *spare = entry;
        }
    }
    return true;
}

static struct entry *take(struct entry **list)
{
    struct entry *entry = *list;
    assert(entry != NULL);
    *list = entry->next;
    return entry;
}

static void free_entries(struct entry *list)
{
    while (list != NULL) {
        free(take(&list));
    }
}

static void change_one(struct provider_factory *factory, struct provider_change *change,
                       struct entry **spare)
{
    struct entry **link = link_to(factory, change->name);

    change->before = *link != NULL ? (*link)->instance : NULL;
    if (*link != NULL && change->after != NULL) {
        (*link)->instance = change->after;
    } else if (*link != NULL) {
        free(take(link));
        factory->count--;
    } else if (change->after != NULL) {
        struct entry *entry = take(spare);
        *entry = (struct entry){.next = factory->entries, .instance = change->after};
        factory->entries = entry;
        factory->count++;
    }
}

static bool apply(void *owner, struct provider_change *changes, size_t count)
{
    struct entry *spare = NULL;
    const bool reserved = reserve(&spare, changes, count);

    for (size_t i = 0; reserved && i < count; i++) {
        change_one(owner, &changes[i], &spare);
    }
    free_entries(spare);
    return reserved;
}

static void retire(void *owner, struct provider_instance *instance)
{
    (void)owner;
    free(instance);
}

static const struct provider_map_calls list_calls = {
    .find = find,
    .apply = apply,
    .retire = retire,
};

static struct provider_factory *fixed_open(const struct provider_factory_options *options,
                                           char *error, size_t error_size)
{
    struct provider_factory *factory = calloc(1, sizeof *factory);
    if (factory == NULL || !provider_core_init(&factory->core, options, &list_calls, factory)) {
        free(factory);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    return factory;
}

static void fixed_close(struct provider_factory *factory)
{
    if (factory == NULL) {
        return;
    }
    while (factory->entries != NULL) {
        struct entry *entry = take(&factory->entries);
        provider_core_put(&factory->core, entry->instance);
        free(entry);
    }
    provider_core_destroy(&factory->core);
    free(factory);
}

static enum provider_result fixed_create(struct provider_factory *factory,
                                         const struct provider_config *config,
                                         const struct provider **provider, char *error,
                                         size_t error_size)
{
    return provider_core_create(&factory->core, config, provider, error, error_size);
}

static const struct provider *fixed_get(struct provider_factory *factory, const char *name)
{
    provider_core_lock(&factory->core);
    struct provider_instance *instance = find(factory, name);
    if (instance != NULL) {
        provider_instance_ref(instance);
    }
    provider_core_unlock(&factory->core);
    return instance != NULL ? &instance->lent : NULL;
}

static void fixed_put(struct provider_factory *factory, const struct provider *provider)
{
    if (provider != NULL) {
        provider_core_put(&factory->core, provider_instance_of(provider));
    }
}

static bool fixed_remove(struct provider_factory *factory, const char *name)
{
    return provider_core_remove(&factory->core, name);
}

static enum provider_result fixed_rebuild(struct provider_factory *factory,
                                          const struct provider_config *configs, size_t count,
                                          char *error, size_t error_size)
{
    return provider_core_rebuild(&factory->core, configs, count, error, error_size);
}

static size_t fixed_snapshot(struct provider_factory *factory, const struct provider **providers,
                             size_t capacity)
{
    provider_core_lock(&factory->core);
    const size_t count = factory->count;
    size_t lent = 0;
    for (struct entry *entry = factory->entries; entry != NULL && count <= capacity;
         entry = entry->next) {
        provider_instance_ref(entry->instance);
        providers[lent++] = &entry->instance->lent;
    }
    provider_core_unlock(&factory->core);
    return count;
}

static size_t fixed_live(struct provider_factory *factory)
{
    return provider_core_live(&factory->core);
}

const struct provider_factory_variant provider_factory_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .create = fixed_create,
    .get = fixed_get,
    .put = fixed_put,
    .remove = fixed_remove,
    .rebuild = fixed_rebuild,
    .snapshot = fixed_snapshot,
    .live = fixed_live,
};
