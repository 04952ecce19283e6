// SPDX-License-Identifier: MIT

/*
 * The original, on Redis: looks at the window, waits for the bucket, adds to the window, waits for
 * a slot. Made of the original's parts, faults included (sliding_window/naive.c,
 * redis_bucket/proposed.c).
 *
 * Faults:
 *  - look and addition are separate commands: whoever comes in between passes as well (TOCTOU);
 *  - the times are the client's own;
 *  - a connection that is cut between the bucket and the addition has used a token for a request
 *    that the window does not know, and a retry is another request;
 *  - a request that is late or cancelled while it waits for its slot keeps its room in the window
 *    and its token; so does one that gets its permit and is never made.
 *
 * Configuration is not checked.
 */

#include "../sliding_window/sliding_window.h"
#include "redis_parts.h"

static struct combined *naive_open(const struct combined_options *options, char *error,
                                   size_t error_size)
{
    return redis_parts_open(&semaphore_naive, options, error, error_size);
}

static enum rate_decision pass(struct sliding_window *window,
                               const struct combined_provider *limits,
                               const struct combined_request *request)
{
    enum rate_decision decision = sliding_window_naive.check(window, limits->name);
    if (decision == RATE_ADMITTED) {
        decision = redis_parts_token(request->redis, limits, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        decision = sliding_window_naive.add(window, limits->name, request->id);
    }
    return decision;
}

static enum rate_decision naive_acquire(struct combined *limiter,
                                        const struct combined_request *request,
                                        struct combined_permit *permit)
{
    struct combined_provider limits;
    char error[100];
    if (request->redis == NULL || !redis_parts_limits(limiter, request->provider, &limits)) {
        return RATE_ERROR;
    }
    struct sliding_window *window =
        sliding_window_naive.open(&limits.window, request->redis, error, sizeof error);
    if (window == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision decision = pass(window, &limits, request);
    sliding_window_naive.close(window);
    if (decision == RATE_ADMITTED) {
        decision = semaphore_naive.acquire(limiter->slots, request->deadline);
    }
    if (decision == RATE_ADMITTED) {
        redis_parts_grant(permit, limiter, request->redis);
    }
    return decision;
}

const struct combined_variant combined_redis_naive = {
    .name = "naive",
    .backend = COMBINED_REDIS,
    .open = naive_open,
    .close = redis_parts_close,
    .acquire = naive_acquire,
    .release = redis_parts_release,
    .reconfigure = redis_parts_reconfigure,
    .inspect = redis_parts_inspect,
};
