// SPDX-License-Identifier: MIT
#ifndef PROVIDER_FACTORY_MODEL_H
#define PROVIDER_FACTORY_MODEL_H

/*
 * What a provider factory is supposed to do, as a sequential program: a map from names to the
 * version that is registered under them.
 *
 *  - Create is get-or-create: the same version again changes nothing, another one is refused.
 *  - What is disabled, of unknown type, or whose constructor fails is not registered.
 *  - Rebuild puts all listed versions in, takes the disabled ones out, and keeps the rest; when one
 *    of them cannot be built nothing changes. A disabled one is taken out before it is asked for
 *    its type.
 *
 * Names are numbers from 0; a version is a configuration (type and model), and 0 is none. A model
 * is a plain value without padding: copy it, compare its bytes, drop it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROVIDER_FACTORY_MODEL_NAMES 8u

struct provider_factory_model {
    uint32_t version[PROVIDER_FACTORY_MODEL_NAMES]; /* 0: not registered */
};

struct provider_factory_model_config {
    uint32_t name;
    uint32_t version;
    bool disabled;
    bool unknown_type;
    bool fails;
};

enum provider_factory_model_answer {
    PROVIDER_FACTORY_MODEL_OK,
    PROVIDER_FACTORY_MODEL_DISABLED,
    PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE,
    PROVIDER_FACTORY_MODEL_CONFLICT,
    PROVIDER_FACTORY_MODEL_FAILED,
};

void provider_factory_model_init(struct provider_factory_model *model);

enum provider_factory_model_answer
provider_factory_model_create(struct provider_factory_model *model,
                              const struct provider_factory_model_config *config);

/* The registered version, 0 for none. */
uint32_t provider_factory_model_get(const struct provider_factory_model *model, uint32_t name);

/* Whether it was registered. */
bool provider_factory_model_remove(struct provider_factory_model *model, uint32_t name);

enum provider_factory_model_answer
provider_factory_model_rebuild(struct provider_factory_model *model,
                               const struct provider_factory_model_config *configs, size_t count);

/* All versions in one number, eight bits a name; versions are below 256. */
uint64_t provider_factory_model_snapshot(const struct provider_factory_model *model);

/* How many names are registered. */
size_t provider_factory_model_count(const struct provider_factory_model *model);

#endif
