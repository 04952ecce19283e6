// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_PROVIDER_DICT_H
#define PROVIDER_FACTORY_PROVIDER_DICT_H

/*
 * The Python's `providers: Dict[str, LLMProvider]`, for the variants that follow it.
 *
 * Nothing here synchronises. Used by several threads at once it loses insertions, and a reader sees
 * a dict that grows without what has not been moved yet; but whatever is replaced stays allocated
 * in the arena, and every function reads a pointer or a length once and works on that copy, so that
 * it does not crash. (In CPython the interpreter's lock keeps each single dict operation whole.)
 *
 * Order is that of insertion, as in Python. A lookup searches linearly: these are a handful.
 */

#include "../memory_store/arena.h"
#include "provider_factory.h"

struct provider_dict_table;

struct provider_dict {
    struct provider_dict_table *table; /* NULL is the empty dict */
    struct store_arena *arena;
};

void provider_dict_init(struct provider_dict *dict, struct store_arena *arena);

/* The provider of that name, or NULL. */
const struct provider *provider_dict_find(const struct provider_dict *dict, const char *name);

/* The first one in it, or NULL. */
const struct provider *provider_dict_first(const struct provider_dict *dict);

/* `dict[provider.name] = provider`. False when memory is out. */
bool provider_dict_set(struct provider_dict *dict, const struct provider *provider);

/* `dict.pop(name, None)`. */
const struct provider *provider_dict_pop(struct provider_dict *dict, const char *name);

/* `dict.copy()`. False when memory is out. */
bool provider_dict_copy(struct provider_dict *copy, const struct provider_dict *dict);

/* The first `capacity` values. Returns how many there are. */
size_t provider_dict_list(const struct provider_dict *dict, const struct provider **providers,
                          size_t capacity);

/* `LLMProvider(config)`: runs the constructor. The provider lives in the arena; its object until it
 * is destroyed. */
enum provider_result provider_dict_construct(struct store_arena *arena,
                                             const struct provider_factory_options *options,
                                             const struct provider_config *config,
                                             const struct provider **provider, char *error,
                                             size_t error_size);

/* `provider.close()`. */
void provider_dict_destroy(const struct provider_factory_options *options,
                           const struct provider *provider);

#endif
