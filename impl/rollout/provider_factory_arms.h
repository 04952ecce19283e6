// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_ARMS_H
#define PROVIDER_FACTORY_ARMS_H

/* The handle of every switch of the provider factory, and what does not differ between them.
 * Internal to this folder. */

#include "../name_table.h"
#include "provider_factory_switch.h"

struct provider_factory_switch {
    struct provider_factory_switch_options options;
    struct provider_factory *factories[ROLLOUT_ARMS];
    struct name_table names; /* of `fixed` */
};

struct provider_factory_switch *
provider_factory_arms_open(const struct provider_factory_switch_options *options,
                           const struct provider_factory_options *types, char *error,
                           size_t error_size);
void provider_factory_arms_close(struct provider_factory_switch *factory);

struct rollout_decision provider_factory_arms_decide(const struct provider_factory_switch *factory,
                                                     const char *name);
enum provider_result provider_factory_arms_create(const struct provider_factory_switch *factory,
                                                  enum rollout_arm arm,
                                                  const struct provider_config *config,
                                                  struct provider_loan *loan, char *error,
                                                  size_t error_size);
bool provider_factory_arms_get(const struct provider_factory_switch *factory, enum rollout_arm arm,
                               const char *name, struct provider_loan *loan);
void provider_factory_arms_put(struct provider_factory_switch *factory,
                               const struct provider_loan *loan);
bool provider_factory_arms_remove(const struct provider_factory_switch *factory,
                                  enum rollout_arm arm, const char *name);
size_t provider_factory_arms_live(struct provider_factory_switch *factory);

/* Whether another arm may do better. */
static inline bool provider_factory_arms_failed(enum provider_result result)
{
    return result == PROVIDER_FAILED || result == PROVIDER_NO_MEMORY;
}

#endif
