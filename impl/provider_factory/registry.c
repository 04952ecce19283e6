// SPDX-License-Identifier: MIT
#include "provider_factory.h"

#include <string.h>

const struct provider_factory_variant *const provider_factory_variants[] = {
    &provider_factory_naive,
    &provider_factory_proposed,
    &provider_factory_fixed,
    &provider_factory_lockfree,
};

const size_t provider_factory_variants_count =
    sizeof provider_factory_variants / sizeof provider_factory_variants[0];

const struct provider_factory_variant *provider_factory_find(const char *name)
{
    for (size_t i = 0; i < provider_factory_variants_count; i++) {
        if (strcmp(provider_factory_variants[i]->name, name) == 0) {
            return provider_factory_variants[i];
        }
    }
    return NULL;
}
