// SPDX-License-Identifier: MIT

/*
 * The proposal, on Redis: its script checks the window and adds to it in one step (a limiter object
 * a request, hence loaded on every one: sliding_window/proposed_lua.c); "the rest of the logic"
 * follows: the original's bucket (redis_bucket/proposed.c), then the slot.
 *
 * Kept as written:
 *  - a request that the bucket refuses has used its room in the window: a burst that the bucket
 * cuts down fills the window all the same, and then nothing passes until it has gone by;
 *  - so has one whose connection is cut between the two, or that is late or cancelled while it
 * waits for its token or its slot, or that gets its permit and is never made;
 *  - the times are the client's own: a fast clock purges what still counts;
 *  - a retry after a lost reply charges the bucket twice, and the window, under a new id, too.
 */

#include "../sliding_window/sliding_window.h"
#include "redis_parts.h"

static struct combined *proposed_open(const struct combined_options *options, char *error,
                                      size_t error_size)
{
    return redis_parts_open(&semaphore_proposed, options, error, error_size);
}

static enum rate_decision acquire_slot_atomic(const struct combined_provider *limits,
                                              const struct combined_request *request)
{
    char error[100];
    struct sliding_window *window =
        sliding_window_proposed_lua.open(&limits->window, request->redis, error, sizeof error);
    if (window == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision decision =
        sliding_window_proposed_lua.acquire(window, limits->name, request->id);
    sliding_window_proposed_lua.close(window);
    return decision;
}

static enum rate_decision proposed_acquire(struct combined *limiter,
                                           const struct combined_request *request,
                                           struct combined_permit *permit)
{
    struct combined_provider limits;
    if (request->redis == NULL || !redis_parts_limits(limiter, request->provider, &limits)) {
        return RATE_ERROR;
    }
    enum rate_decision decision = acquire_slot_atomic(&limits, request);
    if (decision == RATE_ADMITTED) {
        decision = redis_parts_token(request->redis, &limits, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        decision = semaphore_proposed.acquire(limiter->slots, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        redis_parts_grant(permit, limiter, request->redis);
    }
    return decision;
}

const struct combined_variant combined_redis_proposed = {
    .name = "proposed",
    .backend = COMBINED_REDIS,
    .open = proposed_open,
    .close = redis_parts_close,
    .acquire = proposed_acquire,
    .release = redis_parts_release,
    .reconfigure = redis_parts_reconfigure,
    .inspect = redis_parts_inspect,
};
