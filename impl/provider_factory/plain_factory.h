// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_PLAIN_FACTORY_H
#define PROVIDER_FACTORY_PLAIN_FACTORY_H

/*
 * The original's factory, which `naive` uses as it is and `proposed` under a lock. Its functions
 * are those of the interface, and nothing here synchronises.
 */

#include "provider_dict.h"

struct plain_factory {
    struct provider_factory_options options;
    struct store_arena arena;
    struct provider_dict providers;
    size_t live;
};

void plain_factory_init(struct plain_factory *factory,
                        const struct provider_factory_options *options);
void plain_factory_destroy(struct plain_factory *factory);

enum provider_result plain_factory_create(struct plain_factory *factory,
                                          const struct provider_config *config,
                                          const struct provider **provider, char *error,
                                          size_t error_size);
bool plain_factory_remove(struct plain_factory *factory, const char *name);

/* A step of a rebuild: builds one configuration into a copy of the dict, or takes its name out. */
enum provider_result plain_factory_apply(struct plain_factory *factory, struct provider_dict *copy,
                                         const struct provider_config *config, char *error,
                                         size_t error_size);

/* PROVIDER_NO_MEMORY, and says so. */
enum provider_result plain_factory_no_memory(char *error, size_t error_size);

#endif
