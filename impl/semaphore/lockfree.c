// SPDX-License-Identifier: MIT

/*
 * Lock-free as long as nobody has to wait: how many slots there are, are out, and are waited for
 * is one 64-bit word, and taking or returning a slot is one compare-and-swap on it.
 *
 * Waiting is blocking by nature. Who finds no slot takes a place in a line that has a lock, and
 * sleeps; who returns a slot takes that lock only if the word says that somebody waits. It is held
 * for a few instructions, by those who join, leave or serve the line.
 *
 * Policies are those of `fixed`, with these differences:
 *  - Overtaking: none. While anybody waits all slots are out, because a slot that comes back is
 *    handed on without being free in between, and the line is first come, first served. Two
 *    requests that both find no slot join in the order in which they get the line's lock.
 *  - Statistics: max_concurrent, active and available are of one moment, that of one load. The
 *    totals are counted beside the word: exact once all calls have returned; before that a snapshot
 *    may lack the grants and waits of calls under way.
 *  - max_concurrent is at most 1,048,575.
 *
 * Orders: operations on the word are acquire and release, so that what a holder wrote before it
 * released is seen by whoever gets a slot later; handing on goes through the waiter's semaphore.
 * The totals order nothing and are relaxed.
 */

#include "semaphore.h"
#include "semaphore_log.h"
#include "slot_line.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The word, from the low end: slots out (20 bits), slots there are (20), threads waiting (24). */
#define MAX_SHIFT 20
#define WAITING_SHIFT 40
#define SLOTS_MAX ((UINT64_C(1) << MAX_SHIFT) - 1)
#define ONE_ACTIVE UINT64_C(1)
#define ONE_WAITING (UINT64_C(1) << WAITING_SHIFT)

/* While waiting > 0: active >= max. `waiting` changes only under the line's lock, and is the length
 * of the line whenever that is free. */
struct global_semaphore {
    _Atomic uint64_t word;
    _Atomic long long total_acquired;
    _Atomic long long total_queued;
    struct slot_line line;
    struct semaphore_options options; /* as opened; constant */
};

static uint64_t active_of(uint64_t word)
{
    return word & SLOTS_MAX;
}

static uint64_t max_of(uint64_t word)
{
    return word >> MAX_SHIFT & SLOTS_MAX;
}

static uint64_t waiting_of(uint64_t word)
{
    return word >> WAITING_SHIFT;
}

static uint64_t load(const struct global_semaphore *semaphore)
{
    return atomic_load_explicit(&semaphore->word, memory_order_acquire);
}

/* On failure *word is what was found instead. */
static bool replace(struct global_semaphore *semaphore, uint64_t *word, uint64_t with)
{
    return atomic_compare_exchange_weak_explicit(&semaphore->word, word, with, memory_order_acq_rel,
                                                 memory_order_acquire);
}

static void count(_Atomic long long *total, long long by)
{
    atomic_fetch_add_explicit(total, by, memory_order_relaxed);
}

static void leave_word(void *owner)
{
    struct global_semaphore *semaphore = owner;
    atomic_fetch_sub_explicit(&semaphore->word, ONE_WAITING, memory_order_acq_rel);
}

static void decline_slot(void *owner, const struct slot_place *place);

static const struct slot_line_owner line_calls = {.left = leave_word, .declined = decline_slot};

static bool valid_max(long long max_concurrent)
{
    return max_concurrent >= 1 && max_concurrent <= (long long)SLOTS_MAX;
}

