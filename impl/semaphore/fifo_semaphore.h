// SPDX-License-Identifier: MIT
#ifndef FIFO_SEMAPHORE_H
#define FIFO_SEMAPHORE_H

/*
 * What asyncio.Semaphore is to the original: a counting semaphore that serves its waiters in order
 * and hands a released slot to the first of them. It is sound, under threads too; what `naive` and
 * `proposed` do beside it is not.
 */

#include "slot_line.h"

struct fifo_semaphore {
    struct slot_line line;
    long long value; /* slots left, guarded by the line's lock; below 0 after it was shrunk */
};

/* False when memory is out. */
bool fifo_semaphore_init(struct fifo_semaphore *semaphore, long long value);

/* Nobody may be waiting. */
void fifo_semaphore_destroy(struct fifo_semaphore *semaphore);

/* Whether a wait would block now; it promises nothing. */
bool fifo_semaphore_locked(struct fifo_semaphore *semaphore);

/* Takes a slot; false when the deadline (NULL = none) passes first. A cancellation point if it has
 * to wait. */
bool fifo_semaphore_wait(struct fifo_semaphore *semaphore, const struct timespec *deadline);

void fifo_semaphore_post(struct fifo_semaphore *semaphore);

/* Adds `slots`, which may be negative. */
void fifo_semaphore_grow(struct fifo_semaphore *semaphore, long long slots);

#endif
