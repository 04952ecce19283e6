// SPDX-License-Identifier: MIT
#include "combined_switch.h"
#include "memory_store_switch.h"
#include "metrics_switch.h"
#include "provider_factory_switch.h"
#include "redis_bucket_switch.h"
#include "rollout.h"
#include "semaphore_switch.h"
#include "sliding_window_switch.h"
#include "token_bucket_switch.h"

#include <string.h>

/* The list of a component's variants, how many there are, and finding one by its name. */
#define VARIANTS(kind, ...)                                                                  \
    const struct kind##_variant *const kind##_variants[] = {__VA_ARGS__};                    \
    const size_t kind##_variants_count = sizeof kind##_variants / sizeof kind##_variants[0]; \
    const struct kind##_variant *kind##_find(const char *name)                               \
    {                                                                                        \
        for (size_t i = 0; i < kind##_variants_count; i++) {                                 \
            if (strcmp(kind##_variants[i]->name, name) == 0) {                               \
                return kind##_variants[i];                                                   \
            }                                                                                \
        }                                                                                    \
        return NULL;                                                                         \
    }

VARIANTS(rollout, &rollout_naive, &rollout_fixed)
VARIANTS(combined_switch, &combined_switch_naive, &combined_switch_fixed)
VARIANTS(memory_store_switch, &memory_store_switch_naive, &memory_store_switch_counting,
         &memory_store_switch_fixed)
VARIANTS(metrics_switch, &metrics_switch_naive, &metrics_switch_fixed)
VARIANTS(provider_factory_switch, &provider_factory_switch_naive, &provider_factory_switch_fixed)
VARIANTS(redis_bucket_switch, &redis_bucket_switch_naive, &redis_bucket_switch_fixed)
VARIANTS(semaphore_switch, &semaphore_switch_naive, &semaphore_switch_fixed)
VARIANTS(sliding_window_switch, &sliding_window_switch_naive, &sliding_window_switch_fixed)
VARIANTS(token_bucket_switch, &token_bucket_switch_naive, &token_bucket_switch_fixed)
