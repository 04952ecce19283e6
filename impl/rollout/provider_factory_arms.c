// SPDX-License-Identifier: MIT
#include "provider_factory_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct provider_factory_switch *
provider_factory_arms_open(const struct provider_factory_switch_options *options,
                           const struct provider_factory_options *types, char *error,
                           size_t error_size)
{
    struct provider_factory_switch *factory = calloc(1, sizeof *factory);
    if (factory == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    factory->options = *options;
    name_table_init(&factory->names);
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        factory->factories[arm] = options->arms[arm]->open(types, error, error_size);
        if (factory->factories[arm] == NULL) {
            provider_factory_arms_close(factory);
            return NULL;
        }
    }
    return factory;
}

void provider_factory_arms_close(struct provider_factory_switch *factory)
{
    if (factory == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        factory->options.arms[arm]->close(factory->factories[arm]);
    }
    free(factory);
}

struct rollout_decision provider_factory_arms_decide(const struct provider_factory_switch *factory,
                                                     const char *name)
{
    return factory->options.flags->decide(factory->options.flag, name);
}

enum provider_result provider_factory_arms_create(const struct provider_factory_switch *factory,
                                                  enum rollout_arm arm,
                                                  const struct provider_config *config,
                                                  struct provider_loan *loan, char *error,
                                                  size_t error_size)
{
    *loan = (struct provider_loan){.arm = arm};
    return factory->options.arms[arm]->create(factory->factories[arm], config, &loan->provider,
                                              error, error_size);
}

bool provider_factory_arms_get(const struct provider_factory_switch *factory, enum rollout_arm arm,
                               const char *name, struct provider_loan *loan)
{
    *loan = (struct provider_loan){
        .provider = factory->options.arms[arm]->get(factory->factories[arm], name), .arm = arm};
    return loan->provider != NULL;
}

void provider_factory_arms_put(struct provider_factory_switch *factory,
                               const struct provider_loan *loan)
{
    factory->options.arms[loan->arm]->put(factory->factories[loan->arm], loan->provider);
}

bool provider_factory_arms_remove(const struct provider_factory_switch *factory,
                                  enum rollout_arm arm, const char *name)
{
    return factory->options.arms[arm]->remove(factory->factories[arm], name);
}

size_t provider_factory_arms_live(struct provider_factory_switch *factory)
{
    size_t sum = 0;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        sum += factory->options.arms[arm]->live(factory->factories[arm]);
    }
    return sum;
}
