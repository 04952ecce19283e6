// SPDX-License-Identifier: MIT

/*
 * The switch as one writes it first: two factories, and a look at the flag.
 *
 * Its faults:
 *  - A name that the original has built is built a second time by the replacement: two instances
 *    alive, and callers hold different ones.
 *  - What was built before the switch is not found after it, and cannot be removed.
 *  - While one caller falls back, another may succeed with the replacement: two instances again.
 */

#include "provider_factory_arms.h"

static enum provider_result naive_create(struct provider_factory_switch *factory,
                                         const struct provider_config *config,
                                         struct provider_loan *loan, char *error, size_t error_size)
{
    struct rollout_decision decision = provider_factory_arms_decide(factory, config->name);
    enum provider_result result =
        provider_factory_arms_create(factory, decision.arm, config, loan, error, error_size);

    if (provider_factory_arms_failed(result) && decision.arm == ROLLOUT_REPLACEMENT) {
        rollout_fall_back(factory->options.flags, factory->options.flag, &decision);
        result = provider_factory_arms_create(factory, ROLLOUT_ORIGINAL, config, loan, error,
                                              error_size);
    }
    return result;
}

static bool naive_get(struct provider_factory_switch *factory, const char *name,
                      struct provider_loan *loan)
{
    return provider_factory_arms_get(factory, provider_factory_arms_decide(factory, name).arm, name,
                                     loan);
}

static bool naive_remove(struct provider_factory_switch *factory, const char *name)
{
    return provider_factory_arms_remove(factory, provider_factory_arms_decide(factory, name).arm,
                                        name);
}

const struct provider_factory_switch_variant provider_factory_switch_naive = {
    .name = "naive",
    .open = provider_factory_arms_open,
    .close = provider_factory_arms_close,
    .create = naive_create,
    .get = naive_get,
    .put = provider_factory_arms_put,
    .remove = naive_remove,
    .live = provider_factory_arms_live,
};
