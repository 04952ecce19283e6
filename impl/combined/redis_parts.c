// SPDX-License-Identifier: MIT
#include "redis_parts.h"

#include "../redis_bucket/redis_bucket.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NS_PER_S = 1000000000;

static void lock_limits(struct combined *limiter)
{
    int failure = pthread_mutex_lock(&limiter->lock);
    assert(failure == 0); /* a plain mutex fails only when it is not one */
    (void)failure;
}

static void unlock_limits(struct combined *limiter)
{
    int failure = pthread_mutex_unlock(&limiter->lock);
    assert(failure == 0);
    (void)failure;
}

/* ---- limiters -------------------------------------------------------------------------------- */

void redis_parts_close(struct combined *limiter)
{
    if (limiter == NULL) {
        return;
    }
    for (size_t i = 0; i < limiter->count; i++) {
        free(limiter->providers[i].name);
    }
    limiter->semaphores->close(limiter->slots);
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct redis_provider *find(struct combined *limiter, const char *name)
{
    for (size_t i = 0; i < limiter->count; i++) {
        if (strcmp(limiter->providers[i].name, name) == 0) {
            return &limiter->providers[i];
        }
    }
    return NULL;
}

static bool add_provider(struct combined *limiter, const struct combined_provider *limits,
                         char *error, size_t error_size)
{
    struct redis_provider *provider = &limiter->providers[limiter->count];

    if (find(limiter, limits->name) != NULL) {
        snprintf(error, error_size, "provider %s is there twice", limits->name);
        return false;
    }
    provider->name = strdup(limits->name);
    if (provider->name == NULL) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    provider->window = limits->window;
    provider->bucket = limits->bucket;
    limiter->count++;
    return true;
}

struct combined *redis_parts_open(const struct semaphore_variant *semaphores,
                                  const struct combined_options *options, char *error,
                                  size_t error_size)
{
    const struct semaphore_options slots = {.max_concurrent = options->max_concurrent};
    struct combined *limiter =
        calloc(1, sizeof *limiter + options->providers_count * sizeof limiter->providers[0]);
    if (limiter == NULL || pthread_mutex_init(&limiter->lock, NULL) != 0) {
        free(limiter);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    limiter->semaphores = semaphores;
    limiter->slots = semaphores->open(&slots, error, error_size);
    bool opened = limiter->slots != NULL;
    for (size_t i = 0; opened && i < options->providers_count; i++) {
        opened = add_provider(limiter, &options->providers[i], error, error_size);
    }
    if (!opened) {
        redis_parts_close(limiter);
        return NULL;
    }
    return limiter;
}

bool redis_parts_limits(struct combined *limiter, const char *name,
                        struct combined_provider *limits)
{
    struct redis_provider *provider = find(limiter, name);
    if (provider == NULL) {
        return false;
    }
    lock_limits(limiter);
    *limits = (struct combined_provider){
        .name = provider->name, .window = provider->window, .bucket = provider->bucket};
    unlock_limits(limiter);
    return true;
}

bool redis_parts_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                             char *error, size_t error_size)
{
    struct redis_provider *provider = find(limiter, limits->name);
    if (provider == NULL) {
        snprintf(error, error_size, "no provider %s", limits->name);
        return false;
    }
    lock_limits(limiter);
    provider->window = limits->window;
    provider->bucket = limits->bucket;
    unlock_limits(limiter);
    return true;
}

void redis_parts_grant(struct combined_permit *permit, struct combined *limiter,
                       redisContext *redis)
{
    permit->provider = limiter;
    permit->redis = redis;
}

void redis_parts_release(struct combined *limiter, struct combined_permit *permit,
                         enum combined_outcome outcome)
{
    (void)outcome;
    if (permit->provider != NULL) {
        permit->provider = NULL;
        limiter->semaphores->release(limiter->slots);
    }
}

/* ---- commands -------------------------------------------------------------------------------- */

redisReply *redis_parts_command(redisContext *redis, int type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(redis, format, arguments);
    va_end(arguments);
    if (reply != NULL && reply->type != type) {
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

static bool server_time_s(redisContext *redis, double *now_s)
{
    redisReply *reply = redis_parts_command(redis, REDIS_REPLY_ARRAY, "TIME");
    if (reply == NULL) {
        return false;
    }
    *now_s = strtod(reply->element[0]->str, NULL) + 1e-6 * strtod(reply->element[1]->str, NULL);
    freeReplyObject(reply);
    return true;
}

static bool count_window(const struct combined_provider *limits, redisContext *redis, double now_s,
                         long long *count)
{
    redisReply *reply =
        redis_parts_command(redis, REDIS_REPLY_INTEGER, "ZCOUNT window:%s (%.6f +inf", limits->name,
                            now_s - limits->window.window_s);
    if (reply == NULL) {
        return false;
    }
    *count = reply->integer;
    freeReplyObject(reply);
    return true;
}

static bool count_tokens(const struct combined_provider *limits, redisContext *redis, double now_s,
                         double *tokens)
{
    redisReply *reply = redis_parts_command(redis, REDIS_REPLY_ARRAY,
                                            "HMGET bucket:%s tokens last_refill", limits->name);
    if (reply == NULL) {
        return false;
    }
    *tokens = limits->bucket.capacity;
    if (reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[1]->type == REDIS_REPLY_STRING) {
        const double elapsed_s = now_s - strtod(reply->element[1]->str, NULL);
        const double held = strtod(reply->element[0]->str, NULL) +
                            (elapsed_s > 0 ? elapsed_s * limits->bucket.rate_per_s : 0);
        *tokens = fmin(held, limits->bucket.capacity);
    }
    freeReplyObject(reply);
    return true;
}

bool redis_parts_inspect(struct combined *limiter, const char *provider, redisContext *redis,
                         struct combined_snapshot *snapshot)
{
    struct combined_provider limits;
    double now_s;
    if (!redis_parts_limits(limiter, provider, &limits) || !server_time_s(redis, &now_s) ||
        !count_window(&limits, redis, now_s, &snapshot->window) ||
        !count_tokens(&limits, redis, now_s, &snapshot->tokens)) {
        return false;
    }
    limiter->semaphores->stats(limiter->slots, &snapshot->slots);
    return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t to_ns(const struct timespec *time)
{
    return time->tv_sec > INT64_MAX / NS_PER_S - 1
               ? INT64_MAX
               : (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
}

int64_t redis_parts_deadline_ns(const struct timespec *deadline)
{
    return deadline != NULL ? to_ns(deadline) : INT64_MAX;
}

int64_t redis_parts_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: clock and pointer are good */
    return to_ns(&now);
}

void redis_parts_sleep_until(int64_t time_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(time_ns / NS_PER_S),
                                   .tv_nsec = (long)(time_ns % NS_PER_S)};
    /* Interrupted by a signal, the caller finds out that it is early. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* ---- the original's bucket ------------------------------------------------------------------- */

static const struct redis_bucket_variant *const buckets = &redis_bucket_proposed;

static enum rate_decision wait_for_token(struct redis_bucket *bucket, const char *provider,
                                         int64_t deadline_ns)
{
    double delay_s;
    for (;;) {
        enum rate_decision decision = buckets->try_acquire(bucket, provider, NULL, &delay_s);
        if (decision != RATE_REFUSED) {
            return decision;
        }
        const int64_t now_ns = redis_parts_now_ns();
        if (delay_s > 1e-9 * (double)(deadline_ns - now_ns)) { /* or never */
            return RATE_REFUSED;
        }
        /* To the microsecond, upwards: the script's times have no more. */
        redis_parts_sleep_until(now_ns + 1000 * (int64_t)ceil(delay_s * 1e6));
    }
}

enum rate_decision redis_parts_token(redisContext *redis, const struct combined_provider *limits,
                                     const struct timespec *deadline)
{
    char error[100];
    struct redis_bucket *bucket = buckets->open(&limits->bucket, redis, error, sizeof error);
    if (bucket == NULL) {
        return RATE_ERROR;
    }
    enum rate_decision decision =
        wait_for_token(bucket, limits->name, redis_parts_deadline_ns(deadline));
    buckets->close(bucket);
    return decision;
}
