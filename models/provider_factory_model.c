// SPDX-License-Identifier: MIT
#include "provider_factory_model.h"

#include <assert.h>
#include <string.h>

void provider_factory_model_init(struct provider_factory_model *model)
{
    memset(model, 0, sizeof *model);
}

/* Whether the configuration can be built, wherever it is to go. */
static enum provider_factory_model_answer
buildable(const struct provider_factory_model_config *config)
{
    assert(config->name < PROVIDER_FACTORY_MODEL_NAMES);
    assert(config->version > 0);
    if (config->disabled) {
        return PROVIDER_FACTORY_MODEL_DISABLED;
    }
    if (config->unknown_type) {
        return PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE;
    }
    return config->fails ? PROVIDER_FACTORY_MODEL_FAILED : PROVIDER_FACTORY_MODEL_OK;
}

enum provider_factory_model_answer
provider_factory_model_create(struct provider_factory_model *model,
                              const struct provider_factory_model_config *config)
{
    const enum provider_factory_model_answer answer = buildable(config);
    const bool is_built =
        answer == PROVIDER_FACTORY_MODEL_OK || answer == PROVIDER_FACTORY_MODEL_FAILED;
    const uint32_t registered = model->version[config->name];

    if (is_built && registered != 0) {
        return registered == config->version ? PROVIDER_FACTORY_MODEL_OK
                                             : PROVIDER_FACTORY_MODEL_CONFLICT;
    }
    if (answer == PROVIDER_FACTORY_MODEL_OK) {
        model->version[config->name] = config->version;
    }
    return answer;
}

uint32_t provider_factory_model_get(const struct provider_factory_model *model, uint32_t name)
{
    assert(name < PROVIDER_FACTORY_MODEL_NAMES);
    return model->version[name];
}

bool provider_factory_model_remove(struct provider_factory_model *model, uint32_t name)
{
    assert(name < PROVIDER_FACTORY_MODEL_NAMES);
    const bool registered = model->version[name] != 0;
    model->version[name] = 0;
    return registered;
}

/* The types of all are looked up before anything is built. */
static bool types_known(const struct provider_factory_model_config *configs, size_t count)
{
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        known = known && buildable(&configs[i]) != PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE;
    }
    return known;
}

enum provider_factory_model_answer
provider_factory_model_rebuild(struct provider_factory_model *model,
                               const struct provider_factory_model_config *configs, size_t count)
{
    struct provider_factory_model rebuilt = *model;

    if (!types_known(configs, count)) {
        return PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE;
    }
    for (size_t i = 0; i < count; i++) {
        if (buildable(&configs[i]) == PROVIDER_FACTORY_MODEL_FAILED) {
            return PROVIDER_FACTORY_MODEL_FAILED;
        }
        rebuilt.version[configs[i].name] = configs[i].disabled ? 0 : configs[i].version;
    }
    *model = rebuilt;
    return PROVIDER_FACTORY_MODEL_OK;
}

uint64_t provider_factory_model_snapshot(const struct provider_factory_model *model)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < PROVIDER_FACTORY_MODEL_NAMES; i++) {
        assert(model->version[i] < 256);
        all |= (uint64_t)model->version[i] << (8 * i);
    }
    return all;
}

size_t provider_factory_model_count(const struct provider_factory_model *model)
{
    size_t count = 0;
    for (uint32_t i = 0; i < PROVIDER_FACTORY_MODEL_NAMES; i++) {
        count += model->version[i] != 0;
    }
    return count;
}
