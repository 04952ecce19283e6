// SPDX-License-Identifier: MIT
#include "token_bucket_arms.h"

#include "../token_bucket/token_pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool move(void *context, enum rollout_arm to)
{
    return token_bucket_arms_move(context, to);
}

static struct token_bucket_switch *new_switch(const struct token_bucket_switch_options *options)
{
    const size_t key_size = strlen(options->key) + 1;
    struct token_bucket_switch *bucket = calloc(1, sizeof *bucket + key_size);
    if (bucket == NULL || !arm_line_init(&bucket->line, 0, move, bucket)) {
        free(bucket);
        return NULL;
    }
    memcpy(bucket->key, options->key, key_size);
    bucket->options = *options;
    bucket->options.key = bucket->key;
    return bucket;
}

struct token_bucket_switch *
token_bucket_arms_open(const struct token_bucket_switch_options *options,
                       const struct token_bucket_limits *limits, char *error, size_t error_size)
{
    struct token_bucket_switch *bucket = new_switch(options);
    if (bucket == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->limits = *limits;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        bucket->buckets[arm] = options->arms[arm]->open(limits, error, error_size);
        if (bucket->buckets[arm] == NULL) {
            token_bucket_arms_close(bucket);
            return NULL;
        }
    }
    return bucket;
}

void token_bucket_arms_close(struct token_bucket_switch *bucket)
{
    if (bucket == NULL) {
        return;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        bucket->options.arms[arm]->close(bucket->buckets[arm]);
    }
    arm_line_destroy(&bucket->line);
    free(bucket);
}

struct rollout_decision token_bucket_arms_decide(const struct token_bucket_switch *bucket)
{
    return bucket->options.flags->decide(bucket->options.flag, bucket->key);
}

unsigned long token_bucket_arms_futile_wakeups(struct token_bucket_switch *bucket)
{
    unsigned long sum = 0;
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        sum += bucket->options.arms[arm]->futile_wakeups(bucket->buckets[arm]);
    }
    return sum;
}

bool token_bucket_arms_reconfigure(struct token_bucket_switch *bucket,
                                   const struct token_bucket_limits *limits, char *error,
                                   size_t error_size)
{
    struct token_pace pace;

    /* What one arm would refuse must not change the other. */
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return false;
    }
    for (int arm = 0; arm < ROLLOUT_ARMS; arm++) {
        if (!bucket->options.arms[arm]->reconfigure(bucket->buckets[arm], limits, error,
                                                    error_size)) {
            return false;
        }
    }
    bucket->limits = *limits;
    return true;
}

/* A bucket can be filled, emptied token by token and made smaller, which drops what it has no room
 * for. So: filled with one token too many, standing still, and one taken. */
static bool set_tokens(struct token_bucket_switch *bucket, enum rollout_arm arm, double tokens)
{
    const struct token_bucket_variant *variant = bucket->options.arms[arm];
    struct token_bucket *target = bucket->buckets[arm];
    const struct token_bucket_limits full = {.capacity = tokens};
    const struct token_bucket_limits one_more = {.capacity = tokens + 1};
    char ignored[1];
    bool set;

    if (tokens >= 1) {
        set = variant->reconfigure(target, &full, ignored, sizeof ignored);
        variant->reset(target);
    } else {
        set = variant->reconfigure(target, &one_more, ignored, sizeof ignored);
        variant->reset(target);
        set = set && variant->try_acquire(target, NULL) == RATE_ADMITTED;
    }
    return variant->reconfigure(target, &bucket->limits, ignored, sizeof ignored) && set;
}

bool token_bucket_arms_move(struct token_bucket_switch *bucket, enum rollout_arm to)
{
    const struct token_bucket_switch_options *options = &bucket->options;
    const enum rollout_arm from = rollout_other(to);
    const double tokens = options->arms[from]->available(bucket->buckets[from]);

    if (set_tokens(bucket, to, tokens)) {
        return true;
    }
    if (to == ROLLOUT_REPLACEMENT) {
        const struct rollout_decision decision = {
            .arm = to, .setting = options->flags->state(options->flag).setting};
        rollout_fall_back(options->flags, options->flag, &decision);
    }
    return false;
}
