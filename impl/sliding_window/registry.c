// SPDX-License-Identifier: MIT
#include "sliding_window.h"

#include <string.h>

const struct sliding_window_variant *const sliding_window_variants[] = {
    &sliding_window_naive, &sliding_window_proposed_lua, &sliding_window_proposed_pipeline,
    &sliding_window_watch, &sliding_window_fixed,
};

const size_t sliding_window_variants_count =
    sizeof sliding_window_variants / sizeof sliding_window_variants[0];

const struct sliding_window_variant *sliding_window_find(const char *name)
{
    for (size_t i = 0; i < sliding_window_variants_count; i++) {
        if (strcmp(sliding_window_variants[i]->name, name) == 0) {
            return sliding_window_variants[i];
        }
    }
    return strcmp(name, sliding_window_proposed_literal.name) == 0
               ? &sliding_window_proposed_literal
               : NULL;
}
