// SPDX-License-Identifier: MIT

/*
 * The proposal's second form: the same commands in one MULTI/EXEC pipeline (`add_request_atomic`).
 *
 * Kept as written:
 *  - the request is added whatever the count, so a refused request is charged as well: a client
 *    that keeps asking faster than the window empties is refused for ever;
 *  - every failure, EXPIRE's on a fractional window included, is logged and answered with "limit
 *    exceeded". Here RATE_REFUSED, with the text in last_error; RATE_ERROR never comes.
 *
 * One deviation: the proposal compares with `self.rpm_limit`, "assuming rpm_limit is stored". It
 * is never set, so that taken literally every call raises, is swallowed and refuses. We use the
 * configured rpm, or there would be nothing left to look at. `proposed-pipeline-literal`, below, is
 * the letter.
 */

#include "../request_id.h"
#include "../wall_clock.h"
#include "window_client.h"

enum {
    QUEUED_COMMANDS = 4,               /* between MULTI and EXEC */
    REPLIES = 1 + QUEUED_COMMANDS + 1, /* MULTI, the commands' QUEUED, EXEC */
    ZCARD_POSITION = 1,                /* in EXEC's array */
};

/* Fills the output buffer; nothing is sent before the first reply is asked for. */
static bool append_transaction(struct sliding_window *window, const char *provider,
                               const char *cutoff, const char *now, const char *request_id)
{
    redisContext *redis = window->client.redis;
    bool appended =
        redisAppendCommand(redis, "MULTI") == REDIS_OK &&
        redisAppendCommand(redis, "ZREMRANGEBYSCORE window:%s -inf %s", provider, cutoff) ==
            REDIS_OK &&
        redisAppendCommand(redis, "ZCARD window:%s", provider) == REDIS_OK &&
        redisAppendCommand(redis, "ZADD window:%s %s %s", provider, now, request_id) == REDIS_OK &&
        redisAppendCommand(redis, "EXPIRE window:%s %.17g", provider, window->limits.window_s) ==
            REDIS_OK &&
        redisAppendCommand(redis, "EXEC") == REDIS_OK;
    if (!appended) {
        redis_client_fail_io(&window->client);
    }
    return appended;
}

/* The Python client raises when any command of the transaction failed. */
static bool read_results(struct sliding_window *window, const redisReply *exec, long long *count)
{
    if (exec->type != REDIS_REPLY_ARRAY || exec->elements != QUEUED_COMMANDS) {
        redis_client_fail(&window->client, "EXEC did not run the transaction");
        return false;
    }
    for (size_t i = 0; i < exec->elements; i++) {
        if (exec->element[i]->type != REDIS_REPLY_INTEGER) {
            redis_client_fail(&window->client, exec->element[i]->type == REDIS_REPLY_ERROR
                                                   ? exec->element[i]->str
                                                   : "reply of an unexpected type");
            return false;
        }
    }
    *count = exec->element[ZCARD_POSITION]->integer;
    return true;
}

/* Reads every reply even after a failure, or the next command would be answered with this one's. */
static bool read_transaction(struct sliding_window *window, long long *count)
{
    bool good = true;
    for (int i = 0; i < REPLIES; i++) {
        void *raw = NULL;
        if (redisGetReply(window->client.redis, &raw) != REDIS_OK) {
            redis_client_fail_io(&window->client);
            return false;
        }
        redisReply *reply = raw;
        if (good && reply->type == REDIS_REPLY_ERROR) {
            redis_client_fail(&window->client, reply->str);
            good = false;
        } else if (good && i == REPLIES - 1) {
            good = read_results(window, reply, count);
        }
        freeReplyObject(reply);
    }
    return good;
}

/* False: the proposal raises. */
static bool add_request_atomic(struct sliding_window *window, const char *provider,
                               const char *request_id, long long *count)
{
    char generated[REQUEST_ID_SIZE];
    char cutoff[WINDOW_DECIMAL_SIZE];
    char now[WINDOW_DECIMAL_SIZE];
    double now_s = wall_clock_s();

    redis_client_clear_error(&window->client);
    if (request_id == NULL) {
        request_id_generate(generated);
        request_id = generated;
    }
    window_client_decimal(now_s - window->limits.window_s, cutoff);
    window_client_decimal(now_s, now);

    return append_transaction(window, provider, cutoff, now, request_id) &&
           read_transaction(window, count);
}

static enum rate_decision pipeline_acquire(struct sliding_window *window, const char *provider,
                                           const char *request_id)
{
    long long count;
    if (!add_request_atomic(window, provider, request_id, &count)) {
        return RATE_REFUSED; /* the proposal's `except Exception: return False` */
    }
    return count < window->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

/* `return request_count < self.rpm_limit`, inside the same `try`. */
static enum rate_decision literal_acquire(struct sliding_window *window, const char *provider,
                                          const char *request_id)
{
    long long count;
    if (add_request_atomic(window, provider, request_id, &count)) {
        redis_client_fail(&window->client, "object has no attribute 'rpm_limit'");
    }
    return RATE_REFUSED;
}

const struct sliding_window_variant sliding_window_proposed_pipeline = {
    .name = "proposed-pipeline",
    .open = window_client_open,
    .close = window_client_close,
    .acquire = pipeline_acquire,
    .check = window_client_check_live,
    .add = NULL, /* acquire is one step, and always adds */
    .count = window_client_count_live,
    .last_error = window_client_last_error,
};

const struct sliding_window_variant sliding_window_proposed_literal = {
    .name = "proposed-pipeline-literal",
    .open = window_client_open,
    .close = window_client_close,
    .acquire = literal_acquire,
    .check = window_client_check_live,
    .add = NULL,
    .count = window_client_count_live,
    .last_error = window_client_last_error,
};
