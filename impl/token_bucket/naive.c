// SPDX-License-Identifier: MIT

/*
 * The original: a lock around `request_delay`, and none around the rest.
 *
 *  - the reader (`get_available_tokens`) refills without the lock: under threads it puts back the
 *    tokens that were taken between its reading and its writing of the count, or refills twice for
 *    the same time. The document's claim that `request_delay` itself refills outside the lock is
 *    wrong: it holds the lock all along;
 *  - reset, give_back and reconfigure are the same: right on one asyncio loop, where nothing awaits
 *    inside, wrong under threads;
 *  - the delay that is returned reserves nothing: see proposed.c.
 *
 * asyncio.Lock is a mutex here: nothing awaits while it is held. Configuration is not checked.
 */

#include "polling.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct token_bucket {
    struct polled_bucket state;
    unsigned long futile_wakeups;
    pthread_mutex_t lock;
};

static struct token_bucket *naive_open(const struct token_bucket_limits *limits, char *error,
                                       size_t error_size)
{
    struct token_bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket == NULL || pthread_mutex_init(&bucket->lock, NULL) != 0) {
        free(bucket);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->state.capacity = limits->capacity;
    bucket->state.refill_rate = limits->rate_per_s;
    polling_fill(&bucket->state);
    return bucket;
}

static void naive_close(struct token_bucket *bucket)
{
    if (bucket != NULL) {
        pthread_mutex_destroy(&bucket->lock);
        free(bucket);
    }
}

static double request_delay(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    double delay_s = polling_request_delay(&bucket->state);
    pthread_mutex_unlock(&bucket->lock);
    return delay_s;
}

static void woke_in_vain(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    bucket->futile_wakeups++;
    pthread_mutex_unlock(&bucket->lock);
}

static enum rate_decision naive_try_acquire(struct token_bucket *bucket, double *retry_after_s)
{
    double delay_s = request_delay(bucket);
    if (delay_s > 0 && retry_after_s != NULL) {
        *retry_after_s = delay_s;
    }
    return delay_s > 0 ? RATE_REFUSED : RATE_ADMITTED;
}

static enum rate_decision naive_acquire(struct token_bucket *bucket,
                                        const struct timespec *deadline)
{
    return polling_acquire(bucket, request_delay, woke_in_vain, deadline);
}

static void naive_give_back(struct token_bucket *bucket)
{
    polling_give_back(&bucket->state);
}

/* `get_available_tokens`, but for its int(): fractions are there, too. */
static double naive_available(struct token_bucket *bucket)
{
    polling_refill(&bucket->state);
    return bucket->state.tokens;
}

static unsigned long naive_futile_wakeups(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    unsigned long count = bucket->futile_wakeups;
    pthread_mutex_unlock(&bucket->lock);
    return count;
}

static void naive_reset(struct token_bucket *bucket)
{
    polling_fill(&bucket->state);
}

static bool naive_reconfigure(struct token_bucket *bucket, const struct token_bucket_limits *limits,
                              char *error, size_t error_size)
{
    (void)error;
    (void)error_size;
    polling_reconfigure(&bucket->state, limits);
    return true;
}

const struct token_bucket_variant token_bucket_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .try_acquire = naive_try_acquire,
    .acquire = naive_acquire,
    .give_back = naive_give_back,
    .available = naive_available,
    .futile_wakeups = naive_futile_wakeups,
    .reset = naive_reset,
    .reconfigure = naive_reconfigure,
};
