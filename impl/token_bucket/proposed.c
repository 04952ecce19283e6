// SPDX-License-Identifier: MIT

/*
 * The proposal: every access to the state under the lock (`_InMemoryTokenBucket`).
 *
 * Kept as written:
 *  - the delay that `request_delay` returns reserves nothing. All who wait for one token wake
 *    together, one gets it, the others ask and sleep again: work that grows with the square of
 *    the waiters;
 *  - whoever asks at the right moment takes the token that others sleep for, so a caller that
 *    polls starves one that waits as it was told;
 *  - configuration is not checked: a rate of nan or a negative capacity is taken as it comes.
 *
 * asyncio.Lock is a mutex here: nothing awaits while it is held. What the proposal does not have
 * (give_back, reconfigure) is under the same lock.
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

static struct token_bucket *proposed_open(const struct token_bucket_limits *limits, char *error,
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

static void proposed_close(struct token_bucket *bucket)
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

static enum rate_decision proposed_try_acquire(struct token_bucket *bucket, double *retry_after_s)
{
    double delay_s = request_delay(bucket);
    if (delay_s > 0 && retry_after_s != NULL) {
        *retry_after_s = delay_s;
    }
    return delay_s > 0 ? RATE_REFUSED : RATE_ADMITTED;
}

static enum rate_decision proposed_acquire(struct token_bucket *bucket,
                                           const struct timespec *deadline)
{
    return polling_acquire(bucket, request_delay, woke_in_vain, deadline);
}

static void proposed_give_back(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    polling_give_back(&bucket->state);
    pthread_mutex_unlock(&bucket->lock);
}

/* `get_available_tokens`, but for its int(): fractions are there, too. */
static double proposed_available(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    polling_refill(&bucket->state);
    double tokens = bucket->state.tokens;
    pthread_mutex_unlock(&bucket->lock);
    return tokens;
}

static unsigned long proposed_futile_wakeups(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    unsigned long count = bucket->futile_wakeups;
    pthread_mutex_unlock(&bucket->lock);
    return count;
}

static void proposed_reset(struct token_bucket *bucket)
{
    pthread_mutex_lock(&bucket->lock);
    polling_fill(&bucket->state);
    pthread_mutex_unlock(&bucket->lock);
}

static bool proposed_reconfigure(struct token_bucket *bucket,
                                 const struct token_bucket_limits *limits, char *error,
                                 size_t error_size)
{
    (void)error;
    (void)error_size;
    pthread_mutex_lock(&bucket->lock);
    polling_reconfigure(&bucket->state, limits);
    pthread_mutex_unlock(&bucket->lock);
    return true;
}

const struct token_bucket_variant token_bucket_proposed = {
    .name = "proposed",
    .open = proposed_open,
    .close = proposed_close,
    .try_acquire = proposed_try_acquire,
    .acquire = proposed_acquire,
    .give_back = proposed_give_back,
    .available = proposed_available,
    .futile_wakeups = proposed_futile_wakeups,
    .reset = proposed_reset,
    .reconfigure = proposed_reconfigure,
};
