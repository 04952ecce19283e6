// SPDX-License-Identifier: MIT
#ifndef GLOBAL_SEMAPHORE_H
#define GLOBAL_SEMAPHORE_H

/*
 * The global semaphore: at most `max_concurrent` requests at once, whatever their provider, with
 * statistics.
 *
 * Ownership and threads:
 *  1. One semaphore serves many threads; how well is what the variants differ in. `open` and
 *     `close` belong to one thread, before the first and after the last use by any other.
 *  2. A slot that was acquired is released exactly once, by any thread.
 *  3. Deadlines are absolute times of CLOCK_MONOTONIC; NULL means to wait for as long as it takes.
 *     A deadline that has passed already means not to wait: a free slot is taken all the same.
 *  4. The log function is called without locks held and with cancellation disabled; it must not
 *     call back into the semaphore. It may fail: `acquire` is then RATE_ERROR, and `release` has
 *     released.
 *
 * What it promises (`fixed`, `lockfree`): never more than max_concurrent slots are granted;
 * `active`, `available` and `max_concurrent` of a snapshot are of one moment, and add up;
 * total_queued counts exactly the requests that found no slot. Waiters are served first come,
 * first served, and no newcomer overtakes them. (In `lockfree` the two totals of a snapshot may
 * lack requests that have not returned yet.)
 */

#include "../rate_limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct semaphore_stats {
    long long max_concurrent;
    long long active;         /* slots out now */
    long long available;      /* slots left */
    long long total_acquired; /* slots granted since opening */
    long long total_queued;   /* requests that found no slot, whether they got one later or not */
    bool at_capacity;         /* active >= max_concurrent */
};

struct semaphore_options {
    long long max_concurrent;                         /* at least 1 */
    bool (*log)(void *log_context, const char *line); /* NULL = none; false = failed */
    void *log_context;
};

struct global_semaphore;

struct semaphore_variant {
    const char *name;

    /* A new semaphore, or NULL with one line in `error`: memory is out or max_concurrent < 1. */
    struct global_semaphore *(*open)(const struct semaphore_options *options, char *error,
                                     size_t error_size);

    /* Frees the semaphore. NULL is allowed. */
    void (*close)(struct global_semaphore *semaphore);

    /* Takes a slot, waiting for one. RATE_REFUSED when the deadline passes first, RATE_ERROR when
     * the log failed; no slot is held then. A cancellation point while it waits; a cancelled wait
     * holds nothing. */
    enum rate_decision (*acquire)(struct global_semaphore *semaphore,
                                  const struct timespec *deadline);

    /* Returns a slot. */
    void (*release)(struct global_semaphore *semaphore);

    void (*stats)(struct global_semaphore *semaphore, struct semaphore_stats *stats);

    /* Changes max_concurrent in use: slots out stay out, so `available` may be negative until
     * enough have come back. False when max_concurrent < 1; nothing is changed then. */
    bool (*resize)(struct global_semaphore *semaphore, long long max_concurrent);
};

extern const struct semaphore_variant semaphore_naive;
extern const struct semaphore_variant semaphore_proposed;
extern const struct semaphore_variant semaphore_fixed;
extern const struct semaphore_variant semaphore_lockfree;

/* Every variant, `naive` first. */
extern const struct semaphore_variant *const semaphore_variants[];
extern const size_t semaphore_variants_count;

/* The variant of that name, or NULL. */
const struct semaphore_variant *semaphore_find(const char *name);

#endif
