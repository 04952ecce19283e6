// SPDX-License-Identifier: MIT

/*
 * The whole bucket in one 64-bit atomic: the time at which it will be full again, moved by
 * compare-and-swap (the generic cell rate algorithm). Taking a token is a clock reading, where the
 * bucket is refilled at all, and one successful swap; a refusal writes nothing. A waiter moves the
 * time beyond what the bucket holds, which promises it a future token, and sleeps until that is
 * due.
 *
 * Policies, where they differ from `fixed`:
 *  - A waiter that goes away gives its token back to the bucket. Those behind do not move up, nor
 *    does anybody when a token is given back; the next to ask is promised the last of their times.
 *    After two or more tokens have come back that is earlier than the time of some who wait, or
 *    now: then the order is not that of arrival, though every promise is kept. (A
 *    reconfiguration before then cannot tell such a token from a promised one, and drops it.)
 *  - A waiter sleeps to the time it was promised. If the bucket was reset or reconfigured
 *    meanwhile, its promise is void and it starts again then, at the end of the queue.
 *  - A token that is due counts from then on as the waiter's only once it has woken: a reset before
 *    that voids it, too.
 *
 * The word's upper bits are the time; its lower bits number the slot that holds the pace it is
 * meant by. A reset or a reconfiguration (these two lock each other out) fills the next slot and
 * then swaps the word over to it, so that whoever read the old word fails to swap. A slot is used
 * again after SLOTS such changes: a caller that was held up for all of them between its load and
 * its swap, to find the same nanosecond under the same number, would mix two paces. The epoch in
 * the slot has 64 bits, so that a waiter, which sleeps for long, is never mistaken.
 */

#include "token_pace.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOT_BITS 4
#define SLOTS (1u << SLOT_BITS)

_Static_assert(TOKEN_PACE_HORIZON_NS <= UINT64_MAX >> SLOT_BITS, "a time and a slot fit one word");

/* Atomics because they are written again while a late caller may read them; that caller's swap
 * fails. The order comes from the word. */
struct slot {
    _Atomic int64_t interval_ns;
    _Atomic int64_t burst_ns; /* negative: never refilled */
    _Atomic uint64_t epoch;
};

/* What changes shares one cache line, what only a reset or a reconfiguration writes has others. */
struct token_bucket {
    _Alignas(64) _Atomic uint64_t word;
    int64_t opened_ns;
    _Atomic unsigned long futile_wakeups;
    pthread_mutex_t changing;
    _Alignas(64) struct slot slots[SLOTS];
};

/* What one load of the word says. */
struct view {
    uint64_t word;
    int64_t full_at_ns;
    int64_t now_ns;
    struct token_pace pace;
};

struct promise {
    struct token_bucket *bucket;
    uint64_t epoch;
    int64_t due_ns;
};

static uint64_t word_of(int64_t full_at_ns, uint64_t slot)
{
    return (uint64_t)full_at_ns << SLOT_BITS | slot % SLOTS;
}

static int64_t time_of(uint64_t word)
{
    return (int64_t)(word >> SLOT_BITS);
}

static uint64_t epoch_of(struct token_bucket *bucket, uint64_t word)
{
    return atomic_load_explicit(&bucket->slots[word % SLOTS].epoch, memory_order_relaxed);
}

static void write_slot(struct token_bucket *bucket, const struct token_pace *pace, uint64_t epoch)
{
    struct slot *slot = &bucket->slots[epoch % SLOTS];
    const int64_t burst_ns = pace->refilled ? pace->burst_ns : -pace->burst_ns;
    atomic_store_explicit(&slot->interval_ns, pace->interval_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->burst_ns, burst_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->epoch, epoch, memory_order_relaxed);
}

static struct token_pace read_slot(struct token_bucket *bucket, uint64_t word)
{
    struct slot *slot = &bucket->slots[word % SLOTS];
    const int64_t burst_ns = atomic_load_explicit(&slot->burst_ns, memory_order_relaxed);
    return (struct token_pace){
        .interval_ns = atomic_load_explicit(&slot->interval_ns, memory_order_relaxed),
        .burst_ns = burst_ns < 0 ? -burst_ns : burst_ns,
        .refilled = burst_ns > 0,
    };
}

static int64_t clock_of(const struct token_bucket *bucket)
{
    return token_pace_monotonic_ns() - bucket->opened_ns;
}

