// SPDX-License-Identifier: MIT
#include "bucket_client.h"

#include "../wall_clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct redis_bucket *bucket_client_open(const struct token_bucket_limits *limits,
                                        redisContext *redis, char *error, size_t error_size)
{
    struct redis_bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->client.redis = redis;
    bucket->limits = *limits;
    return bucket;
}

void bucket_client_close(struct redis_bucket *bucket)
{
    free(bucket);
}

const char *bucket_client_last_error(const struct redis_bucket *bucket)
{
    return bucket->client.error;
}

static double number_or(const redisReply *reply, double fallback)
{
    return reply->type == REDIS_REPLY_STRING ? strtod(reply->str, NULL) : fallback;
}

bool bucket_client_read(struct redis_bucket *bucket, const char *provider,
                        struct bucket_state *state)
{
    const double now_s = wall_clock_s();
    redisReply *reply = redis_client_command(&bucket->client, REDIS_REPLY_ARRAY,
                                             "HMGET bucket:%s tokens last_refill", provider);
    if (reply == NULL) {
        return false;
    }
    const double tokens = number_or(reply->element[0], bucket->limits.capacity);
    const double last_refill = number_or(reply->element[1], now_s);
    freeReplyObject(reply);
    const double elapsed_s = fmax(0, now_s - last_refill);
    state->tokens = fmin(bucket->limits.capacity, tokens + elapsed_s * bucket->limits.rate_per_s);
    state->now_s = now_s;
    return true;
}

bool bucket_client_available(struct redis_bucket *bucket, const char *provider, double *tokens)
{
    struct bucket_state state;
    redis_client_clear_error(&bucket->client);
    if (!bucket_client_read(bucket, provider, &state)) {
        return false;
    }
    *tokens = floor(state.tokens);
    return true;
}

double bucket_client_wait_s(const struct redis_bucket *bucket, double tokens)
{
    if (tokens >= 1) {
        return 0;
    }
    return bucket->limits.rate_per_s > 0 ? (1 - tokens) / bucket->limits.rate_per_s : INFINITY;
}
