// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind, on Redis: one script decides over window and bucket, by the
 * server's clock, and takes from both or from neither. Then the slot; whoever does not get it, or
 * gives its permit back unused, runs a second script that undoes the first.
 *
 * Policies:
 *  - Boundary: a request of age exactly the window has expired. Ages are whole microseconds.
 *  - A full window refuses at once. An empty bucket says when to ask again, and nothing is taken
 *    meanwhile; clients of different processes are not in any order.
 *  - The request's id in the window is the record that it has passed. A second request with an id
 *    that is there passes without a charge: so after RATE_ERROR ask again with the same id. A
 *    request without an id gets one that the server makes, unique in the window, and cannot be
 *    asked again safely.
 *  - Giving back removes the id, if it is there since this request passed, and returns the token
 *    with it: so within the window that happens at most once, whatever is lost or repeated. After
 *    the window the id has gone by itself; a permit is given back once, so the token comes back
 *    once, too. (Two permits for one id, from asking again without an error, are two then.)
 *  - A crash, or a connection that is cut, at any point leaves both charged or neither. What was
 *    charged for a request that nobody makes any more goes by with the window; what could not be
 *    given back for want of a connection, too.
 *  - Keys expire when they no longer say anything: the window's when its newest request has (which
 *    may be one from the future), the bucket's when it would be full. A bucket that is never
 *    refilled does not expire. Where another variant has left a bucket that would expire earlier, a
 *    refusal prolongs it.
 *  - A refill in the future (a client of another variant runs fast) has been paid out: nothing
 *    flows in until then, as in redis_bucket/fixed.c, whose key this is.
 *  - Nonsense configuration is refused, and the scripts check their arguments again before they
 *    write. Changed limits hold for this client; what window and bucket hold is kept.
 *  - A snapshot shows window and bucket at one moment; the slots are this process's.
 *  - Cancellation takes effect while waiting, never in the middle of a command.
 *
 * Scripts are sent by their SHA1, and as text where the server does not know them: two round trips
 * at most, and nothing to remember. The test of this folder compares the SHA1s with the server's.
 */

#include "../token_bucket/token_pace.h"
#include "redis_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct script {
    const char *sha;
    const char *text;
};

/* KEYS = {window, bucket}; ARGV = {id, window in us, limit, capacity, tokens a second, when the
 * request passed in us or 0}. */
