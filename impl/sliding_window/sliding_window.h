// SPDX-License-Identifier: MIT
#ifndef SLIDING_WINDOW_H
#define SLIDING_WINDOW_H

/*
 * A sliding-window rate limiter kept in Redis: at most `rpm` requests of a provider in any window
 * of `window_s` seconds, whatever number of clients share the server.
 *
 * State: one sorted set a provider, key "window:PROVIDER", score = time of the request in decimal
 * seconds, member = unique request id. All variants use this layout, so that a roll-out may mix
 * them on one key.
 *
 * Ownership and threads:
 *  1. A handle is one client: it borrows one connection, which must outlive it and which nobody
 *     else may use meanwhile. One thread at a time may call into a handle.
 *  2. Nothing is shared between handles but the server.
 *  3. hiredis errors are sticky. After RATE_ERROR with `redis->err` set, the owner of the
 *     connection may redisReconnect() it and go on with the same handle.
 *  4. hiredis 0.14 writes without MSG_NOSIGNAL: a program must ignore SIGPIPE, or it
 *     dies when the server closes the connection.
 *  5. Strings passed in are not kept. `last_error` is valid until the next call on the handle.
 *
 * RATE_ERROR does not say that nothing was charged: the reply may have been lost on its way. Only
 * `fixed` and `watch` make it safe to try again (with the same request id).
 */

#include "../rate_limit.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct sliding_window;

struct sliding_window_variant {
    const char *name;

    /* A new handle, or NULL with one line in `error`: memory is out or, for `fixed`, the
     * configuration makes no sense. The limits hold for every provider used with the handle.
     * Does not talk to the server. */
    struct sliding_window *(*open)(const struct rate_limits *limits, redisContext *redis,
                                   char *error, size_t error_size);

    /* Frees the handle, not the connection. NULL is allowed. */
    void (*close)(struct sliding_window *window);

    /* Check and charge. A `request_id` of NULL means: make one up. */
    enum rate_decision (*acquire)(struct sliding_window *window, const char *provider,
                                  const char *request_id);

    /* Would `acquire` be admitted now? Charges nothing. */
    enum rate_decision (*check)(struct sliding_window *window, const char *provider);

    /* Charge without asking: RATE_ADMITTED or RATE_ERROR. NULL in every variant whose check and
     * charge are one step, that is in all but `naive`. */
    enum rate_decision (*add)(struct sliding_window *window, const char *provider,
                              const char *request_id);

    /* How many requests the window holds now. False on error, `count` is then unchanged. */
    bool (*count)(struct sliding_window *window, const char *provider, long long *count);

    /* What went wrong in the last call on this handle, one line; "" when nothing did. */
    const char *(*last_error)(const struct sliding_window *window);
};

extern const struct sliding_window_variant sliding_window_naive;
extern const struct sliding_window_variant sliding_window_proposed_lua;
extern const struct sliding_window_variant sliding_window_proposed_pipeline;
extern const struct sliding_window_variant sliding_window_watch;
extern const struct sliding_window_variant sliding_window_fixed;

/* `proposed-pipeline` without our one deviation: to the letter it admits nobody. To be found by its
 * name, but not listed: there is nothing to deploy or to compare. */
extern const struct sliding_window_variant sliding_window_proposed_literal;

/* Every variant but that one, `naive` first. */
extern const struct sliding_window_variant *const sliding_window_variants[];
extern const size_t sliding_window_variants_count;

/* The variant of that name, or NULL. Finds `proposed-pipeline-literal` too. */
const struct sliding_window_variant *sliding_window_find(const char *name);

#endif
