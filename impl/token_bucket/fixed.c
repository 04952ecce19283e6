// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: a waiter owns its future token.
 *
 * Whoever has to wait is promised the next token that nobody else is promised, and sleeps until it
 * is due. So nobody wakes for nothing, and nobody who comes later gets there first. The promises
 * stand in a queue, for one reason: when a token becomes free, everybody behind moves up.
 *
 * Policies:
 *  - Order: first come, first served; try_acquire too gets only what nobody is promised.
 *  - A token that is due to a waiter is the waiter's, however late its thread wakes: the bucket
 *    does not overflow on its account.
 *  - A waiter that goes away (cancelled, or its deadline has become too early) leaves its token to
 *    the one behind, that one its own to the next, and so on. A token that is given back goes to
 *    the first waiter whose token is not due yet. A reset or a reconfiguration makes all promises
 *    that are not due anew, in the same order. Whenever times change all who wait are woken.
 *  - A waiter is refused as soon as its token is due later than its deadline: on arrival, or when
 *    times change. One whose token is due gets it.
 *  - Where nothing will be refilled nobody waits.
 *  - An interval is rounded up to a whole number of nanoseconds.
 *
 * One mutex guards everything. The only cancellation point under it is the wait, whose clean-up
 * handler leaves the queue and releases the mutex.
 */

#include "token_pace.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct waiter {
    struct token_bucket *bucket;
    struct waiter *previous; /* nearer to the front */
    struct waiter *next;
    int64_t due_ns; /* ascending along the queue */
};

struct token_bucket {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* by CLOCK_MONOTONIC; every waiter's time must be looked at again */
    int64_t opened_ns;
    struct token_pace pace;
    int64_t full_at_ns; /* tokens taken and tokens promised */
    struct waiter *front;
    struct waiter *back;
    unsigned long futile_wakeups;
};

static void lock_bucket(struct token_bucket *bucket)
{
    int failure = pthread_mutex_lock(&bucket->lock);
    assert(failure == 0); /* a plain mutex fails only when it is not one */
    (void)failure;
}

static void unlock_bucket(struct token_bucket *bucket)
{
    int failure = pthread_mutex_unlock(&bucket->lock);
    assert(failure == 0);
    (void)failure;
}

static bool open_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool opened = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return opened;
}

static bool open_locks(struct token_bucket *bucket)
{
    if (pthread_mutex_init(&bucket->lock, NULL) != 0) {
        return false;
    }
    if (!open_condition(&bucket->changed)) {
        pthread_mutex_destroy(&bucket->lock);
        return false;
    }
    return true;
}

static struct token_bucket *fixed_open(const struct token_bucket_limits *limits, char *error,
                                       size_t error_size)
{
    struct token_pace pace;
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return NULL;
    }
    struct token_bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket == NULL || !open_locks(bucket)) {
        free(bucket);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    bucket->pace = pace;
    bucket->opened_ns = token_pace_monotonic_ns();
    return bucket;
}

static void fixed_close(struct token_bucket *bucket)
{
    if (bucket == NULL) {
        return;
    }
    assert(bucket->front == NULL);
    pthread_cond_destroy(&bucket->changed);
    pthread_mutex_destroy(&bucket->lock);
    free(bucket);
}

/* The lock is held by the callers of all functions from here to fixed_acquire(). */

static int64_t now_ns(const struct token_bucket *bucket)
{
    return token_pace_now(&bucket->pace, bucket->opened_ns);
}

static void join_queue(struct waiter *waiter)
{
    struct token_bucket *bucket = waiter->bucket;
    waiter->previous = bucket->back;
    waiter->next = NULL;
    *(bucket->back != NULL ? &bucket->back->next : &bucket->front) = waiter;
    bucket->back = waiter;
}

static void leave_queue(struct waiter *waiter)
{
    struct token_bucket *bucket = waiter->bucket;
    *(waiter->previous != NULL ? &waiter->previous->next : &bucket->front) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->previous : &bucket->back) = waiter->previous;
}

static void tell_waiters(struct token_bucket *bucket)
{
    if (bucket->front != NULL) {
        pthread_cond_broadcast(&bucket->changed);
    }
}

/* A token that is due at `due_ns` has become free: the first waiter, from this one on, whose own
 * is due later takes it and leaves its own to the next. What the last one leaves goes back to the
 * bucket. */
static void pass_on(struct token_bucket *bucket, struct waiter *waiter, int64_t due_ns)
{
    for (; waiter != NULL; waiter = waiter->next) {
        if (waiter->due_ns > due_ns) {
            const int64_t left_ns = waiter->due_ns;
            waiter->due_ns = due_ns;
            due_ns = left_ns;
        }
    }
    if (due_ns != TOKEN_PACE_NEVER) {
        bucket->full_at_ns =
            token_pace_give_back(&bucket->pace, bucket->full_at_ns, now_ns(bucket));
    }
    tell_waiters(bucket);
}

/* Promises the next token to nobody yet promised; says when it is due. */
static int64_t promise(struct token_bucket *bucket, int64_t now)
{
    const int64_t due = token_pace_due(&bucket->pace, bucket->full_at_ns, now);
    if (due != TOKEN_PACE_NEVER) {
        bucket->full_at_ns = token_pace_take(&bucket->pace, bucket->full_at_ns, now);
    }
    return due;
}

/* Goes over to a new pace with a number of tokens, and makes all promises that are not due anew.
 * Those that are due stay so, whatever the new clock says. */
