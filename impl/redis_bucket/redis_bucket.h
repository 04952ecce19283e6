// SPDX-License-Identifier: MIT
#ifndef REDIS_BUCKET_H
#define REDIS_BUCKET_H

/*
 * A token bucket kept in Redis and shared by any number of clients: it holds at most `capacity`
 * tokens, starts full, gains `rate_per_s` tokens a second, and every request takes one.
 *
 * State: one hash a provider, key "bucket:PROVIDER", fields `tokens` (as there were at the last
 * refill) and `last_refill` (time in decimal seconds). No key is a full bucket. All variants use
 * this layout, so that a roll-out may mix them on one key.
 *
 * Ownership and threads:
 *  1. A handle is one client: it borrows one connection, which must outlive it and which nobody
 *     else may use meanwhile. One thread at a time may call into a handle.
 *  2. Nothing is shared between handles but the server.
 *  3. hiredis errors are sticky. After RATE_ERROR with `redis->err` set, the owner of the
 *     connection may redisReconnect() it and go on with the same handle.
 *  4. hiredis 0.14 writes without MSG_NOSIGNAL: a program must ignore SIGPIPE, or it dies when the
 *     server closes the connection.
 *  5. Strings passed in are not kept. `last_error` is valid until the next call on the handle.
 *  6. Numbers travel as decimals, so LC_NUMERIC must keep its decimal point.
 *
 * RATE_ERROR does not say that no token was taken: the reply may have been lost on its way. Only
 * `fixed` makes it safe to try again (with the same request id).
 */

#include "../token_bucket/token_bucket.h"

#include <hiredis/hiredis.h>

/* For how long `fixed` recognises a request id, and by which key (for strlen() of the provider, the
 * provider and the id): where it exists, a token was taken. No two requests have one mark, and none
 * is a provider's bucket, whatever the names are. */
#define REDIS_BUCKET_RETRY_S 60
#define REDIS_BUCKET_MARK "bucket-request:%lu:%s:%s"

struct redis_bucket;

struct redis_bucket_variant {
    const char *name;

    /* A new handle, or NULL with one line in `error`: memory is out or, for `fixed`, the
     * configuration makes no sense. The limits hold for every provider used with the handle.
     * Does not talk to the server. */
    struct redis_bucket *(*open)(const struct token_bucket_limits *limits, redisContext *redis,
                                 char *error, size_t error_size);

    /* Frees the handle, not the connection. NULL is allowed. */
    void (*close)(struct redis_bucket *bucket);

    /* Takes a token if there is one now. When refused, *retry_after_s (unless NULL) is how long
     * until there may be one, INFINITY for never. A `request_id` of NULL means none; `naive` and
     * `proposed` know no ids and ignore it. */
    enum rate_decision (*try_acquire)(struct redis_bucket *bucket, const char *provider,
                                      const char *request_id, double *retry_after_s);

    /* The tokens there are now, for display. False on error, `tokens` is then unchanged. */
    bool (*available)(struct redis_bucket *bucket, const char *provider, double *tokens);

    /* What went wrong in the last call on this handle, one line; "" when nothing did. */
    const char *(*last_error)(const struct redis_bucket *bucket);
};

extern const struct redis_bucket_variant redis_bucket_naive;
extern const struct redis_bucket_variant redis_bucket_proposed;
extern const struct redis_bucket_variant redis_bucket_fixed;

/* Every variant, `naive` first. */
extern const struct redis_bucket_variant *const redis_bucket_variants[];
extern const size_t redis_bucket_variants_count;

/* The variant of that name, or NULL. */
const struct redis_bucket_variant *redis_bucket_find(const char *name);

#endif