#define SCRIPT_PRELUDE                                                                            \
    "local window, bucket, id = KEYS[1], KEYS[2], ARGV[1]\n"                                      \
    "local window_us, limit = tonumber(ARGV[2]), tonumber(ARGV[3])\n"                             \
    "local capacity, rate = tonumber(ARGV[4]), tonumber(ARGV[5])\n"                               \
    "local passed_us = tonumber(ARGV[6])\n"                                                       \
    "local function within(n, min, max)\n"                                                        \
    "    return n and n >= min and n <= max\n"                                                    \
    "end\n"                                                                                       \
    "if #KEYS ~= 2 or #ARGV ~= 6 or not within(window_us, 1, 2678400000000) or\n"                 \
    "        not within(limit, 1, 1000000) or not within(capacity, 1, 1000000) or\n"              \
    "        not within(rate, 0, 1000000) or rate > 0 and capacity / rate > 31622400 or\n"        \
    "        not passed_us then\n"                                                                \
    "    return redis.error_reply('ERR combined limiter: arguments out of range')\n"              \
    "end\n"                                                                                       \
    "local time = redis.call('TIME')\n"                                                           \
    "local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])\n"                            \
    "local function seconds(us)\n"                                                                \
    "    return string.format('%.6f', us / 1000000)\n"                                            \
    "end\n"                                                                                       \
    "local function microseconds(score)\n"                                                        \
    "    return math.floor(math.min(tonumber(score), 9e9) * 1000000 + 0.5)\n"                     \
    "end\n"                                                                                       \
    "local held = redis.call('HMGET', bucket, 'tokens', 'last_refill')\n"                         \
    "local tokens, refilled_us = capacity, now_us\n"                                              \
    "if held[1] or held[2] then\n"                                                                \
    "    local refilled = tonumber(held[2])\n"                                                    \
    "    tokens = tonumber(held[1])\n"                                                            \
    "    if not within(tokens, -1e6, 1e6) or not within(refilled, 0, 9e9) then\n"                 \
    "        return redis.error_reply('ERR combined limiter: the bucket holds something else')\n" \
    "    end\n"                                                                                   \
    "    refilled_us = math.floor(refilled * 1000000 + 0.5)\n"                                    \
    "end\n"                                                                                       \
    "if now_us > refilled_us then\n"                                                              \
    "    tokens = tokens + (now_us - refilled_us) * rate / 1000000\n"                             \
    "    refilled_us = now_us\n"                                                                  \
    "end\n"                                                                                       \
    "tokens = math.min(capacity, tokens)\n"                                                       \
    "local function full_in_ms(count)\n"                                                          \
    "    return (refilled_us - now_us) / 1000 + (capacity - count) * 1000 / rate\n"               \
    "end\n"                                                                                       \
    "local function expire_when_full(count)\n"                                                    \
    "    if rate > 0 then\n"                                                                      \
    "        local full_ms = math.ceil(full_in_ms(count)) + 1\n"                                  \
    "        redis.call('PEXPIRE', bucket, string.format('%.0f', full_ms))\n"                     \
    "    else\n"                                                                                  \
    "        redis.call('PERSIST', bucket)\n"                                                     \
    "    end\n"                                                                                   \
    "end\n"                                                                                       \
    "local function hold(count)\n"                                                                \
    "    redis.call('HSET', bucket, 'tokens', string.format('%.17g', count),\n"                   \
    "               'last_refill', seconds(refilled_us))\n"                                       \
    "    expire_when_full(count)\n"                                                               \
    "end\n"                                                                                       \
    "local function refuse(answer)\n"                                                             \
    "    local ttl_ms = redis.call('PTTL', bucket)\n"                                             \
    "    if ttl_ms >= -1 and (rate <= 0 or ttl_ms < full_in_ms(tokens)) then\n"                   \
    "        expire_when_full(tokens)\n"                                                          \
    "    end\n"                                                                                   \
    "    return {answer}\n"                                                                       \
    "end\n"

/* Answers {0, id, when in us} passed; {-1} window full; {-2} no token ever; {n} a token in n us. A
 * token lacks a billionth where doubles were added up: that is one. */
static const struct script pass_script = {
    .sha = "0215ec9647e78c393cb3f75d59374fdffc28e512",
    .text = SCRIPT_PRELUDE
    "redis.call('ZREMRANGEBYSCORE', window, '-inf', seconds(now_us - window_us))\n"
    "local score = id ~= '' and redis.call('ZSCORE', window, id)\n"
    "if score then\n"
    "    return {0, id, microseconds(score)}\n"
    "end\n"
    "if redis.call('ZCARD', window) >= limit then\n"
    "    return refuse(-1)\n"
    "end\n"
    "if tokens < 1 - 1e-9 then\n"
    "    if rate <= 0 then\n"
    "        return refuse(-2)\n"
    "    end\n"
    "    return refuse(refilled_us - now_us + math.ceil((1 - tokens) / rate * 1000000))\n"
    "end\n"
    "if id == '' then\n"
    "    local serial = 0\n"
    "    repeat\n"
    "        id = string.format('server-%.0f-%d', now_us, serial)\n"
    "        serial = serial + 1\n"
    "    until not redis.call('ZSCORE', window, id)\n"
    "end\n"
    "redis.call('ZADD', window, seconds(now_us), id)\n"
    "local newest = redis.call('ZREVRANGE', window, 0, 0, 'WITHSCORES')\n"
    "local left_ms = math.ceil((microseconds(newest[2]) - now_us + window_us) / 1000)\n"
    "redis.call('PEXPIRE', window, string.format('%.0f', left_ms))\n"
    "hold(math.max(0, tokens - 1))\n"
    "return {0, id, now_us}\n",
};

