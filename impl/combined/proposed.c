// SPDX-License-Identifier: MIT

/*
 * The proposal, in memory: one atomic step checks the window and adds to it, "the rest of the
 * logic" follows: the bucket, then the slot. The proposal gives that step for Redis only; here it
 * is the `fixed` window store's, and the other parts are the proposal's.
 *
 * Kept as written:
 *  - a request that the bucket refuses has used its room in the window: a burst that the bucket
 * cuts down fills the window all the same, and then nothing passes until it has gone by;
 *  - so has one that is late or cancelled while it waits for its token or its slot, or that gets
 * its permit and is never made; of these the token is lost too;
 *  - changed limits are a new window and a new bucket: what was admitted before is forgotten.
 */

#include "parts.h"

static const struct combined_parts proposed_parts = {
    .windows = &memory_store_fixed,
    .buckets = &token_bucket_proposed,
    .semaphores = &semaphore_proposed,
};

static struct combined *proposed_open(const struct combined_options *options, char *error,
                                      size_t error_size)
{
    return parts_open(&proposed_parts, options, error, error_size);
}

static enum rate_decision proposed_acquire(struct combined *limiter,
                                           const struct combined_request *request,
                                           struct combined_permit *permit)
{
    struct parts_provider *provider = parts_find(limiter, request->provider);
    if (provider == NULL) {
        return RATE_ERROR;
    }
    struct parts_limits *limits = provider->limits;
    enum rate_decision decision = memory_store_fixed.acquire(limits->window, request->provider);
    if (decision == RATE_ADMITTED) {
        decision = token_bucket_proposed.acquire(limits->bucket, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        decision = semaphore_proposed.acquire(limiter->slots, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        permit->provider = provider;
    }
    return decision;
}

const struct combined_variant combined_proposed = {
    .name = "proposed",
    .backend = COMBINED_MEMORY,
    .open = proposed_open,
    .close = parts_close,
    .acquire = proposed_acquire,
    .release = parts_release,
    .reconfigure = parts_reconfigure,
    .inspect = parts_inspect,
};
