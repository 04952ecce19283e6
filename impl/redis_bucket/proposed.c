// SPDX-License-Identifier: MIT

/*
 * The original's script: the same steps, atomic.
 *
 * Kept as they are:
 *  - the state expires 300 s after the last request, and no state is a full bucket: one that takes
 *    longer to fill is refilled early;
 *  - the time is the client's: of two clocks the slow one sets last_refill back, and the fast one
 *    then counts the difference again;
 *  - a lost reply and another attempt take two tokens. Request ids are ignored;
 *  - NOSCRIPT is answered by loading again and starting over, without bound;
 *  - configuration is not checked.
 */

#include "../wall_clock.h"
#include "bucket_client.h"

#include <stdlib.h>

static const char script[] =
    "local key = KEYS[1]\n"
    "local capacity = tonumber(ARGV[1])\n"
    "local refill_rate = tonumber(ARGV[2])\n"
    "local now = tonumber(ARGV[3])\n"
    "local state = redis.call('HMGET', key, 'tokens', 'last_refill')\n"
    "local tokens = tonumber(state[1]) or capacity\n"
    "local last_refill = tonumber(state[2]) or now\n"
    "local elapsed = math.max(0, now - last_refill)\n"
    "tokens = math.min(capacity, tokens + elapsed * refill_rate)\n"
    "local left = tokens\n"
    "if tokens >= 1 then\n"
    "    left = tokens - 1\n"
    "end\n"
    "redis.call('HSET', key, 'tokens', string.format('%.17g', left), 'last_refill', ARGV[3])\n"
    "redis.call('EXPIRE', key, 300)\n"
    "return string.format('%.17g', tokens)\n";

static enum rate_decision take(struct redis_bucket *bucket, const char *provider,
                               double *retry_after_s)
{
    redis_client_clear_error(&bucket->client);
    if (bucket->script_sha[0] == '\0' &&
        !redis_client_load_script(&bucket->client, script, bucket->script_sha)) {
        return RATE_ERROR;
    }
    redisReply *reply = redis_client_command(&bucket->client, REDIS_REPLY_STRING,
                                             "EVALSHA %s 1 bucket:%s %.17g %.17g %.6f",
                                             bucket->script_sha, provider, bucket->limits.capacity,
                                             bucket->limits.rate_per_s, wall_clock_s());
    if (reply == NULL) {
        if (!redis_client_lacks_script(&bucket->client)) {
            return RATE_ERROR;
        }
        bucket->script_sha[0] = '\0';
        return take(bucket, provider, retry_after_s);
    }
    const double wait_s = bucket_client_wait_s(bucket, strtod(reply->str, NULL));
    freeReplyObject(reply);
    if (wait_s > 0 && retry_after_s != NULL) {
        *retry_after_s = wait_s;
    }
    return wait_s > 0 ? RATE_REFUSED : RATE_ADMITTED;
}

static enum rate_decision proposed_try_acquire(struct redis_bucket *bucket, const char *provider,
                                               const char *request_id, double *retry_after_s)
{
    (void)request_id;
    return take(bucket, provider, retry_after_s);
}

const struct redis_bucket_variant redis_bucket_proposed = {
    .name = "proposed",
    .open = bucket_client_open,
    .close = bucket_client_close,
    .try_acquire = proposed_try_acquire,
    .available = bucket_client_available,
    .last_error = bucket_client_last_error,
};
