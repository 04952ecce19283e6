// SPDX-License-Identifier: MIT
#include "redis_bucket.h"

#include <string.h>

const struct redis_bucket_variant *const redis_bucket_variants[] = {
    &redis_bucket_naive,
    &redis_bucket_proposed,
    &redis_bucket_fixed,
};

const size_t redis_bucket_variants_count =
    sizeof redis_bucket_variants / sizeof redis_bucket_variants[0];

const struct redis_bucket_variant *redis_bucket_find(const char *name)
{
    for (size_t i = 0; i < redis_bucket_variants_count; i++) {
        if (strcmp(redis_bucket_variants[i]->name, name) == 0) {
            return redis_bucket_variants[i];
        }
    }
    return NULL;
}