#define NOT_READ (-1)

/* The bucket's time by that pace. An attempt reads the clock once, and not at all where the
 * bucket's time stands still: `*clock_ns` begins as NOT_READ. Each attempt reads it anew: by a time
 * that has grown old the tokens that others took since would be missing, and those that came back
 * meanwhile would not be there. */
static int64_t now_by(const struct token_pace *pace, const struct token_bucket *bucket,
                      int64_t *clock_ns)
{
    if (!pace->refilled) {
        return 0;
    }
    if (*clock_ns == NOT_READ) {
        *clock_ns = clock_of(bucket);
    }
    return *clock_ns;
}

static struct view view_of(struct token_bucket *bucket, uint64_t word, int64_t *clock_ns)
{
    struct view view = {
        .word = word,
        .full_at_ns = time_of(word),
        .pace = read_slot(bucket, word),
    };
    view.now_ns = now_by(&view.pace, bucket, clock_ns);
    return view;
}

static uint64_t load_word(struct token_bucket *bucket)
{
    return atomic_load_explicit(&bucket->word, memory_order_acquire);
}

/* False when the word is no longer the one that was read; `*word` is then the new one. */
static bool swap(struct token_bucket *bucket, uint64_t *word, int64_t full_at_ns, uint64_t slot)
{
    return atomic_compare_exchange_strong_explicit(&bucket->word, word, word_of(full_at_ns, slot),
                                                   memory_order_acq_rel, memory_order_acquire);
}

static struct token_bucket *lockfree_open(const struct token_bucket_limits *limits, char *error,
                                          size_t error_size)
{
    struct token_pace pace;
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return NULL;
    }
    struct token_bucket *bucket = aligned_alloc(_Alignof(struct token_bucket), sizeof *bucket);
    if (bucket == NULL || pthread_mutex_init(&bucket->changing, NULL) != 0) {
        free(bucket);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        atomic_init(&bucket->slots[i].interval_ns, 0);
        atomic_init(&bucket->slots[i].burst_ns, 0);
        atomic_init(&bucket->slots[i].epoch, 0);
    }
    atomic_init(&bucket->futile_wakeups, 0);
    atomic_init(&bucket->word, 0);
    write_slot(bucket, &pace, 0);
    bucket->opened_ns = token_pace_monotonic_ns();
    return bucket;
}

static void lockfree_close(struct token_bucket *bucket)
{
    if (bucket != NULL) {
        pthread_mutex_destroy(&bucket->changing);
        free(bucket);
    }
}

/* Takes the next token if it is due at `latest_ns` at the latest, or there now.
 * Says when it is due either way; `promise` (unless NULL) is filled in when it was taken. */
static bool take(struct token_bucket *bucket, int64_t latest_ns, struct view *view,
                 struct promise *promise)
{
    uint64_t word = load_word(bucket);

    for (;;) {
        int64_t clock_ns = NOT_READ;
        *view = view_of(bucket, word, &clock_ns);
        const uint64_t epoch = promise != NULL ? epoch_of(bucket, word) : 0;
        const int64_t due = token_pace_due(&view->pace, view->full_at_ns, view->now_ns);
        if (due > view->now_ns && (due > latest_ns || due == TOKEN_PACE_NEVER)) {
            return false;
        }
        const int64_t taken = token_pace_take(&view->pace, view->full_at_ns, view->now_ns);
        if (swap(bucket, &word, taken, word)) {
            if (promise != NULL) {
                *promise = (struct promise){.bucket = bucket, .epoch = epoch, .due_ns = due};
            }
            return true;
        }
    }
}

static enum rate_decision lockfree_try_acquire(struct token_bucket *bucket, double *retry_after_s)
{
    struct view view;
    if (take(bucket, INT64_MIN, &view, NULL)) {
        return RATE_ADMITTED;
    }
    if (retry_after_s != NULL) {
        *retry_after_s = token_pace_wait_s(token_pace_due(&view.pace, view.full_at_ns, view.now_ns),
                                           view.now_ns);
    }
    return RATE_REFUSED;
}

/* One token more, as long as the promise, if any, still stands. */
static void restore(struct token_bucket *bucket, const struct promise *promise)
{
    uint64_t word = load_word(bucket);
    int64_t restored;

    do {
        int64_t clock_ns = NOT_READ;
        if (promise != NULL && epoch_of(bucket, word) != promise->epoch) {
            return;
        }
        const struct view view = view_of(bucket, word, &clock_ns);
        restored = token_pace_give_back(&view.pace, view.full_at_ns, view.now_ns);
    } while (!swap(bucket, &word, restored, word));
}