/* Answers {1} given back, {0} somebody else has given it back. */
static const struct script give_back_script = {
    .sha = "61ac3335795b277a8be67027f225cd680debcebe",
    .text = SCRIPT_PRELUDE "local score = redis.call('ZSCORE', window, id)\n"
                           "if score and microseconds(score) == passed_us then\n"
                           "    redis.call('ZREM', window, id)\n"
                           "elseif now_us - passed_us < window_us then\n"
                           "    return {0}\n"
                           "end\n"
                           "hold(math.min(capacity, tokens + 1))\n"
                           "return {1}\n",
};

/* Answers {requests in the window, tokens as text}, of one moment; writes nothing. */
static const struct script look_script = {
    .sha = "54ffb03691267e74acbc7a079e08d39313879535",
    .text = SCRIPT_PRELUDE
    "local count = redis.call('ZCOUNT', window, '(' .. seconds(now_us - window_us), '+inf')\n"
    "return {count, string.format('%.17g', tokens)}\n",
};

/* ---- scripts --------------------------------------------------------------------------------- */

static redisReply *evaluate(const char *command, const char *script,
                            const struct combined_provider *limits, redisContext *redis,
                            const char *id, long long passed_us)
{
    return redisCommand(redis, "%s %s 2 window:%s bucket:%s %s %lld %lld %.17g %.17g %lld", command,
                        script, limits->name, limits->name, id,
                        rate_limits_window_us(&limits->window), limits->window.rpm,
                        limits->bucket.capacity, limits->bucket.rate_per_s, passed_us);
}

static bool is_unknown_script(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, "NOSCRIPT", strlen("NOSCRIPT")) == 0;
}

