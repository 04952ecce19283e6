// SPDX-License-Identifier: MIT
#include "metrics.h"

#include <string.h>

const struct metrics_variant *const metrics_variants[] = {
    &metrics_naive,
    &metrics_proposed,
    &metrics_fixed,
    &metrics_lockfree,
};

const size_t metrics_variants_count = sizeof metrics_variants / sizeof metrics_variants[0];

const struct metrics_variant *metrics_find(const char *name)
{
    for (size_t i = 0; i < metrics_variants_count; i++) {
        if (strcmp(metrics_variants[i]->name, name) == 0) {
            return metrics_variants[i];
        }
    }
    return NULL;
}
