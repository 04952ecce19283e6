// SPDX-License-Identifier: MIT
#include "provider_dict.h"

#include "provider_type.h"

#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY 2

struct provider_dict_table {
    size_t length; /* never decreases, never exceeds the capacity */
    size_t capacity;
    const struct provider *values[]; /* NULL: taken out */
};

void provider_dict_init(struct provider_dict *dict, struct store_arena *arena)
{
    dict->table = NULL;
    dict->arena = arena;
}

/* Where the name is, or NULL. */
static const struct provider **search(struct provider_dict_table *table, const char *name)
{
    const size_t length = table != NULL ? table->length : 0;

    for (size_t i = 0; i < length; i++) {
        const struct provider *provider = table->values[i];
        if (provider != NULL && strcmp(provider->name, name) == 0) {
            return &table->values[i];
        }
    }
    return NULL;
}

const struct provider *provider_dict_find(const struct provider_dict *dict, const char *name)
{
    const struct provider **place = search(dict->table, name);
    return place != NULL ? *place : NULL;
}

const struct provider *provider_dict_first(const struct provider_dict *dict)
{
    const struct provider *first = NULL;
    const size_t length = dict->table != NULL ? dict->table->length : 0;

    for (size_t i = 0; i < length && first == NULL; i++) {
        first = dict->table->values[i];
    }
    return first;
}

static struct provider_dict_table *create_table(struct store_arena *arena, size_t capacity)
{
    struct provider_dict_table *table =
        store_arena_alloc(arena, sizeof *table + capacity * sizeof(struct provider *), NULL);
    if (table != NULL) {
        table->capacity = capacity;
    }
    return table;
}

static void append(struct provider_dict_table *table, const struct provider *provider)
{
    const size_t length = table->length;
    if (length < table->capacity) {
        table->values[length] = provider;
        table->length = length + 1;
    }
}

/* As CPython resizes: binds the larger table, then moves one entry after the other into it. */
static struct provider_dict_table *grow(struct provider_dict *dict, struct provider_dict_table *old)
{
    const size_t length = old != NULL ? old->length : 0;
    struct provider_dict_table *larger =
        create_table(dict->arena, length > 0 ? 2 * length : FIRST_CAPACITY);
    if (larger == NULL) {
        return NULL;
    }
    dict->table = larger;
    for (size_t i = 0; i < length; i++) {
        if (old->values[i] != NULL) {
            append(larger, old->values[i]);
        }
    }
    return larger;
}

bool provider_dict_set(struct provider_dict *dict, const struct provider *provider)
{
    struct provider_dict_table *table = dict->table;
    const struct provider **place = search(table, provider->name);

    if (place != NULL) {
        *place = provider;
        return true;
    }
    if (table == NULL || table->length == table->capacity) {
        table = grow(dict, table);
    }
    if (table == NULL) {
        return false;
    }
    append(table, provider);
    return true;
}

const struct provider *provider_dict_pop(struct provider_dict *dict, const char *name)
{
    const struct provider **place = search(dict->table, name);
    const struct provider *provider = place != NULL ? *place : NULL;

    if (place != NULL) {
        *place = NULL;
    }
    return provider;
}

bool provider_dict_copy(struct provider_dict *copy, const struct provider_dict *dict)
{
    struct provider_dict_table *table = dict->table;
    const size_t length = table != NULL ? table->length : 0;
    struct provider_dict_table *fresh = create_table(dict->arena, length + FIRST_CAPACITY);
    if (fresh == NULL) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const struct provider *provider = table->values[i];
        if (provider != NULL) {
            append(fresh, provider);
        }
    }
    *copy = (struct provider_dict){.table = fresh, .arena = dict->arena};
    return true;
}

size_t provider_dict_list(const struct provider_dict *dict, const struct provider **providers,
                          size_t capacity)
{
    struct provider_dict_table *table = dict->table;
    const size_t length = table != NULL ? table->length : 0;
    size_t count = 0;

    for (size_t i = 0; i < length; i++) {
        const struct provider *provider = table->values[i];
        if (provider != NULL) {
            if (count < capacity) {
                providers[count] = provider;
            }
            count++;
        }
    }
    return count;
}

/* A provider and its strings, in one piece. */
static struct provider *allocate(struct store_arena *arena, const struct provider_config *config)
{
    const size_t name_size = strlen(config->name) + 1;
    const size_t type_size = strlen(config->type) + 1;
    const size_t model_size = strlen(config->model) + 1;
    struct provider *provider =
        store_arena_alloc(arena, sizeof *provider + name_size + type_size + model_size, NULL);
    if (provider == NULL) {
        return NULL;
    }
    char *text = (char *)(provider + 1);
    provider->name = memcpy(text, config->name, name_size);
    provider->type = memcpy(text + name_size, config->type, type_size);
    provider->model = memcpy(text + name_size + type_size, config->model, model_size);
    return provider;
}

enum provider_result provider_dict_construct(struct store_arena *arena,
                                             const struct provider_factory_options *options,
                                             const struct provider_config *config,
                                             const struct provider **provider, char *error,
                                             size_t error_size)
{
    const struct provider_type *type;
    const enum provider_result result =
        provider_type_for(options, config, &type, error, error_size);
    if (result != PROVIDER_OK) {
        return result;
    }
    struct provider *made = allocate(arena, config);
    if (made == NULL) {
        snprintf(error, error_size, "out of memory");
        return PROVIDER_NO_MEMORY;
    }
    made->object = type->construct(config, options->context, error, error_size);
    if (made->object == NULL) {
        return PROVIDER_FAILED;
    }
    *provider = made;
    return PROVIDER_OK;
}

void provider_dict_destroy(const struct provider_factory_options *options,
                           const struct provider *provider)
{
    for (size_t i = 0; i < options->type_count; i++) {
        if (strcmp(options->types[i].name, provider->type) == 0) {
            options->types[i].destroy(provider->object, options->context);
            return;
        }
    }
}
