// SPDX-License-Identifier: MIT

/*
 * The variant that we stand behind: slots, counters and the line of waiters are one state under
 * one lock.
 *
 * Policies:
 *  - First come, first served: a slot that comes back while somebody waits goes to the first in
 *    line and is never free, so nobody can overtake.
 *  - A request counts as queued if and only if it found no slot, decided where it is decided that
 *    it has to wait. A waiter that gives up stays counted.
 *  - A slot counts as acquired when it is granted; a waiter that is cancelled at that very moment
 *    returns it at once.
 *  - A log call that fails fails the request: whatever was taken is returned.
 *  - Shrinking takes no slot away: nobody is served until enough have come back.
 *  - A release without an acquire is a fault of the caller, and is asserted.
 *
 * The lock is the line's. Nothing under it blocks or is a cancellation point; log lines are
 * written without it.
 */

#include "semaphore.h"
#include "semaphore_log.h"
#include "slot_line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct global_semaphore {
    struct semaphore_options options; /* as opened; constant */
    struct slot_line line;            /* its lock guards what follows, too */
    long long max_concurrent;
    long long active; /* >= max_concurrent while anybody waits */
    long long total_acquired;
    long long total_queued;
};

static void decline_slot(void *owner, const struct slot_place *place);

static const struct slot_line_owner line_calls = {.declined = decline_slot};

static struct global_semaphore *fixed_open(const struct semaphore_options *options, char *error,
                                           size_t error_size)
{
    if (options->max_concurrent < 1) {
        snprintf(error, error_size, "max_concurrent must be >= 1, not %lld",
                 options->max_concurrent);
        return NULL;
    }
    struct global_semaphore *semaphore = calloc(1, sizeof *semaphore);
    if (semaphore == NULL || !slot_line_init(&semaphore->line, &line_calls, semaphore)) {
        free(semaphore);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    semaphore->options = *options;
    semaphore->max_concurrent = options->max_concurrent;
    return semaphore;
}

static void fixed_close(struct global_semaphore *semaphore)
{
    if (semaphore != NULL) {
        slot_line_destroy(&semaphore->line);
        free(semaphore);
    }
}

static void fixed_stats(struct global_semaphore *semaphore, struct semaphore_stats *stats)
{
    pthread_mutex_lock(&semaphore->line.lock);
    *stats = (struct semaphore_stats){
        .max_concurrent = semaphore->max_concurrent,
        .active = semaphore->active,
        .available = semaphore->max_concurrent - semaphore->active,
        .total_acquired = semaphore->total_acquired,
        .total_queued = semaphore->total_queued,
        .at_capacity = semaphore->active >= semaphore->max_concurrent,
    };
    pthread_mutex_unlock(&semaphore->line.lock);
}

static bool logged(struct global_semaphore *semaphore, semaphore_log_line *log_line)
{
    struct semaphore_stats stats;
    if (semaphore->options.log == NULL) {
        return true;
    }
    fixed_stats(semaphore, &stats);
    return log_line(&semaphore->options, stats.active, stats.max_concurrent);
}

/* The lock is held by the callers of the next two functions. */

static bool grant(struct global_semaphore *semaphore)
{
    if (semaphore->active >= semaphore->max_concurrent) {
        return false;
    }
    semaphore->active++;
    semaphore->total_acquired++;
    return true;
}

/* Hands the slots that are free to those who wait, and wakes them. Waking does not block; were it
 * left until the lock is free, the places would have to be listed. */
static void serve_line(struct global_semaphore *semaphore)
{
    while (semaphore->line.first != NULL && grant(semaphore)) {
        slot_place_wake(slot_line_serve(&semaphore->line));
    }
}

static void return_slot(struct global_semaphore *semaphore)
{
    pthread_mutex_lock(&semaphore->line.lock);
    assert(semaphore->active > 0); /* no release without an acquire */
    semaphore->active--;
    serve_line(semaphore);
    pthread_mutex_unlock(&semaphore->line.lock);
}

static void decline_slot(void *owner, const struct slot_place *place)
{
    (void)place;
    return_slot(owner);
}

static void fixed_release(struct global_semaphore *semaphore)
{
    return_slot(semaphore);
    (void)logged(semaphore, semaphore_log_released);
}

enum arrival { GRANTED, IN_LINE, TURNED_AWAY };

/* The one step that decides: a slot, a place in line, or, when the deadline has passed, neither. */
static enum arrival arrive(struct global_semaphore *semaphore, struct slot_place *place,
                           const struct timespec *deadline)
{
    enum arrival arrival = GRANTED;

    pthread_mutex_lock(&semaphore->line.lock);
    if (!grant(semaphore)) {
        semaphore->total_queued++;
        arrival = slot_deadline_passed(deadline) ? TURNED_AWAY : IN_LINE;
    }
    if (arrival == IN_LINE) {
        slot_line_join(&semaphore->line, place);
    }
    pthread_mutex_unlock(&semaphore->line.lock);
    return arrival;
}

static enum rate_decision fixed_acquire(struct global_semaphore *semaphore,
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
        fixed_release(semaphore);
        return RATE_ERROR;
    }
    return RATE_ADMITTED;
}

static bool fixed_resize(struct global_semaphore *semaphore, long long max_concurrent)
{
    if (max_concurrent < 1) {
        return false;
    }
    pthread_mutex_lock(&semaphore->line.lock);
    semaphore->max_concurrent = max_concurrent;
    serve_line(semaphore);
    pthread_mutex_unlock(&semaphore->line.lock);
    return true;
}

const struct semaphore_variant semaphore_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .acquire = fixed_acquire,
    .release = fixed_release,
    .stats = fixed_stats,
    .resize = fixed_resize,
};
