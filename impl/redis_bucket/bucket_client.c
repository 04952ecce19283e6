// SPDX-License-Identifier: MIT
#include "bucket_client.h"

#include "../wall_clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_bucket *bucket_client_open(const struct token_bucket_limits *limits,
                                        redisContext *redis, char *error, size_t error_size)
{
    struct redis_bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->redis = redis;
    bucket->limits = *limits;
    return bucket;
}

void bucket_client_close(struct redis_bucket *bucket)
{
    free(bucket);
}

const char *bucket_client_last_error(const struct redis_bucket *bucket)
{
    return bucket->error;
}

void bucket_client_fail(struct redis_bucket *bucket, const char *text)
{
    snprintf(bucket->error, sizeof bucket->error, "%s", text);
}

void bucket_client_clear_error(struct redis_bucket *bucket)
{
    bucket->error[0] = '\0';
}

redisReply *bucket_client_command(struct redis_bucket *bucket, int type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(bucket->redis, format, arguments);
    va_end(arguments);

    if (reply == NULL) {
        bucket_client_fail(bucket,
                           bucket->redis->err != 0 ? bucket->redis->errstr : "out of memory");
        return NULL;
    }
    if (reply->type == type) {
        return reply;
    }
    bucket_client_fail(bucket, reply->type == REDIS_REPLY_ERROR ? reply->str
                                                                : "reply of an unexpected type");
    freeReplyObject(reply);
    return NULL;
}

bool bucket_client_load_script(struct redis_bucket *bucket, const char *text)
{
    redisReply *reply = bucket_client_command(bucket, REDIS_REPLY_STRING, "SCRIPT LOAD %s", text);
    if (reply == NULL) {
        return false;
    }
    bool loaded = reply->len == BUCKET_SHA_SIZE - 1;
    if (loaded) {
        memcpy(bucket->script_sha, reply->str, BUCKET_SHA_SIZE);
    } else {
        bucket_client_fail(bucket, "SCRIPT LOAD did not answer with a SHA1");
    }
    freeReplyObject(reply);
    return loaded;
}

bool bucket_client_lacks_script(const struct redis_bucket *bucket)
{
    static const char code[] = "NOSCRIPT";
    return strncmp(bucket->error, code, sizeof code - 1) == 0;
}

static double number_or(const redisReply *reply, double fallback)
{
    return reply->type == REDIS_REPLY_STRING ? strtod(reply->str, NULL) : fallback;
}

bool bucket_client_read(struct redis_bucket *bucket, const char *provider,
                        struct bucket_state *state)
{
    const double now_s = wall_clock_s();
    redisReply *reply = bucket_client_command(bucket, REDIS_REPLY_ARRAY,
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
    bucket_client_clear_error(bucket);
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
