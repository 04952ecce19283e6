// SPDX-License-Identifier: MIT
#include "combined.h"

#include <pthread.h>
#include <string.h>

const struct combined_variant *const combined_variants[] = {
    &combined_naive,       &combined_proposed,       &combined_fixed,       &combined_lockfree,
    &combined_redis_naive, &combined_redis_proposed, &combined_redis_fixed,
};

const size_t combined_variants_count = sizeof combined_variants / sizeof combined_variants[0];

const struct combined_variant *combined_find(const char *name, enum combined_backend backend)
{
    for (size_t i = 0; i < combined_variants_count; i++) {
        if (combined_variants[i]->backend == backend &&
            strcmp(combined_variants[i]->name, name) == 0) {
            return combined_variants[i];
        }
    }
    return NULL;
}

struct run {
    const struct combined_variant *variant;
    struct combined *limiter;
    struct combined_permit permit;
};

static void release_failed(void *argument)
{
    struct run *run = argument;
    run->variant->release(run->limiter, &run->permit, COMBINED_FAILED);
}

enum rate_decision combined_run(const struct combined_variant *variant, struct combined *limiter,
                                const struct combined_request *request,
                                enum combined_outcome (*make_request)(void *context), void *context)
{
    struct run run = {.variant = variant, .limiter = limiter};
    enum rate_decision decision = variant->acquire(limiter, request, &run.permit);
    if (decision != RATE_ADMITTED) {
        return decision;
    }
    enum combined_outcome outcome;
    pthread_cleanup_push(release_failed, &run);
    outcome = make_request(context);
    pthread_cleanup_pop(0);
    variant->release(limiter, &run.permit, outcome);
    return decision;
}
