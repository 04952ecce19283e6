// SPDX-License-Identifier: MIT

/*
 * The control without a script: an optimistic transaction. WATCH the key, look, and let EXEC add
 * the request only if nobody has touched the key since; otherwise look again.
 *
 * Policies, those of `fixed` but for the last:
 *  - the server's clock; an entry of age exactly the window has expired, to the microsecond;
 *  - a refused request is not charged, a request id in the window is admitted again without a
 *    charge and keeps its time, an entry from the future counts until its own window has passed,
 *    and the key lives as long as its newest entry counts;
 *  - nonsense configuration is refused when the handle is opened;
 *  - an attempt fails only when another client's has succeeded (or the key was evicted or expired
 *    meanwhile), so somebody always gets on; whoever loses ATTEMPTS_MAX times in a row is told
 *    RATE_ERROR, and nothing is charged.
 *
 * What a script would not do:
 *  - it takes three round trips, and more under contention;
 *  - it charges the time of its look, and EXEC may be long after it: a client that is held up in
 *    between is admitted now on an entry that expires too early.
 * So a control to compare with, and something for servers on which scripts are forbidden.
 */

#include "../request_id.h"
#include "window_client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATTEMPTS_MAX = 8,
    OPEN_REPLIES = 2,  /* WATCH, TIME */
    LOOK_REPLIES = 3,  /* ZCOUNT, ZREVRANGE; ZSCORE, when there is an id */
    ZADD_POSITION = 1, /* in EXEC's array */
    EXEC_REPLIES = 5,  /* MULTI, QUEUED three times, EXEC */
    ID_MAX = 44 + REQUEST_ID_SIZE,
};

#define SCORE_MAX 9e9 /* in the year 2255; a double holds its microseconds exactly */

enum attempt {
    ATTEMPT_ADMITTED,
    ATTEMPT_REFUSED,
    ATTEMPT_LOST, /* the key was touched meanwhile */
    ATTEMPT_ERROR,
};

/* ---- pipelines ---- */

static void free_replies(redisReply **replies, int count)
{
    for (int i = 0; i < count; i++) {
        freeReplyObject(replies[i]);
    }
}

/* Reads the replies of a pipeline, all of them even after an error, or the next command would be
 * answered with this one's. On success they are the caller's; else the error is recorded. */
static bool read_replies(struct sliding_window *window, redisReply **replies, int count)
{
    bool good = true;
    for (int i = 0; i < count; i++) {
        void *raw = NULL;
        if (redisGetReply(window->client.redis, &raw) != REDIS_OK) {
            redis_client_fail_io(&window->client);
            free_replies(replies, i);
            return false;
        }
        replies[i] = raw;
        if (good && replies[i]->type == REDIS_REPLY_ERROR) {
            redis_client_fail(&window->client, replies[i]->str);
            good = false;
        }
    }
    if (!good) {
        free_replies(replies, count);
    }
    return good;
}

/* Sends what was appended, if all of it could be, and reads the replies. */
static bool run_pipeline(struct sliding_window *window, bool appended, redisReply **replies,
                         int count)
{
    if (!appended) {
        redis_client_fail_io(&window->client);
        return false;
    }
    return read_replies(window, replies, count);
}

static bool has_type(struct sliding_window *window, const redisReply *reply, int type)
{
    if (reply->type != type) {
        redis_client_fail(&window->client, "reply of an unexpected type");
    }
    return reply->type == type;
}

/* ---- time ---- */

/* Microseconds as decimal seconds, exactly: as scores are written. */
static void decimal_seconds(long long us, char text[static WINDOW_DECIMAL_SIZE])
{
    snprintf(text, WINDOW_DECIMAL_SIZE, "%lld.%06lld", us / 1000000, us % 1000000);
}

static bool read_time(struct sliding_window *window, const redisReply *time, long long *now_us)
{
    if (!has_type(window, time, REDIS_REPLY_ARRAY)) {
        return false;
    }
    if (time->elements != 2 || time->element[0]->type != REDIS_REPLY_STRING ||
        time->element[1]->type != REDIS_REPLY_STRING) {
        redis_client_fail(&window->client, "TIME did not answer with a time");
        return false;
    }
    *now_us = strtoll(time->element[0]->str, NULL, 10) * 1000000 +
              strtoll(time->element[1]->str, NULL, 10);
    return true;
}

