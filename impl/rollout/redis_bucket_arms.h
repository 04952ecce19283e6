// SPDX-License-Identifier: MIT
#ifndef REDIS_BUCKET_ARMS_H
#define REDIS_BUCKET_ARMS_H

/* The handle of every switch of the bucket in Redis, and what does not differ between them.
 * Internal to this folder. */

#include "../redis_client.h"
#include "redis_bucket_switch.h"

struct redis_bucket_switch {
    struct redis_bucket_switch_options options;
    struct redis_bucket *buckets[ROLLOUT_ARMS];
    enum rollout_arm asked;    /* by the last call */
    struct redis_client looks; /* on the original's connection; its error, unless "", is the last */
};

struct redis_bucket_switch *
redis_bucket_arms_open(const struct redis_bucket_switch_options *options,
                       const struct token_bucket_limits *limits, char *error, size_t error_size);
void redis_bucket_arms_close(struct redis_bucket_switch *bucket);
struct rollout_decision redis_bucket_arms_decide(struct redis_bucket_switch *bucket,
                                                 const char *provider);
enum rate_decision redis_bucket_arms_try_acquire(struct redis_bucket_switch *bucket,
                                                 enum rollout_arm arm, const char *provider,
                                                 const char *request_id, double *retry_after_s);
bool redis_bucket_arms_available(struct redis_bucket_switch *bucket, const char *provider,
                                 double *tokens);
const char *redis_bucket_arms_last_error(const struct redis_bucket_switch *bucket);

#endif
