// SPDX-License-Identifier: MIT
#include "redis_bucket_arms.h"

#include <stdio.h>
#include <stdlib.h>

struct redis_bucket_switch *
redis_bucket_arms_open(const struct redis_bucket_switch_options *options,
                       const struct token_bucket_limits *limits, char *error, size_t error_size)
{
    struct redis_bucket_switch *bucket = calloc(1, sizeof *bucket);
    if (bucket == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->options = *options;
    bucket->looks.redis = options->redis[ROLLOUT_ORIGINAL];
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        bucket->buckets[arm] =
            options->arms[arm]->open(limits, options->redis[arm], error, error_size);
        if (bucket->buckets[arm] == NULL) {
            redis_bucket_arms_close(bucket);
            return NULL;
        }
    }
    return bucket;
}

void redis_bucket_arms_close(struct redis_bucket_switch *bucket)
{
    if (bucket == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        bucket->options.arms[arm]->close(bucket->buckets[arm]);
    }
    free(bucket);
}

struct rollout_decision redis_bucket_arms_decide(struct redis_bucket_switch *bucket,
                                                 const char *provider)
{
    redis_client_clear_error(&bucket->looks);
    return bucket->options.flags->decide(bucket->options.flag, provider);
}

enum rate_decision redis_bucket_arms_try_acquire(struct redis_bucket_switch *bucket,
                                                 enum rollout_arm arm, const char *provider,
                                                 const char *request_id, double *retry_after_s)
{
    bucket->asked = arm;
    return bucket->options.arms[arm]->try_acquire(bucket->buckets[arm], provider, request_id,
                                                  retry_after_s);
}

bool redis_bucket_arms_available(struct redis_bucket_switch *bucket, const char *provider,
                                 double *tokens)
{
    const enum rollout_arm arm = redis_bucket_arms_decide(bucket, provider).arm;

    bucket->asked = arm;
    return bucket->options.arms[arm]->available(bucket->buckets[arm], provider, tokens);
}

const char *redis_bucket_arms_last_error(const struct redis_bucket_switch *bucket)
{
    if (bucket->looks.error[0] != '\0') {
        return bucket->looks.error;
    }
    return bucket->options.arms[bucket->asked]->last_error(bucket->buckets[bucket->asked]);
}
