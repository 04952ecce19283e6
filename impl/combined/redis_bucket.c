// SPDX-License-Identifier: MIT
#include "redis_bucket.h"

#include "../wall_clock.h"
#include "redis_parts.h"

#include <math.h>
#include <stdlib.h>

/* KEYS = {bucket}; ARGV = {capacity, tokens a second, now}. Answers with the seconds to wait, "0"
 * when a token was taken, "-1" for never. */
static const char script[] =
    "local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local now = tonumber(ARGV[3])\n"
    "local state = redis.call('HMGET', KEYS[1], 'tokens', 'last_refill')\n"
    "local tokens = tonumber(state[1]) or capacity\n"
    "local last_refill = tonumber(state[2]) or now\n"
    "if now > last_refill then\n"
    "    tokens = math.min(capacity, tokens + (now - last_refill) * rate)\n"
    "    last_refill = now\n"
    "end\n"
    "local delay = '0'\n"
    "if tokens >= 1 then\n"
    "    tokens = tokens - 1\n"
    "elseif rate <= 0 then\n"
    "    delay = '-1'\n"
    "else\n"
    "    delay = string.format('%.17g', (1 - tokens) / rate)\n"
    "end\n"
    "redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens),\n"
    "           'last_refill', string.format('%.6f', last_refill))\n"
    "redis.call('EXPIRE', KEYS[1], 300)\n"
    "return delay\n";

static bool request_delay(redisContext *redis, const struct combined_provider *limits,
                          double *delay_s)
{
    redisReply *reply = redis_parts_command(
        redis, REDIS_REPLY_STRING, "EVAL %s 1 bucket:%s %.17g %.17g %.6f", script, limits->name,
        limits->bucket.capacity, limits->bucket.rate_per_s, wall_clock_s());
    if (reply == NULL) {
        return false;
    }
    *delay_s = strtod(reply->str, NULL);
    freeReplyObject(reply);
    return true;
}

enum rate_decision redis_bucket_acquire(redisContext *redis, const struct combined_provider *limits,
                                        const struct timespec *deadline)
{
    const int64_t deadline_ns = redis_parts_deadline_ns(deadline);
    double delay_s;

    for (;;) {
        if (!request_delay(redis, limits, &delay_s)) {
            return RATE_ERROR;
        }
        if (delay_s == 0) {
            return RATE_ADMITTED;
        }
        /* To the microsecond, upwards: the server's times have no more. */
        const int64_t delay_ns = 1000 * (int64_t)ceil(delay_s * 1e6);
        const int64_t now_ns = redis_parts_now_ns();
        if (delay_s < 0 || delay_ns > deadline_ns - now_ns) {
            return RATE_REFUSED;
        }
        redis_parts_sleep_until(now_ns + delay_ns);
    }
}