/* NOSCRIPT means that nothing was executed, so that sending the text is safe. NULL on error. */
static redisReply *run_script(const struct script *script, const struct combined_provider *limits,
                              redisContext *redis, const char *id, long long passed_us)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    redisReply *reply = evaluate("EVALSHA", script->sha, limits, redis, id, passed_us);
    if (is_unknown_script(reply)) {
        freeReplyObject(reply);
        reply = evaluate("EVAL", script->text, limits, redis, id, passed_us);
    }
    pthread_setcancelstate(cancel_state, NULL);
    if (reply != NULL && (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
                          reply->element[0]->type != REDIS_REPLY_INTEGER)) {
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

enum { PASSED = 0, WINDOW_FULL = -1, NO_TOKEN_EVER = -2 };

/* PASSED, WINDOW_FULL, NO_TOKEN_EVER, or in how many microseconds to ask again. False on error.
 * When passed, the permit knows the id and the moment. */
static bool ask(const struct combined_provider *limits, const struct combined_request *request,
                struct combined_permit *permit, long long *answer)
{
    redisReply *reply =
        run_script(&pass_script, limits, request->redis, request->id != NULL ? request->id : "", 0);
    if (reply == NULL) {
        return false;
    }
    *answer = reply->element[0]->integer;
    bool good = true;
    if (*answer == PASSED) {
        good = reply->elements == 3 && reply->element[1]->type == REDIS_REPLY_STRING &&
               reply->element[1]->len < sizeof permit->id &&
               reply->element[2]->type == REDIS_REPLY_INTEGER;
        if (good) {
            permit->passed_us = reply->element[2]->integer;
            memcpy(permit->id, reply->element[1]->str, reply->element[1]->len + 1);
        }
    }
    freeReplyObject(reply);
    return good;
}

static void give_back(struct combined *limiter, struct combined_permit *permit)
{
    struct combined_provider limits;
    if (redis_parts_limits(limiter, permit->provider, &limits)) {
        redisReply *reply =
            run_script(&give_back_script, &limits, permit->redis, permit->id, permit->passed_us);
        if (reply != NULL) {
            freeReplyObject(reply);
        }
    }
    permit->provider = NULL;
}

/* ---- the limiter ----------------------------------------------------------------------------- */

static bool validate(const struct combined_provider *limits, char *error, size_t error_size)
{
    struct token_pace pace;
    return rate_limits_validate(&limits->window, error, error_size) &&
           token_pace_of(&limits->bucket, &pace, error, error_size);
}

static struct combined *fixed_open(const struct combined_options *options, char *error,
                                   size_t error_size)
{
    for (size_t i = 0; i < options->providers_count; i++) {
        if (!validate(&options->providers[i], error, error_size)) {
            return NULL;
        }
    }
    return redis_parts_open(&semaphore_fixed, options, error, error_size);
}

/* Asks until window and bucket let the request pass or the deadline is too early. */
static enum rate_decision pass(struct combined *limiter, const struct combined_request *request,
                               struct combined_permit *permit)
{
    const int64_t deadline_ns = redis_parts_deadline_ns(request->deadline);
    struct combined_provider limits;
    long long answer;

    for (;;) {
        if (!redis_parts_limits(limiter, request->provider, &limits) ||
            !ask(&limits, request, permit, &answer)) {
            return RATE_ERROR;
        }
        if (answer == PASSED) {
            permit->provider = (void *)limits.name;
            permit->redis = request->redis;
            return RATE_ADMITTED;
        }
        const int64_t now_ns = redis_parts_now_ns();
        if (answer == WINDOW_FULL || answer == NO_TOKEN_EVER ||
            1000 * answer > deadline_ns - now_ns) {
            return RATE_REFUSED;
        }
        redis_parts_sleep_until(now_ns + 1000 * answer);
    }
}

struct passed {
    struct combined *limiter;
    struct combined_permit *permit;
};

static void undo_pass(void *argument)
{
    struct passed *passed = argument;
    give_back(passed->limiter, passed->permit);
}

static enum rate_decision fixed_acquire(struct combined *limiter,
                                        const struct combined_request *request,
                                        struct combined_permit *permit)
{
    if (request->redis == NULL ||
        (request->id != NULL && strlen(request->id) >= COMBINED_ID_SIZE)) {
        return RATE_ERROR;
    }
    enum rate_decision decision = pass(limiter, request, permit);
    if (decision != RATE_ADMITTED) {
        return decision;
    }
    struct passed passed = {limiter, permit};
    pthread_cleanup_push(undo_pass, &passed);
    decision = semaphore_fixed.acquire(limiter->slots, request->deadline);
    pthread_cleanup_pop(decision != RATE_ADMITTED);
    return decision;
}

static void fixed_release(struct combined *limiter, struct combined_permit *permit,
                          enum combined_outcome outcome)
{
    if (permit->provider == NULL) {
        return;
    }
    if (outcome == COMBINED_NOT_SENT) {
        give_back(limiter, permit);
    }
    permit->provider = NULL;
    semaphore_fixed.release(limiter->slots);
}

static bool fixed_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                              char *error, size_t error_size)
{
    return validate(limits, error, error_size) &&
           redis_parts_reconfigure(limiter, limits, error, error_size);
}

static bool fixed_inspect(struct combined *limiter, const char *provider, redisContext *redis,
                          struct combined_snapshot *snapshot)
{
    struct combined_provider limits;

    if (redis == NULL || !redis_parts_limits(limiter, provider, &limits)) {
        return false;
    }
    redisReply *reply = run_script(&look_script, &limits, redis, "", 0);
    if (reply == NULL) {
        return false;
    }
    snapshot->window = reply->element[0]->integer;
    snapshot->tokens = strtod(reply->element[1]->str, NULL);
    freeReplyObject(reply);
    limiter->semaphores->stats(limiter->slots, &snapshot->slots);
    return true;
}

const struct combined_variant combined_redis_fixed = {
    .name = "fixed",
    .backend = COMBINED_REDIS,
    .open = fixed_open,
    .close = redis_parts_close,
    .acquire = fixed_acquire,
    .release = fixed_release,
    .reconfigure = fixed_reconfigure,
    .inspect = fixed_inspect,
};
