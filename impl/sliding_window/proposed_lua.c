// SPDX-License-Identifier: MIT

/*
 * The proposal's first form: check and charge in one Lua script (`AtomicRateLimiter`). With one
 * clock it never admits too many.
 *
 * Kept as written:
 *  - the time is the client's: a fast clock purges live entries and leaves scores in the future;
 *  - EXPIRE comes after ZADD and takes whole seconds: a fractional window fails when the slot is
 *    already charged, and leaves the key without a time to live; a window <= 0 deletes the key;
 *  - a repeated request id moves its score instead of adding an entry, so ids that collide are not
 *    limited; a retry under a new id charges twice;
 *  - a limiter object lives for one request (`CombinedRateLimiter.acquire` builds it anew), so the
 *    script is loaded on every request;
 *  - NOSCRIPT is answered by loading again and starting over, without bound.
 */

#include "../request_id.h"
#include "../wall_clock.h"
#include "window_client.h"

#include <stdio.h>

/* Byte for byte the proposal's `lua_code`, so that its SHA1 is the same too. */
static const char script[] = "\n"
                             "        local key = KEYS[1]\n"
                             "        local window_size = tonumber(ARGV[1])\n"
                             "        local rpm_limit = tonumber(ARGV[2])\n"
                             "        local now = tonumber(ARGV[3])\n"
                             "        local request_id = ARGV[4]\n"
                             "\n"
                             "        local cutoff = now - window_size\n"
                             "        redis.call('ZREMRANGEBYSCORE', key, '-inf', cutoff)\n"
                             "\n"
                             "        local count = redis.call('ZCARD', key)\n"
                             "\n"
                             "        if count < rpm_limit then\n"
                             "            redis.call('ZADD', key, now, request_id)\n"
                             "            redis.call('EXPIRE', key, window_size)\n"
                             "            return 1\n"
                             "        else\n"
                             "            return 0\n"
                             "        end\n"
                             "        ";
/* The proposal's object: the SHA1 of its script, "" until it has loaded it. */
struct atomic_limiter {
    char sha[REDIS_CLIENT_SHA_SIZE];
};

static redisReply *run_script(struct sliding_window *window, const struct atomic_limiter *limiter,
                              const char *provider, const char *request_id)
{
    char generated[REQUEST_ID_SIZE];
    char now[WINDOW_DECIMAL_SIZE];

    window_client_decimal(wall_clock_s(), now);
    if (request_id == NULL) {
        request_id_generate(generated);
        request_id = generated;
    }
    return redis_client_command(&window->client, REDIS_REPLY_INTEGER,
                                "EVALSHA %s 1 window:%s %.17g %lld %s %s", limiter->sha, provider,
                                window->limits.window_s, window->limits.rpm, now, request_id);
}

static enum rate_decision acquire_slot_atomic(struct sliding_window *window,
                                              struct atomic_limiter *limiter, const char *provider,
                                              const char *request_id)
{
    redis_client_clear_error(&window->client);
    if (limiter->sha[0] == '\0' &&
        !redis_client_load_script(&window->client, script, limiter->sha)) {
        return RATE_ERROR;
    }

    redisReply *reply = run_script(window, limiter, provider, request_id);
    if (reply == NULL) {
        if (!redis_client_lacks_script(&window->client) ||
            !redis_client_load_script(&window->client, script, limiter->sha)) {
            return RATE_ERROR;
        }
        return acquire_slot_atomic(window, limiter, provider, request_id);
    }
    enum rate_decision decision = reply->integer != 0 ? RATE_ADMITTED : RATE_REFUSED;
    freeReplyObject(reply);
    return decision;
}

static enum rate_decision lua_acquire(struct sliding_window *window, const char *provider,
                                      const char *request_id)
{
    struct atomic_limiter limiter = {.sha = ""};
    return acquire_slot_atomic(window, &limiter, provider, request_id);
}

const struct sliding_window_variant sliding_window_proposed_lua = {
    .name = "proposed-lua",
    .open = window_client_open,
    .close = window_client_close,
    .acquire = lua_acquire,
    .check = window_client_check_live,
    .add = NULL, /* check and charge are one step */
    .count = window_client_count_live,
    .last_error = window_client_last_error,
};
