// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: one script, the server's clock.
 *
 * Policies:
 *  - The key expires when the bucket is full again, not before: no key is a full bucket, so expiry
 *    changes nothing. A bucket that is never refilled never expires.
 *  - A refusal writes nothing but a longer time to live, where another variant has left one that
 *    would end before the bucket is full.
 *  - Time that was counted is not counted again: after the server's clock was set back (or a client
 *    of another variant ran fast) nothing is refilled until it has caught up.
 *  - A request id that took a token in the last REDIS_BUCKET_RETRY_S is admitted again without
 *    another one. So after RATE_ERROR, retry with the same id. It is kept in a key of its own,
 *    REDIS_BUCKET_MARK. Without an id no safe retry is possible.
 *  - Nonsense configuration is refused when the handle is opened, and the script checks its
 *    arguments and the state that it finds before it writes: a script that fails half-way is not
 *    rolled back.
 *  - A script that the server has forgotten is loaded again, a bounded number of times.
 *
 * Inside the script time is whole microseconds, which a double holds exactly up to 2^53, in the
 * year 2255.
 */

#include "../token_bucket/token_pace.h"
#include "bucket_client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOSCRIPT_RETRIES_MAX 2

/*
 * KEYS = {bucket, mark of the request}; ARGV = {capacity, tokens a second, how long a mark is kept
 * in ms or 0 for no request, tokens to take: 1 or 0}. The reply is how many tokens there were, as
 * text: at least 1 means that one was taken, if one was asked for. Limits: see token_bucket.h.
 */
static const char script[] =
    "local key, mark = KEYS[1], KEYS[2]\n"
    "local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local mark_ms, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])\n"
    "local function within(n, min, max)\n"
    "    return n and n >= min and n <= max\n"
    "end\n"
    "if #KEYS ~= 2 or #ARGV ~= 4 then\n"
    "    return redis.error_reply('ERR token bucket: two keys and four arguments, please')\n"
    "end\n"
    "if not within(capacity, 1, 1e6) or not within(rate, 0, 1e6)\n"
    "   or rate > 0 and capacity / rate > 31622400 then\n"
    "    return redis.error_reply('ERR token bucket: limits out of range')\n"
    "end\n"
    "if not within(mark_ms, 0, 3600000) or not within(wanted, 0, 1) then\n"
    "    return redis.error_reply('ERR token bucket: arguments out of range')\n"
    "end\n"
    "if mark_ms > 0 and wanted > 0 and redis.call('EXISTS', mark) == 1 then\n"
    "    return '1'\n"
    "end\n"
    "local time = redis.call('TIME')\n"
    "local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])\n"
    "local state = redis.call('HMGET', key, 'tokens', 'last_refill')\n"
    "local tokens, last_us = capacity, now_us\n"
    "if state[1] or state[2] then\n"
    "    local last = tonumber(state[2])\n"
    "    tokens = tonumber(state[1])\n"
    "    if not within(tokens, -1e6, 1e6) or not within(last, 0, 9e9) then\n"
    "        return redis.error_reply('ERR token bucket: the key holds something else')\n"
    "    end\n"
    "    last_us = math.floor(last * 1000000 + 0.5)\n"
    "end\n"
    "if now_us > last_us then\n"
    "    tokens = tokens + (now_us - last_us) * rate / 1000000\n"
    "    last_us = now_us\n"
    "end\n"
    "tokens = math.min(capacity, tokens)\n"
    "local left = tokens\n"
    "if wanted > 0 and tokens >= 1 then\n"
    "    left = tokens - 1\n"
    "    redis.call('HSET', key, 'tokens', string.format('%.17g', left),\n"
    "               'last_refill', string.format('%.6f', last_us / 1000000))\n"
    "    if mark_ms > 0 then\n"
    "        redis.call('SET', mark, '1', 'PX', string.format('%.0f', mark_ms))\n"
    "    end\n"
    "end\n"
    "local ttl_ms = wanted > 0 and redis.call('PTTL', key) or -2\n"
    "if ttl_ms >= 0 and rate == 0 then\n"
    "    redis.call('PERSIST', key)\n"
    "elseif ttl_ms >= -1 and rate > 0 then\n"
    "    local full_ms = (last_us - now_us) / 1000 + (capacity - left) * 1000 / rate\n"
    "    full_ms = math.ceil(full_ms) + 1\n"
    "    if ttl_ms < full_ms then\n"
    "        redis.call('PEXPIRE', key, string.format('%.0f', full_ms))\n"
    "    end\n"
    "end\n"
    "return string.format('%.17g', tokens)\n";

static struct redis_bucket *fixed_open(const struct token_bucket_limits *limits,
                                       redisContext *redis, char *error, size_t error_size)
{
    struct token_pace pace;
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return NULL;
    }
    if (redis == NULL) {
        snprintf(error, error_size, "no connection");
        return NULL;
    }
    return bucket_client_open(limits, redis, error, error_size);
}

/* NOSCRIPT means that nothing was executed, hence that running it again is safe; no other failure
 * is retried. */
static bool run_script(struct redis_bucket *bucket, const char *provider, const char *request_id,
                       int wanted, double *tokens)
{
    const int mark_ms = request_id != NULL ? REDIS_BUCKET_RETRY_S * 1000 : 0;

    for (int attempt = 0; attempt <= NOSCRIPT_RETRIES_MAX; attempt++) {
        if (bucket->script_sha[0] == '\0' &&
            !redis_client_load_script(&bucket->client, script, bucket->script_sha)) {
            return false;
        }
        redisReply *reply = redis_client_command(
            &bucket->client, REDIS_REPLY_STRING,
            "EVALSHA %s 2 bucket:%s " REDIS_BUCKET_MARK " %.17g %.17g %d %d", bucket->script_sha,
            provider, strlen(provider), provider, request_id != NULL ? request_id : "",
            bucket->limits.capacity, bucket->limits.rate_per_s, mark_ms, wanted);
        if (reply != NULL) {
            *tokens = strtod(reply->str, NULL);
            freeReplyObject(reply);
            redis_client_clear_error(&bucket->client);
            return true;
        }
        if (!redis_client_lacks_script(&bucket->client)) {
            return false;
        }
        bucket->script_sha[0] = '\0';
    }
    return false;
}

static bool check_provider(struct redis_bucket *bucket, const char *provider)
{
    redis_client_clear_error(&bucket->client);
    if (provider == NULL || provider[0] == '\0') {
        redis_client_fail(&bucket->client, "no provider named");
        return false;
    }
    return true;
}

static enum rate_decision fixed_try_acquire(struct redis_bucket *bucket, const char *provider,
                                            const char *request_id, double *retry_after_s)
{
    double tokens;
    if (!check_provider(bucket, provider) ||
        !run_script(bucket, provider, request_id, 1, &tokens)) {
        return RATE_ERROR;
    }
    if (tokens >= 1) {
        return RATE_ADMITTED;
    }
    if (retry_after_s != NULL) {
        *retry_after_s = bucket_client_wait_s(bucket, tokens);
    }
    return RATE_REFUSED;
}

static bool fixed_available(struct redis_bucket *bucket, const char *provider, double *tokens)
{
    double found;
    if (!check_provider(bucket, provider) || !run_script(bucket, provider, NULL, 0, &found)) {
        return false;
    }
    *tokens = fmax(0, found);
    return true;
}

const struct redis_bucket_variant redis_bucket_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = bucket_client_close,
    .try_acquire = fixed_try_acquire,
    .available = fixed_available,
    .last_error = bucket_client_last_error,
};
