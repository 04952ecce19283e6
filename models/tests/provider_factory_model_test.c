// SPDX-License-Identifier: MIT

/* The model by example. */

#include "../provider_factory_model.h"

#include <criterion/criterion.h>
#include <string.h>

static struct provider_factory_model empty(void)
{
    struct provider_factory_model model;
    memset(&model, 0xff, sizeof model);
    provider_factory_model_init(&model);
    return model;
}

static enum provider_factory_model_answer create(struct provider_factory_model *model,
                                                 uint32_t name, uint32_t version)
{
    const struct provider_factory_model_config config = {.name = name, .version = version};
    return provider_factory_model_create(model, &config);
}

Test(provider_factory_model, create_is_get_or_create)
{
    struct provider_factory_model model = empty();
    cr_assert_eq(provider_factory_model_count(&model), 0);
    cr_assert_eq(provider_factory_model_get(&model, 3), 0);
    cr_assert_eq(create(&model, 3, 7), PROVIDER_FACTORY_MODEL_OK);
    cr_assert_eq(create(&model, 3, 7), PROVIDER_FACTORY_MODEL_OK);
    cr_assert_eq(create(&model, 3, 8), PROVIDER_FACTORY_MODEL_CONFLICT);
    cr_assert_eq(provider_factory_model_get(&model, 3), 7);
    cr_assert_eq(provider_factory_model_count(&model), 1);
    cr_assert(provider_factory_model_remove(&model, 3));
    cr_assert_not(provider_factory_model_remove(&model, 3));
    cr_assert_eq(create(&model, 3, 8), PROVIDER_FACTORY_MODEL_OK);
}

Test(provider_factory_model, what_cannot_be_built_is_not_registered)
{
    struct provider_factory_model model = empty();
    struct provider_factory_model_config config = {.name = 0, .version = 1, .fails = true};
    cr_assert_eq(provider_factory_model_create(&model, &config), PROVIDER_FACTORY_MODEL_FAILED);
    config.unknown_type = true;
    cr_assert_eq(provider_factory_model_create(&model, &config),
                 PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE);
    config.disabled = true;
    cr_assert_eq(provider_factory_model_create(&model, &config), PROVIDER_FACTORY_MODEL_DISABLED);
    cr_assert_eq(provider_factory_model_count(&model), 0);
}

Test(provider_factory_model, a_registered_name_is_not_built_again)
{
    struct provider_factory_model model = empty();
    struct provider_factory_model_config config = {.name = 0, .version = 1, .fails = true};
    create(&model, 0, 1);
    cr_assert_eq(provider_factory_model_create(&model, &config), PROVIDER_FACTORY_MODEL_OK,
                 "the constructor is not run");
    config.disabled = true;
    cr_assert_eq(provider_factory_model_create(&model, &config), PROVIDER_FACTORY_MODEL_DISABLED);
    cr_assert_eq(provider_factory_model_get(&model, 0), 1);
}

Test(provider_factory_model, rebuild_is_all_or_nothing)
{
    struct provider_factory_model model = empty();
    create(&model, 0, 1);
    create(&model, 1, 1);
    create(&model, 2, 1);
    struct provider_factory_model_config list[] = {
        {.name = 1, .version = 2},
        {.name = 2, .version = 2, .disabled = true},
        {.name = 3, .version = 2, .fails = true},
    };
    cr_assert_eq(provider_factory_model_rebuild(&model, list, 3), PROVIDER_FACTORY_MODEL_FAILED);
    cr_assert_eq(provider_factory_model_snapshot(&model), 0x010101);
    list[2].unknown_type = true;
    cr_assert_eq(provider_factory_model_rebuild(&model, list, 3),
                 PROVIDER_FACTORY_MODEL_UNKNOWN_TYPE);
    list[2].unknown_type = false;
    list[2].fails = false;
    cr_assert_eq(provider_factory_model_rebuild(&model, list, 3), PROVIDER_FACTORY_MODEL_OK);
    cr_assert_eq(provider_factory_model_snapshot(&model), 0x02000201);
    cr_assert_eq(provider_factory_model_count(&model), 3);
}