/* The latest score that has expired. */
static void cutoff_at(const struct sliding_window *window, long long now_us,
                      char cutoff[static WINDOW_DECIMAL_SIZE])
{
    decimal_seconds(now_us - rate_limits_window_us(&window->limits), cutoff);
}

/* ---- one attempt ---- */

static bool watch_key(struct sliding_window *window, const char *provider, long long *now_us)
{
    redisContext *redis = window->client.redis;
    redisReply *replies[OPEN_REPLIES];
    const bool appended = redisAppendCommand(redis, "WATCH window:%s", provider) == REDIS_OK &&
                          redisAppendCommand(redis, "TIME") == REDIS_OK;
    if (!run_pipeline(window, appended, replies, OPEN_REPLIES)) {
        return false;
    }
    const bool good = read_time(window, replies[1], now_us);
    free_replies(replies, OPEN_REPLIES);
    return good;
}

/* What a client sees before it decides. */
struct sight {
    long long now_us;
    long long count;     /* requests in the window */
    long long newest_us; /* when the newest of them was made, and now at least */
    bool known;          /* this request is among them */
};

/* A score is anything that a client of another variant has put there. */
static bool read_newest(struct sliding_window *window, const redisReply *newest,
                        struct sight *sight)
{
    if (!has_type(window, newest, REDIS_REPLY_ARRAY)) {
        return false;
    }
    sight->newest_us = sight->now_us;
    if (newest->elements == 2) {
        const double score = fmin(strtod(newest->element[1]->str, NULL), SCORE_MAX);
        if (score * 1e6 > (double)sight->now_us) {
            sight->newest_us = llround(score * 1e6);
        }
    }
    return true;
}

/* Fills in all but the time; a request_id of "" is none. */
static bool look(struct sliding_window *window, const char *provider, const char *cutoff,
                 const char *request_id, struct sight *sight)
{
    redisContext *redis = window->client.redis;
    const bool named = request_id[0] != '\0';
    const int count_of_replies = named ? LOOK_REPLIES : LOOK_REPLIES - 1;
    redisReply *replies[LOOK_REPLIES];
    const bool appended =
        redisAppendCommand(redis, "ZCOUNT window:%s (%s +inf", provider, cutoff) == REDIS_OK &&
        redisAppendCommand(redis, "ZREVRANGE window:%s 0 0 WITHSCORES", provider) == REDIS_OK &&
        (!named ||
         redisAppendCommand(redis, "ZSCORE window:%s %s", provider, request_id) == REDIS_OK);
    if (!run_pipeline(window, appended, replies, count_of_replies)) {
        return false;
    }
    const bool good =
        has_type(window, replies[0], REDIS_REPLY_INTEGER) && read_newest(window, replies[1], sight);
    if (good) {
        sight->count = replies[0]->integer;
        sight->known = named && replies[2]->type == REDIS_REPLY_STRING &&
                       strtod(replies[2]->str, NULL) > strtod(cutoff, NULL);
    }
    free_replies(replies, count_of_replies);
    return good;
}

static enum attempt read_exec(struct sliding_window *window, const redisReply *exec)
{
    if (exec->type == REDIS_REPLY_NIL) {
        return ATTEMPT_LOST;
    }
    if (!has_type(window, exec, REDIS_REPLY_ARRAY)) {
        return ATTEMPT_ERROR;
    }
    for (size_t i = 0; i < exec->elements; i++) {
        if (exec->element[i]->type == REDIS_REPLY_ERROR) {
            redis_client_fail(&window->client, exec->element[i]->str);
            return ATTEMPT_ERROR;
        }
    }
    const bool added = exec->elements > ZADD_POSITION && exec->element[ZADD_POSITION]->integer == 1;
    return added ? ATTEMPT_ADMITTED : ATTEMPT_LOST; /* NX: the id is somebody else's */
}

static enum attempt charge(struct sliding_window *window, const char *provider, const char *cutoff,
                           const struct sight *sight, const char *request_id)
{
    redisContext *redis = window->client.redis;
    redisReply *replies[EXEC_REPLIES];
    char now[WINDOW_DECIMAL_SIZE];
    const long long left_us =
        sight->newest_us - sight->now_us + rate_limits_window_us(&window->limits);
    const long long ttl_ms = (left_us + 999) / 1000;
    decimal_seconds(sight->now_us, now);
    const bool appended =
        redisAppendCommand(redis, "MULTI") == REDIS_OK &&
        redisAppendCommand(redis, "ZREMRANGEBYSCORE window:%s -inf %s", provider, cutoff) ==
            REDIS_OK &&
        redisAppendCommand(redis, "ZADD window:%s NX %s %s", provider, now, request_id) ==
            REDIS_OK &&
        redisAppendCommand(redis, "PEXPIRE window:%s %lld", provider, ttl_ms) == REDIS_OK &&
        redisAppendCommand(redis, "EXEC") == REDIS_OK;
    if (!run_pipeline(window, appended, replies, EXEC_REPLIES)) {
        return ATTEMPT_ERROR;
    }
    const enum attempt result = read_exec(window, replies[EXEC_REPLIES - 1]);
    free_replies(replies, EXEC_REPLIES);
    return result;
}

