// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_SWITCH_H
#define PROVIDER_FACTORY_SWITCH_H

/*
 * A provider factory that is two: each name is built and kept by one of two variants, as a flag
 * decides for the name, and the flag may change at any moment.
 *
 * Each arm has a registry of its own. What a switch promises (`fixed`): a name is registered, or
 * being built, in one arm at most, so it never has an instance in each; whoever looks it up finds
 * it there, whatever the flag says by then; and each loan goes back to the arm that it is from.
 *
 * When the replacement fails to build (PROVIDER_FAILED, PROVIDER_NO_MEMORY), the original builds in
 * its place.
 *
 * There is no snapshot and no rebuild: two registries have no one moment, and no all or nothing. A
 * name that is to change its arm at once is removed and created anew.
 *
 * Ownership and threads are those of provider_factory.h; an empty loan (all zero) may be put. The
 * flag is borrowed and outlives the switch.
 */

#include "../provider_factory/provider_factory.h"
#include "rollout.h"

struct provider_factory_switch_options {
    const struct provider_factory_variant *arms[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct provider_loan {
    const struct provider *provider; /* NULL = empty */
    enum rollout_arm arm;            /* whose it is */
};

struct provider_factory_switch;

/* Functions of struct provider_factory_variant, over two arms. */
struct provider_factory_switch_variant {
    const char *name;
    struct provider_factory_switch *(*open)(const struct provider_factory_switch_options *options,
                                            const struct provider_factory_options *types,
                                            char *error, size_t error_size);
    void (*close)(struct provider_factory_switch *factory);
    enum provider_result (*create)(struct provider_factory_switch *factory,
                                   const struct provider_config *config, struct provider_loan *loan,
                                   char *error, size_t error_size);
    /* False, with an empty loan, when the name is not registered. */
    bool (*get)(struct provider_factory_switch *factory, const char *name,
                struct provider_loan *loan);
    void (*put)(struct provider_factory_switch *factory, const struct provider_loan *loan);
    bool (*remove)(struct provider_factory_switch *factory, const char *name);
    /* In both arms; one after the other. */
    size_t (*live)(struct provider_factory_switch *factory);
};

extern const struct provider_factory_switch_variant provider_factory_switch_naive;
extern const struct provider_factory_switch_variant provider_factory_switch_fixed;

/* Every variant, `naive` first. */
extern const struct provider_factory_switch_variant *const provider_factory_switch_variants[];
extern const size_t provider_factory_switch_variants_count;

/* The variant of that name, or NULL. */
const struct provider_factory_switch_variant *provider_factory_switch_find(const char *name);

#endif
