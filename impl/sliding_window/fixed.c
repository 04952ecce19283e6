// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: one script, the server's clock.
 *
 * Policies:
 *  - Boundary: an entry of age exactly the window has expired. Ages are compared in whole
 *    microseconds.
 *  - A refused request is not charged.
 *  - A request id that is in the window already is admitted again, not charged again, and keeps
 *    its time. So after RATE_ERROR, retry with the same id. A client that has no id of its own
 *    gets one made by the server, unique in the window, and cannot retry safely.
 *  - An entry from the future (the clock was set back, or a client of another variant runs fast)
 *    counts until its own window has passed. The key lives as long as its newest entry counts.
 *  - Nonsense configuration is refused when the handle is opened, and the script checks its
 *    arguments again before it writes: a script that fails half-way is not rolled back.
 *  - A script that the server has forgotten is loaded again, a bounded number of times.
 *
 * Scores stay decimal seconds, so that this variant can share keys with the others. Inside the
 * script time is whole microseconds, which a double holds exactly up to 2^53, in the year 2255;
 * "%.6f" of the quotient restores them exactly.
 */

#include "window_client.h"

#include <stdio.h>

#define NOSCRIPT_RETRIES_MAX 2

enum script {
    ACQUIRE_SCRIPT,
    COUNT_SCRIPT,
    SCRIPTS,
};
_Static_assert(SCRIPTS <= WINDOW_SCRIPTS_MAX, "a handle has room for the SHA1 of every script");

/* KEYS = {window}; ARGV = {window in us, limit, request id or ""}. Limits: see rate_limit.h. */
#define SCRIPT_PRELUDE                                                                          \
    "local key, id = KEYS[1], ARGV[3]\n"                                                        \
    "local window_us, limit = tonumber(ARGV[1]), tonumber(ARGV[2])\n"                           \
    "local function whole(n, max)\n"                                                            \
    "    return n and n >= 1 and n <= max and n == math.floor(n)\n"                             \
    "end\n"                                                                                     \
    "if #KEYS ~= 1 or #ARGV ~= 3 then\n"                                                        \
    "    return redis.error_reply('ERR sliding window: one key and three arguments, please')\n" \
    "end\n"                                                                                     \
    "if not whole(window_us, 2678400000000) then\n"                                             \
    "    return redis.error_reply('ERR sliding window: window out of range')\n"                 \
    "end\n"                                                                                     \
    "if not whole(limit, 1000000) then\n"                                                       \
    "    return redis.error_reply('ERR sliding window: limit out of range')\n"                  \
    "end\n"                                                                                     \
    "local time = redis.call('TIME')\n"                                                         \
    "local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])\n"                          \
    "local function seconds(us)\n"                                                              \
    "    return string.format('%.6f', us / 1000000)\n"                                          \
    "end\n"

static const char *const script_texts[SCRIPTS] = {
    [ACQUIRE_SCRIPT] = SCRIPT_PRELUDE
    "redis.call('ZREMRANGEBYSCORE', key, '-inf', seconds(now_us - window_us))\n"
    "if id ~= '' and redis.call('ZSCORE', key, id) then\n"
    "    return 1\n"
    "end\n"
    "if redis.call('ZCARD', key) >= limit then\n"
    "    return 0\n"
    "end\n"
    "if id == '' then\n"
    "    local serial = 0\n"
    "    repeat\n"
    "        id = string.format('server-%.0f-%d', now_us, serial)\n"
    "        serial = serial + 1\n"
    "    until not redis.call('ZSCORE', key, id)\n"
    "end\n"
    "redis.call('ZADD', key, seconds(now_us), id)\n"
    "local newest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')\n"
    "local newest_us = math.floor(math.min(tonumber(newest[2]), 9e9) * 1000000 + 0.5)\n"
    "local left_ms = math.ceil((newest_us - now_us + window_us) / 1000)\n"
    "redis.call('PEXPIRE', key, string.format('%.0f', left_ms))\n"
    "return 1\n",
    [COUNT_SCRIPT] = SCRIPT_PRELUDE
    "return redis.call('ZCOUNT', key, '(' .. seconds(now_us - window_us), '+inf')\n",
};

static struct sliding_window *fixed_open(const struct rate_limits *limits, redisContext *redis,
                                         char *error, size_t error_size)
{
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
    if (redis == NULL) {
        snprintf(error, error_size, "no connection");
        return NULL;
    }
    return window_client_open(limits, redis, error, error_size);
}

/* Runs a script by its SHA1. NOSCRIPT means that nothing was executed, hence that running it again
 * is safe; no other failure is retried. */
static bool run_script(struct sliding_window *window, enum script script, const char *provider,
                       const char *request_id, long long *result)
{
    char *sha = window->script_sha[script];

    for (int attempt = 0; attempt <= NOSCRIPT_RETRIES_MAX; attempt++) {
        if (sha[0] == '\0' &&
            !redis_client_load_script(&window->client, script_texts[script], sha)) {
            return false;
        }
        redisReply *reply = redis_client_command(
            &window->client, REDIS_REPLY_INTEGER, "EVALSHA %s 1 window:%s %lld %lld %s", sha,
            provider, rate_limits_window_us(&window->limits), window->limits.rpm, request_id);
        if (reply != NULL) {
            *result = reply->integer;
            freeReplyObject(reply);
            redis_client_clear_error(&window->client);
            return true;
        }
        if (!redis_client_lacks_script(&window->client)) {
            return false;
        }
        sha[0] = '\0';
    }
    return false;
}

static bool check_provider(struct sliding_window *window, const char *provider)
{
    redis_client_clear_error(&window->client);
    if (provider == NULL || provider[0] == '\0') {
        redis_client_fail(&window->client, "no provider named");
        return false;
    }
    return true;
}

static enum rate_decision fixed_acquire(struct sliding_window *window, const char *provider,
                                        const char *request_id)
{
    long long admitted;
    if (!check_provider(window, provider) ||
        !run_script(window, ACQUIRE_SCRIPT, provider, request_id != NULL ? request_id : "",
                    &admitted)) {
        return RATE_ERROR;
    }
    return admitted != 0 ? RATE_ADMITTED : RATE_REFUSED;
}

static bool fixed_count(struct sliding_window *window, const char *provider, long long *count)
{
    return check_provider(window, provider) &&
           run_script(window, COUNT_SCRIPT, provider, "", count);
}

static enum rate_decision fixed_check(struct sliding_window *window, const char *provider)
{
    long long count;
    if (!fixed_count(window, provider, &count)) {
        return RATE_ERROR;
    }
    return count < window->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

const struct sliding_window_variant sliding_window_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = window_client_close,
    .acquire = fixed_acquire,
    .check = fixed_check,
    .add = NULL, /* check and charge are one step */
    .count = fixed_count,
    .last_error = window_client_last_error,
};