static enum attempt give_up_watching(struct sliding_window *window, enum attempt result)
{
    redisReply *reply = redis_client_command(&window->client, REDIS_REPLY_STATUS, "UNWATCH");
    freeReplyObject(reply);
    return reply != NULL ? result : ATTEMPT_ERROR;
}

/* The error that was recorded stays. */
static void stop_watching(struct sliding_window *window)
{
    if (window->client.redis->err == 0) {
        freeReplyObject(redisCommand(window->client.redis, "UNWATCH"));
    }
}

static enum attempt try_once(struct sliding_window *window, const char *provider,
                             const char *request_id)
{
    char cutoff[WINDOW_DECIMAL_SIZE];
    char unique[REQUEST_ID_SIZE];
    char made_up[ID_MAX];
    struct sight sight;

    if (!watch_key(window, provider, &sight.now_us)) {
        return ATTEMPT_ERROR;
    }
    cutoff_at(window, sight.now_us, cutoff);
    if (!look(window, provider, cutoff, request_id, &sight)) {
        return ATTEMPT_ERROR;
    }
    if (sight.known) {
        return give_up_watching(window, ATTEMPT_ADMITTED);
    }
    if (sight.count >= window->limits.rpm) {
        return give_up_watching(window, ATTEMPT_REFUSED);
    }
    if (request_id[0] != '\0') {
        return charge(window, provider, cutoff, &sight, request_id);
    }
    /* Should processes be seeded alike, the later of two requests in one microsecond still counts
     * the earlier. */
    request_id_generate(unique);
    snprintf(made_up, sizeof made_up, "%lld-%lld-%s", sight.now_us, sight.count, unique);
    return charge(window, provider, cutoff, &sight, made_up);
}

/* ---- the variant ---- */

static struct sliding_window *watch_open(const struct rate_limits *limits, redisContext *redis,
                                         char *error, size_t error_size)
{
    if (!rate_limits_validate(limits, error, error_size)) {
        return NULL;
    }
    return window_client_open(limits, redis, error, error_size);
}

static enum rate_decision watch_acquire(struct sliding_window *window, const char *provider,
                                        const char *request_id)
{
    redis_client_clear_error(&window->client);
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        switch (try_once(window, provider, request_id != NULL ? request_id : "")) {
        case ATTEMPT_ADMITTED: return RATE_ADMITTED;
        case ATTEMPT_REFUSED: return RATE_REFUSED;
        case ATTEMPT_ERROR: stop_watching(window); return RATE_ERROR;
        case ATTEMPT_LOST: break;
        }
    }
    redis_client_fail(&window->client, "too many other clients at once: not charged");
    return RATE_ERROR;
}

static bool watch_count(struct sliding_window *window, const char *provider, long long *count)
{
    char min[1 + WINDOW_DECIMAL_SIZE] = "("; /* exclusive */
    long long now_us;

    redis_client_clear_error(&window->client);
    redisReply *time = redis_client_command(&window->client, REDIS_REPLY_ARRAY, "TIME");
    const bool good = time != NULL && read_time(window, time, &now_us);
    freeReplyObject(time);
    if (!good) {
        return false;
    }
    cutoff_at(window, now_us, min + 1);
    return window_client_zcount(window, provider, min, "+inf", count);
}

static enum rate_decision watch_check(struct sliding_window *window, const char *provider)
{
    long long count;
    if (!watch_count(window, provider, &count)) {
        return RATE_ERROR;
    }
    return count < window->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

const struct sliding_window_variant sliding_window_watch = {
    .name = "watch",
    .open = watch_open,
    .close = window_client_close,
    .acquire = watch_acquire,
    .check = watch_check,
    .add = NULL, /* check and charge are one transaction */
    .count = watch_count,
    .last_error = window_client_last_error,
};
