// SPDX-License-Identifier: MIT

/*
 * The original: an asyncio semaphore and, beside it, counters without a lock.
 *
 * On one asyncio loop it is correct, because nothing is awaited but the semaphore. Under threads:
 *  - updates of the counters are lost;
 *  - `locked()` and the wait are two steps: a request may wait uncounted, or be counted and not
 *    wait;
 *  - the counters change before or after the semaphore does, so a snapshot may show a slot that
 *    nobody can get.
 *
 * The leak that the analysis claims (a request that fails keeps its count) is not there: the
 * original had its `finally`, around all that follows the slot, the log included.
 *
 * `resize`, which the original lacks, is written in its manner: read the old maximum, write the
 * new one, grow the semaphore by the difference, without a lock.
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
    long long active;
    long long total_acquired;
    long long total_queued;
};

static struct global_semaphore *naive_open(const struct semaphore_options *options, char *error,
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
    semaphore->options = *options;
    semaphore->max_concurrent = options->max_concurrent;
    return semaphore;
}

static void naive_close(struct global_semaphore *semaphore)
{
    if (semaphore != NULL) {
        fifo_semaphore_destroy(&semaphore->slots);
        free(semaphore);
    }
}

static void naive_release(struct global_semaphore *semaphore)
{
    semaphore->active--;
    (void)semaphore_log_released(&semaphore->options, semaphore->active, semaphore->max_concurrent);
    fifo_semaphore_post(&semaphore->slots);
}

static enum rate_decision naive_acquire(struct global_semaphore *semaphore,
                                        const struct timespec *deadline)
{
    if (fifo_semaphore_locked(&semaphore->slots)) {
        semaphore->total_queued++;
        if (!semaphore_log_queued(&semaphore->options, semaphore->active,
                                  semaphore->max_concurrent)) {
            return RATE_ERROR;
        }
    }
    if (!fifo_semaphore_wait(&semaphore->slots, deadline)) {
        return RATE_REFUSED;
    }
    semaphore->active++;
    semaphore->total_acquired++;
    if (!semaphore_log_acquired(&semaphore->options, semaphore->active,
                                semaphore->max_concurrent)) {
        naive_release(semaphore); /* the `finally` */
        return RATE_ERROR;
    }
    return RATE_ADMITTED;
}

static void naive_stats(struct global_semaphore *semaphore, struct semaphore_stats *stats)
{
    *stats = (struct semaphore_stats){
        .max_concurrent = semaphore->max_concurrent,
        .active = semaphore->active,
        .available = semaphore->max_concurrent - semaphore->active,
        .total_acquired = semaphore->total_acquired,
        .total_queued = semaphore->total_queued,
        .at_capacity = semaphore->active >= semaphore->max_concurrent,
    };
}

static bool naive_resize(struct global_semaphore *semaphore, long long max_concurrent)
{
    if (max_concurrent < 1) {
        return false;
    }
    const long long grown_by = max_concurrent - semaphore->max_concurrent;
    semaphore->max_concurrent = max_concurrent;
    fifo_semaphore_grow(&semaphore->slots, grown_by);
    return true;
}

const struct semaphore_variant semaphore_naive = {
    .name = "naive",
    .open = naive_open,
    .close = naive_close,
    .acquire = naive_acquire,
    .release = naive_release,
    .stats = naive_stats,
    .resize = naive_resize,
};