static struct global_semaphore *lockfree_open(const struct semaphore_options *options, char *error,
                                              size_t error_size)
{
    if (!valid_max(options->max_concurrent)) {
        snprintf(error, error_size, "max_concurrent must be >= 1 and <= %lld, not %lld",
                 (long long)SLOTS_MAX, options->max_concurrent);
        return NULL;
    }
    struct global_semaphore *semaphore = calloc(1, sizeof *semaphore);
    if (semaphore == NULL || !slot_line_init(&semaphore->line, &line_calls, semaphore)) {
        free(semaphore);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    semaphore->options = *options;
    atomic_init(&semaphore->word, (uint64_t)options->max_concurrent << MAX_SHIFT);
    return semaphore;
}

static void lockfree_close(struct global_semaphore *semaphore)
{
    if (semaphore != NULL) {
        slot_line_destroy(&semaphore->line);
        free(semaphore);
    }
}

static void lockfree_stats(struct global_semaphore *semaphore, struct semaphore_stats *stats)
{
    const uint64_t word = load(semaphore);
    const long long active = (long long)active_of(word);
    const long long max_concurrent = (long long)max_of(word);

    *stats = (struct semaphore_stats){
        .max_concurrent = max_concurrent,
        .active = active,
        .available = max_concurrent - active,
        .total_acquired = atomic_load_explicit(&semaphore->total_acquired, memory_order_relaxed),
        .total_queued = atomic_load_explicit(&semaphore->total_queued, memory_order_relaxed),
        .at_capacity = active >= max_concurrent,
    };
}

static bool logged(struct global_semaphore *semaphore, semaphore_log_line *log_line)
{
    if (semaphore->options.log == NULL) {
        return true;
    }
    const uint64_t word = load(semaphore);
    return log_line(&semaphore->options, (long long)active_of(word), (long long)max_of(word));
}

/* Takes a free slot if there is one. */
static bool take_free(struct global_semaphore *semaphore)
{
    uint64_t word = load(semaphore);
    while (active_of(word) < max_of(word)) {
        if (replace(semaphore, &word, word + ONE_ACTIVE)) {
            count(&semaphore->total_acquired, 1);
            return true;
        }
    }
    return false;
}

/* Under the line's lock: becomes one that waits, unless a slot is free by now. */
static bool announce_waiting(struct global_semaphore *semaphore)
{
    uint64_t word = load(semaphore);
    while (active_of(word) >= max_of(word)) {
        if (replace(semaphore, &word, word + ONE_WAITING)) {
            return true;
        }
    }
    return false;
}

enum arrival { GRANTED, IN_LINE, TURNED_AWAY };

static enum arrival arrive(struct global_semaphore *semaphore, struct slot_place *place,
                           const struct timespec *deadline)
{
    while (!take_free(semaphore)) {
        if (slot_deadline_passed(deadline)) {
            count(&semaphore->total_queued, 1);
            return TURNED_AWAY;
        }
        pthread_mutex_lock(&semaphore->line.lock);
        const bool waits = announce_waiting(semaphore);
        if (waits) {
            slot_line_join(&semaphore->line, place);
        }
        pthread_mutex_unlock(&semaphore->line.lock);
        if (waits) {
            count(&semaphore->total_queued, 1);
            return IN_LINE;
        }
    }
    return GRANTED;
}

/* Hands the slot to the first in line, or, when there is none after all, frees it. */
static void hand_on(struct global_semaphore *semaphore)
{
    struct slot_place *served = NULL;

    pthread_mutex_lock(&semaphore->line.lock);
    uint64_t word = load(semaphore);
    bool done = false;
    while (!done) {
        if (waiting_of(word) > 0 && active_of(word) <= max_of(word)) {
            done = replace(semaphore, &word, word - ONE_WAITING);
            served = done ? slot_line_serve(&semaphore->line) : NULL;
        } else {
            done = replace(semaphore, &word, word - ONE_ACTIVE);
        }
    }
    pthread_mutex_unlock(&semaphore->line.lock);
    if (served != NULL) {
        count(&semaphore->total_acquired, 1);
        slot_place_wake(served);
    }
}

static void return_slot(struct global_semaphore *semaphore)
{
    uint64_t word = load(semaphore);

    assert(active_of(word) > 0); /* no release without an acquire */
    while (waiting_of(word) == 0 || active_of(word) > max_of(word)) {
        if (replace(semaphore, &word, word - ONE_ACTIVE)) {
            return;
        }
    }
    hand_on(semaphore);
}

static void decline_slot(void *owner, const struct slot_place *place)
{
    (void)place;
    return_slot(owner);
}

static void lockfree_release(struct global_semaphore *semaphore)
{
    return_slot(semaphore);
    (void)logged(semaphore, semaphore_log_released);
}

static enum rate_decision lockfree_acquire(struct global_semaphore *semaphore,
                                           const struct timespec *deadline)
{
    struct slot_place place;
    const enum arrival arrival = arrive(semaphore, &place, deadline);

    if (arrival != GRANTED && !logged(semaphore, semaphore_log_queued)) {
        if (arrival == IN_LINE) {
            slot_line_leave(&place);
        }
        return RATE_ERROR;
    }
    if (arrival == TURNED_AWAY || (arrival == IN_LINE && !slot_line_wait(&place, deadline))) {
        return RATE_REFUSED;
    }
    if (!logged(semaphore, semaphore_log_acquired)) {
        lockfree_release(semaphore);
        return RATE_ERROR;
    }
    return RATE_ADMITTED;
}

/* The word after a resize: as many of those who wait as there is room for are granted a slot in the
 * same step, so that none is free while anybody waits. */
static uint64_t resized(uint64_t word, uint64_t max, uint64_t *granted)
{
    const uint64_t active = active_of(word);
    const uint64_t waiting = waiting_of(word);
    const uint64_t room = active < max ? max - active : 0;

    *granted = waiting < room ? waiting : room;
    return (waiting - *granted) << WAITING_SHIFT | max << MAX_SHIFT | (active + *granted);
}

static bool lockfree_resize(struct global_semaphore *semaphore, long long max_concurrent)
{
    uint64_t granted;

    if (!valid_max(max_concurrent)) {
        return false;
    }
    pthread_mutex_lock(&semaphore->line.lock);
    uint64_t word = load(semaphore);
    while (!replace(semaphore, &word, resized(word, (uint64_t)max_concurrent, &granted))) {
    }
    count(&semaphore->total_acquired, (long long)granted);
    while (granted-- > 0) {
        slot_place_wake(slot_line_serve(&semaphore->line));
    }
    pthread_mutex_unlock(&semaphore->line.lock);
    return true;
}

const struct semaphore_variant semaphore_lockfree = {
    .name = "lockfree",
    .open = lockfree_open,
    .close = lockfree_close,
    .acquire = lockfree_acquire,
    .release = lockfree_release,
    .stats = lockfree_stats,
    .resize = lockfree_resize,
};
