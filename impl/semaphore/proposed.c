// SPDX-License-Identifier: MIT

/*
 * The proposal: the same asyncio semaphore, and the counters under a lock of their own
 * (`SemaphoreStats`). No update is lost any more.
 *
 * Kept as written:
 *  - `locked()` and the wait are still two steps: under threads a request may wait uncounted, or
 *    be counted and not wait;
 *  - the counters go up before the `try` whose `finally` takes them down, and a log call stands
 *    between: when it fails, the slot comes back, the count does not, for ever;
 *  - counters and semaphore change one after the other, so a snapshot under the counters' lock may
 *    still show a slot that nobody can get;
 *  - the log lines read the counter without the lock.
 *
 * `resize`, which the proposal lacks, is written in its manner: the maximum changes under the lock
 * of the counters, then the semaphore grows by the difference.
 */

#include "fifo_semaphore.h"
#include "semaphore.h"
#include "semaphore_log.h"

#include <stdio.h>
#include <stdlib.h>

struct global_semaphore {
    struct semaphore_options options; /* as opened; the maximum of now is the next field */
    long long max_concurrent;
    struct fifo_semaphore slots;
    pthread_mutex_t stats_lock; /* guards what follows; written under it, max_concurrent too */
    long long active;
    long long total_acquired;
    long long total_queued;
};

static struct global_semaphore *proposed_open(const struct semaphore_options *options, char *error,
                                              size_t error_size)
{
    if (options->max_concurrent < 1) {
        snprintf(error, error_size, "max_concurrent must be >= 1, not %lld",
                 options->max_concurrent);
        return NULL;
    }
    struct global_semaphore *semaphore = calloc(1, sizeof *semaphore);
    if (semaphore == NULL || !fifo_semaphore_init(&semaphore->slots, options->max_concurrent)) {
        free(semaphore);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&semaphore->stats_lock, NULL); /* cannot fail: without attributes */
    semaphore->options = *options;
    semaphore->max_concurrent = options->max_concurrent;
    return semaphore;
}

static void proposed_close(struct global_semaphore *semaphore)
{
    if (semaphore != NULL) {
        fifo_semaphore_destroy(&semaphore->slots);
        pthread_mutex_destroy(&semaphore->stats_lock);
        free(semaphore);
    }
}

static enum rate_decision proposed_acquire(struct global_semaphore *semaphore,
                                           const struct timespec *deadline)
{
    if (fifo_semaphore_locked(&semaphore->slots)) {
        pthread_mutex_lock(&semaphore->stats_lock);
        semaphore->total_queued++;
        pthread_mutex_unlock(&semaphore->stats_lock);
        if (!semaphore_log_queued(&semaphore->options, semaphore->active,
                                  semaphore->max_concurrent)) {
            return RATE_ERROR;
        }
    }
    if (!fifo_semaphore_wait(&semaphore->slots, deadline)) {
        return RATE_REFUSED;
    }
    pthread_mutex_lock(&semaphore->stats_lock);
    semaphore->active++;
    semaphore->total_acquired++;
    pthread_mutex_unlock(&semaphore->stats_lock);
    if (!semaphore_log_acquired(&semaphore->options, semaphore->active,
                                semaphore->max_concurrent)) {
        /* Outside the `try`: only `async with` cleans up. */
        fifo_semaphore_post(&semaphore->slots);
        return RATE_ERROR;
    }
    return RATE_ADMITTED;
}

static void proposed_release(struct global_semaphore *semaphore)
{
    pthread_mutex_lock(&semaphore->stats_lock);
    semaphore->active--;
    pthread_mutex_unlock(&semaphore->stats_lock);
    (void)semaphore_log_released(&semaphore->options, semaphore->active, semaphore->max_concurrent);
    fifo_semaphore_post(&semaphore->slots);
}

static void proposed_stats(struct global_semaphore *semaphore, struct semaphore_stats *stats)
{
    pthread_mutex_lock(&semaphore->stats_lock);
    *stats = (struct semaphore_stats){
        .max_concurrent = semaphore->max_concurrent,
        .active = semaphore->active,
        .available = semaphore->max_concurrent - semaphore->active,
        .total_acquired = semaphore->total_acquired,
        .total_queued = semaphore->total_queued,
        .at_capacity = semaphore->active >= semaphore->max_concurrent,
    };
    pthread_mutex_unlock(&semaphore->stats_lock);
}

static bool proposed_resize(struct global_semaphore *semaphore, long long max_concurrent)
{
    if (max_concurrent < 1) {
        return false;
    }
    pthread_mutex_lock(&semaphore->stats_lock);
    const long long grown_by = max_concurrent - semaphore->max_concurrent;
    semaphore->max_concurrent = max_concurrent;
    pthread_mutex_unlock(&semaphore->stats_lock);
    fifo_semaphore_grow(&semaphore->slots, grown_by);
    return true;
}

const struct semaphore_variant semaphore_proposed = {
    .name = "proposed",
    .open = proposed_open,
    .close = proposed_close,
    .acquire = proposed_acquire,
    .release = proposed_release,
    .stats = proposed_stats,
    .resize = proposed_resize,
};