static void begin_anew(struct token_bucket *bucket, const struct token_pace *pace, double tokens)
{
    const int64_t before = now_ns(bucket);
    bucket->pace = *pace;
    const int64_t now = now_ns(bucket);
    bucket->full_at_ns = token_pace_holding(pace, tokens, now);
    for (struct waiter *waiter = bucket->front; waiter != NULL; waiter = waiter->next) {
        waiter->due_ns = waiter->due_ns <= before ? 0 : promise(bucket, now);
    }
    tell_waiters(bucket);
}

static void go_away(void *argument)
{
    struct waiter *waiter = argument;
    leave_queue(waiter);
    pass_on(waiter->bucket, waiter->next, waiter->due_ns);
    unlock_bucket(waiter->bucket);
}

/* Sleeps until the time comes or may have changed. */
static void sleep_until_due(struct waiter *waiter)
{
    struct token_bucket *bucket = waiter->bucket;
    const struct timespec due = token_pace_timespec(bucket->opened_ns + waiter->due_ns);

    pthread_cleanup_push(go_away, waiter);
    pthread_cond_timedwait(&bucket->changed, &bucket->lock, &due);
    pthread_cleanup_pop(0);
}

/* Releases the lock. */
static enum rate_decision wait_and_unlock(struct waiter *self, int64_t deadline_ns)
{
    struct token_bucket *bucket = self->bucket;

    join_queue(self);
    for (bool waited = false; self->due_ns > now_ns(bucket); waited = true) {
        if (self->due_ns > deadline_ns || self->due_ns == TOKEN_PACE_NEVER) {
            go_away(self);
            return RATE_REFUSED;
        }
        bucket->futile_wakeups += waited;
        sleep_until_due(self);
    }
    leave_queue(self);
    unlock_bucket(bucket);
    return RATE_ADMITTED;
}

static enum rate_decision fixed_acquire(struct token_bucket *bucket,
                                        const struct timespec *deadline)
{
    const int64_t deadline_ns =
        deadline != NULL ? token_pace_timespec_ns(deadline) - bucket->opened_ns : TOKEN_PACE_NEVER;

    lock_bucket(bucket);
    const int64_t now = now_ns(bucket);
    struct waiter self = {
        .bucket = bucket,
        .due_ns = token_pace_due(&bucket->pace, bucket->full_at_ns, now),
    };
    if (self.due_ns > now && (self.due_ns > deadline_ns || self.due_ns == TOKEN_PACE_NEVER)) {
        unlock_bucket(bucket);
        return RATE_REFUSED;
    }
    bucket->full_at_ns = token_pace_take(&bucket->pace, bucket->full_at_ns, now);
    if (self.due_ns > now) {
        return wait_and_unlock(&self, deadline_ns);
    }
    unlock_bucket(bucket);
    return RATE_ADMITTED;
}

static enum rate_decision fixed_try_acquire(struct token_bucket *bucket, double *retry_after_s)
{
    lock_bucket(bucket);
    const int64_t now = now_ns(bucket);
    const int64_t due = token_pace_due(&bucket->pace, bucket->full_at_ns, now);
    if (due <= now) {
        bucket->full_at_ns = token_pace_take(&bucket->pace, bucket->full_at_ns, now);
    } else if (retry_after_s != NULL) {
        *retry_after_s = token_pace_wait_s(due, now);
    }
    unlock_bucket(bucket);
    return due <= now ? RATE_ADMITTED : RATE_REFUSED;
}

static void fixed_give_back(struct token_bucket *bucket)
{
    lock_bucket(bucket);
    pass_on(bucket, bucket->front, now_ns(bucket));
    unlock_bucket(bucket);
}

static double fixed_available(struct token_bucket *bucket)
{
    lock_bucket(bucket);
    double tokens = token_pace_tokens(&bucket->pace, bucket->full_at_ns, now_ns(bucket));
    unlock_bucket(bucket);
    return tokens > 0 ? tokens : 0;
}

static unsigned long fixed_futile_wakeups(struct token_bucket *bucket)
{
    lock_bucket(bucket);
    unsigned long count = bucket->futile_wakeups;
    unlock_bucket(bucket);
    return count;
}

static void fixed_reset(struct token_bucket *bucket)
{
    lock_bucket(bucket);
    const struct token_pace same = bucket->pace;
    begin_anew(bucket, &same, INFINITY);
    unlock_bucket(bucket);
}

/* The tokens that there would be without the promises that are not due yet. */
static double unpromised_tokens(const struct token_bucket *bucket)
{
    const int64_t now = now_ns(bucket);
    double tokens = token_pace_tokens(&bucket->pace, bucket->full_at_ns, now);
    for (const struct waiter *waiter = bucket->front; waiter != NULL; waiter = waiter->next) {
        tokens += waiter->due_ns > now && waiter->due_ns != TOKEN_PACE_NEVER;
    }
    return tokens;
}

static bool fixed_reconfigure(struct token_bucket *bucket, const struct token_bucket_limits *limits,
                              char *error, size_t error_size)
{
    struct token_pace pace;
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return false;
    }
    lock_bucket(bucket);
    begin_anew(bucket, &pace, unpromised_tokens(bucket));
    unlock_bucket(bucket);
    return true;
}

const struct token_bucket_variant token_bucket_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .try_acquire = fixed_try_acquire,
    .acquire = fixed_acquire,
    .give_back = fixed_give_back,
    .available = fixed_available,
    .futile_wakeups = fixed_futile_wakeups,
    .reset = fixed_reset,
    .reconfigure = fixed_reconfigure,
};
