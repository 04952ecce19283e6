// SPDX-License-Identifier: MIT
#include "memory_store_switch.h"
#include "rollout.h"
#include "sliding_window_switch.h"

#include <string.h>

const struct rollout_variant *const rollout_variants[] = {
    &rollout_naive,
    &rollout_fixed,
};

const size_t rollout_variants_count = sizeof rollout_variants / sizeof rollout_variants[0];

const struct memory_store_switch_variant *const memory_store_switch_variants[] = {
    &memory_store_switch_naive,
    &memory_store_switch_counting,
    &memory_store_switch_fixed,
};

const size_t memory_store_switch_variants_count =
    sizeof memory_store_switch_variants / sizeof memory_store_switch_variants[0];

const struct sliding_window_switch_variant *const sliding_window_switch_variants[] = {
    &sliding_window_switch_naive,
    &sliding_window_switch_fixed,
};

const size_t sliding_window_switch_variants_count =
    sizeof sliding_window_switch_variants / sizeof sliding_window_switch_variants[0];

const struct rollout_variant *rollout_find(const char *name)
{
    for (size_t i = 0; i < rollout_variants_count; i++) {
        if (strcmp(rollout_variants[i]->name, name) == 0) {
            return rollout_variants[i];
        }
    }
    return NULL;
}

const struct memory_store_switch_variant *memory_store_switch_find(const char *name)
{
    for (size_t i = 0; i < memory_store_switch_variants_count; i++) {
        if (strcmp(memory_store_switch_variants[i]->name, name) == 0) {
            return memory_store_switch_variants[i];
        }
    }
    return NULL;
}

const struct sliding_window_switch_variant *sliding_window_switch_find(const char *name)
{
    for (size_t i = 0; i < sliding_window_switch_variants_count; i++) {
        if (strcmp(sliding_window_switch_variants[i]->name, name) == 0) {
            return sliding_window_switch_variants[i];
        }
    }
    return NULL;
}
