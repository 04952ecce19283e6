// SPDX-License-Identifier: MIT
#include "token_bucket.h"

#include <string.h>

const struct token_bucket_variant *const token_bucket_variants[] = {
    &token_bucket_naive,
    &token_bucket_proposed,
    &token_bucket_fixed,
    &token_bucket_lockfree,
};

const size_t token_bucket_variants_count =
    sizeof token_bucket_variants / sizeof token_bucket_variants[0];

const struct token_bucket_variant *token_bucket_find(const char *name)
{
    for (size_t i = 0; i < token_bucket_variants_count; i++) {
        if (strcmp(token_bucket_variants[i]->name, name) == 0) {
            return token_bucket_variants[i];
        }
    }
    return NULL;
}
