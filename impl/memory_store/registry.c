// SPDX-License-Identifier: MIT
#include "memory_store.h"

#include <string.h>

const struct memory_store_variant *const memory_store_variants[] = {
    &memory_store_naive,
    &memory_store_proposed,
    &memory_store_fixed,
    &memory_store_lockfree,
};

const size_t memory_store_variants_count =
    sizeof memory_store_variants / sizeof memory_store_variants[0];

const struct memory_store_variant *memory_store_find(const char *name)
{
    for (size_t i = 0; i < memory_store_variants_count; i++) {
        if (strcmp(memory_store_variants[i]->name, name) == 0) {
            return memory_store_variants[i];
        }
    }
    return NULL;
}