static void lockfree_give_back(struct token_bucket *bucket)
{
    restore(bucket, NULL);
}

static void break_promise(void *argument)
{
    const struct promise *promise = argument;
    restore(promise->bucket, promise);
}

/* Only a promise of a token that is refilled is ever waited for. */
static void sleep_until_due(struct promise *promise)
{
    const struct timespec due = token_pace_timespec(promise->bucket->opened_ns + promise->due_ns);

    pthread_cleanup_push(break_promise, promise);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
    pthread_cleanup_pop(0);
}

static enum rate_decision lockfree_acquire(struct token_bucket *bucket,
                                           const struct timespec *deadline)
{
    const int64_t latest_ns =
        deadline != NULL ? token_pace_timespec_ns(deadline) - bucket->opened_ns : TOKEN_PACE_NEVER;
    struct promise promise;
    struct view view;

    for (;;) {
        if (!take(bucket, latest_ns, &view, &promise)) {
            return RATE_REFUSED;
        }
        if (promise.due_ns <= view.now_ns) {
            return RATE_ADMITTED;
        }
        sleep_until_due(&promise);
        if (epoch_of(bucket, load_word(bucket)) == promise.epoch) {
            return RATE_ADMITTED;
        }
        atomic_fetch_add_explicit(&bucket->futile_wakeups, 1, memory_order_relaxed);
    }
}

static double lockfree_available(struct token_bucket *bucket)
{
    int64_t clock_ns = NOT_READ;
    const struct view view = view_of(bucket, load_word(bucket), &clock_ns);
    double tokens = token_pace_tokens(&view.pace, view.full_at_ns, view.now_ns);
    return tokens > 0 ? tokens : 0;
}

static unsigned long lockfree_futile_wakeups(struct token_bucket *bucket)
{
    return atomic_load_explicit(&bucket->futile_wakeups, memory_order_relaxed);
}

/* The tokens that there would be without the promises: what is below zero is promised. */
static double unpromised_tokens(const struct view *view)
{
    const double tokens = token_pace_tokens(&view->pace, view->full_at_ns, view->now_ns);
    return tokens < 0 ? tokens - floor(tokens) : tokens;
}

/* Voids all promises and goes over to a new pace, or the same; `full` or with what there is. The
 * time is read again for each try: a bucket that is full as of a time at which others have already
 * taken what was due later would give that out twice. */
static void begin_anew(struct token_bucket *bucket, const struct token_pace *pace, bool full)
{
    pthread_mutex_lock(&bucket->changing);
    uint64_t word = load_word(bucket);
    const uint64_t epoch = epoch_of(bucket, word) + 1;
    const struct token_pace next = pace != NULL ? *pace : read_slot(bucket, word);
    int64_t full_at_ns;

    write_slot(bucket, &next, epoch);
    do {
        int64_t clock_ns = NOT_READ;
        const struct view view = view_of(bucket, word, &clock_ns);
        const double tokens = full ? INFINITY : unpromised_tokens(&view);
        full_at_ns = token_pace_holding(&next, tokens, now_by(&next, bucket, &clock_ns));
    } while (!swap(bucket, &word, full_at_ns, epoch));
    pthread_mutex_unlock(&bucket->changing);
}

static void lockfree_reset(struct token_bucket *bucket)
{
    begin_anew(bucket, NULL, true);
}

static bool lockfree_reconfigure(struct token_bucket *bucket,
                                 const struct token_bucket_limits *limits, char *error,
                                 size_t error_size)
{
    struct token_pace pace;
    if (!token_pace_of(limits, &pace, error, error_size)) {
        return false;
    }
    begin_anew(bucket, &pace, false);
    return true;
}

const struct token_bucket_variant token_bucket_lockfree = {
    .name = "lockfree",
    .open = lockfree_open,
    .close = lockfree_close,
    .try_acquire = lockfree_try_acquire,
    .acquire = lockfree_acquire,
    .give_back = lockfree_give_back,
    .available = lockfree_available,
    .futile_wakeups = lockfree_futile_wakeups,
    .reset = lockfree_reset,
    .reconfigure = lockfree_reconfigure,
};
