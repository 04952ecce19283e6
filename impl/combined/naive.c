// SPDX-License-Identifier: MIT

/*
 * The original, in memory: looks at the window, waits for the bucket, adds to the window, waits for
 * a slot. Made of the original's parts, faults included.
 *
 * Faults:
 *  - between the look and the addition a request may wait for its token; all who wait have passed
 *    the check, and are added whatever the window holds by then (TOCTOU);
 *  - a request that is late or cancelled while it waits for its slot keeps its room in the window
 *    and its token; so does one that gets its permit and is never made;
 *  - changed limits are a new window and a new bucket: what was admitted before is forgotten.
 *
 * Configuration is not checked.
 */

#include "parts.h"

static const struct combined_parts original_parts = {
    .windows = &memory_store_naive,
    .buckets = &token_bucket_naive,
    .semaphores = &semaphore_naive,
};

static struct combined *naive_open(const struct combined_options *options, char *error,
                                   size_t error_size)
{
    return parts_open(&original_parts, options, error, error_size);
}

static enum rate_decision naive_acquire(struct combined *limiter,
                                        const struct combined_request *request,
                                        struct combined_permit *permit)
{
    struct parts_provider *provider = parts_find(limiter, request->provider);
    if (provider == NULL) {
        return RATE_ERROR;
    }
    struct parts_limits *limits = provider->limits;
    enum rate_decision decision = memory_store_naive.check(limits->window, request->provider);
    if (decision == RATE_ADMITTED) {
        decision = token_bucket_naive.acquire(limits->bucket, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        decision = memory_store_naive.add(limits->window, request->provider);
    }
    if (decision == RATE_ADMITTED) {
        decision = semaphore_naive.acquire(limiter->slots, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        permit->provider = provider;
    }
    return decision;
}

const struct combined_variant combined_naive = {
    .name = "naive",
    .backend = COMBINED_MEMORY,
    .open = naive_open,
    .close = parts_close,
    .acquire = naive_acquire,
    .release = parts_release,
    .reconfigure = parts_reconfigure,
    .inspect = parts_inspect,
};
