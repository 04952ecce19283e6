// SPDX-License-Identifier: MIT
#include "semaphore.h"

#include <string.h>

const struct semaphore_variant *const semaphore_variants[] = {
    &semaphore_naive,
    &semaphore_proposed,
    &semaphore_fixed,
    &semaphore_lockfree,
};

const size_t semaphore_variants_count = sizeof semaphore_variants / sizeof semaphore_variants[0];

const struct semaphore_variant *semaphore_find(const char *name)
{
    for (size_t i = 0; i < semaphore_variants_count; i++) {
        if (strcmp(semaphore_variants[i]->name, name) == 0) {
            return semaphore_variants[i];
        }
    }
    return NULL;
}
