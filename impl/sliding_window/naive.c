// SPDX-License-Identifier: MIT

/*
 * The original: look, then leap. The check is one round trip and the charge three more, so any
 * number of clients that look before the first of them leaps are all admitted; and a connection
 * cut between the steps of the charge leaves a key that never expires.
 *
 * Times are the client's. The bounds of ZCOUNT are inclusive while ZREMRANGEBYSCORE removes up to
 * and including the cut-off, so an entry of age exactly the window still counts until the next
 * charge removes it. Configuration is not checked.
 */

#include "../request_id.h"
#include "../wall_clock.h"
#include "window_client.h"

static bool naive_count(struct sliding_window *window, const char *provider, long long *count)
{
    char cutoff[WINDOW_DECIMAL_SIZE];
    char now[WINDOW_DECIMAL_SIZE];
    double now_s = wall_clock_s();

    redis_client_clear_error(&window->client);
    window_client_decimal(now_s - window->limits.window_s, cutoff);
    window_client_decimal(now_s, now);
    return window_client_zcount(window, provider, cutoff, now, count);
}

static enum rate_decision naive_check(struct sliding_window *window, const char *provider)
{
    long long count;
    if (!naive_count(window, provider, &count)) {
        return RATE_ERROR;
    }
    return count < window->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

static bool add_member(struct sliding_window *window, const char *provider, const char *now,
                       const char *request_id)
{
    redisReply *reply = redis_client_command(&window->client, REDIS_REPLY_INTEGER,
                                             "ZADD window:%s %s %s", provider, now, request_id);
    freeReplyObject(reply);
    return reply != NULL;
}

static bool remove_expired(struct sliding_window *window, const char *provider, const char *cutoff)
{
    redisReply *reply =
        redis_client_command(&window->client, REDIS_REPLY_INTEGER,
                             "ZREMRANGEBYSCORE window:%s -inf %s", provider, cutoff);
    freeReplyObject(reply);
    return reply != NULL;
}

static bool renew_expiry(struct sliding_window *window, const char *provider)
{
    /* EXPIRE takes whole seconds only; a fractional window fails here, after the charge. */
    redisReply *reply =
        redis_client_command(&window->client, REDIS_REPLY_INTEGER, "EXPIRE window:%s %.17g",
                             provider, window->limits.window_s);
    freeReplyObject(reply);
    return reply != NULL;
}

static enum rate_decision naive_add(struct sliding_window *window, const char *provider,
                                    const char *request_id)
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

    bool done = add_member(window, provider, now, request_id) &&
                remove_expired(window, provider, cutoff) && renew_expiry(window, provider);
    return done ? RATE_ADMITTED : RATE_ERROR;
}

static enum rate_decision naive_acquire(struct sliding_window *window, const char *provider,
                                        const char *request_id)
{
    enum rate_decision decision = naive_check(window, provider);
    return decision == RATE_ADMITTED ? naive_add(window, provider, request_id) : decision;
}

const struct sliding_window_variant sliding_window_naive = {
    .name = "naive",
    .open = window_client_open,
    .close = window_client_close,
    .acquire = naive_acquire,
    .check = naive_check,
    .add = naive_add,
    .count = naive_count,
    .last_error = window_client_last_error,
};
