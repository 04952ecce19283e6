// SPDX-License-Identifier: MIT
#ifndef REDIS_BUCKET_SWITCH_H
#define REDIS_BUCKET_SWITCH_H

/*
 * A token bucket in Redis that is two: each request is served by one of two variants, as a flag
 * decides for its provider, and the flag may change at any moment.
 *
 * All variants keep a provider's bucket in the same key, so both arms see what both have taken, and
 * changing the arm moves nothing. (While an arm that over-grants is in use, it does.) What is left
 * to get right is the error: RATE_ERROR may mean that a token was taken and the reply lost, so
 * whoever then asks the other arm may take a second one, or be refused for want of his own. What a
 * switch promises (`fixed`): a request takes at most one token from either arm, also when it is
 * tried again, with the same id, under another setting of the flag; and one whose token was taken
 * before its reply was lost is admitted.
 *
 * For that the replacement must leave a mark of each request that took a token, as `fixed` does
 * (REDIS_BUCKET_MARK); of another replacement nobody can tell what it has done.
 *
 * Ownership and threads are those of redis_bucket.h: a handle is one client, for one thread at a
 * time. It borrows two connections, one an arm, for an arm that failed has often lost its
 * connection, which it is not the switch's to restore. They must be different ones, to one server.
 * The flag is borrowed, too, outlives the handle, and may be shared by all. A provider is never
 * NULL: the flag decides by it.
 */

#include "../redis_bucket/redis_bucket.h"
#include "rollout.h"

struct redis_bucket_switch_options {
    const struct redis_bucket_variant *arms[ROLLOUT_ARMS];
    redisContext *redis[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
};

struct redis_bucket_switch;

/* The functions of struct redis_bucket_variant, over two arms. */
struct redis_bucket_switch_variant {
    const char *name;
    struct redis_bucket_switch *(*open)(const struct redis_bucket_switch_options *options,
                                        const struct token_bucket_limits *limits, char *error,
                                        size_t error_size);
    void (*close)(struct redis_bucket_switch *bucket);
    enum rate_decision (*try_acquire)(struct redis_bucket_switch *bucket, const char *provider,
                                      const char *request_id, double *retry_after_s);
    bool (*available)(struct redis_bucket_switch *bucket, const char *provider, double *tokens);
    const char *(*last_error)(const struct redis_bucket_switch *bucket);
};

extern const struct redis_bucket_switch_variant redis_bucket_switch_naive;
extern const struct redis_bucket_switch_variant redis_bucket_switch_fixed;

/* Every variant, `naive` first. */
extern const struct redis_bucket_switch_variant *const redis_bucket_switch_variants[];
extern const size_t redis_bucket_switch_variants_count;

/* The variant of that name, or NULL. */
const struct redis_bucket_switch_variant *redis_bucket_switch_find(const char *name);

#endif
