// SPDX-License-Identifier: MIT
#ifndef SLOT_LINE_H
#define SLOT_LINE_H

/*
 * A line of threads that wait for a slot: first come, first served, with deadlines and
 * cancellation. It knows who waits, not how many slots there are: that is its owner's.
 *
 * A thread takes a place, waits in it, and is served by another thread, which hands it a slot:
 * whoever is served owns one, whether it has woken yet or not. So nobody can slip in between.
 *
 * Rules:
 *  1. `lock` is the owner's too: it guards the line and what must change together with it.
 *     Functions marked (locked) are called with it held, all others without.
 *  2. A place is a variable of the waiting thread. From slot_line_join() on, that thread calls
 *     nothing that is a cancellation point until slot_line_wait() or slot_line_leave().
 *  3. Each place that was served is woken, once, by slot_place_wake(), with or without the lock
 * held. After that the place may be gone.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

struct slot_place {
    struct slot_line *line;
    struct slot_place *previous;
    struct slot_place *next;
    sem_t woken;
    bool served; /* guarded by the line's lock */
};

struct slot_line_owner {
    /* (locked) A thread has left unserved. NULL = nothing to do. */
    void (*left)(void *owner);
    /* A thread was served, but has been cancelled: its slot is to be returned. The place tells
     * whose it was, and nothing more. */
    void (*declined)(void *owner, const struct slot_place *place);
};

struct slot_line {
    pthread_mutex_t lock;
    struct slot_place *first;
    struct slot_place *last;
    const struct slot_line_owner *calls;
    void *owner;
};

/* False when memory is out. Both pointers are borrowed. */
bool slot_line_init(struct slot_line *line, const struct slot_line_owner *calls, void *owner);

/* Nobody may be waiting. */
void slot_line_destroy(struct slot_line *line);

/* (locked) Goes to the end of the line. */
void slot_line_join(struct slot_line *line, struct slot_place *place);

/* Waits until served, then true; false when the deadline (NULL = none) passed first. A cancellation
 * point. In all cases the place is done with. */
bool slot_line_wait(struct slot_place *place, const struct timespec *deadline);

/* Leaves instead of waiting; a slot that was handed over meanwhile is declined. */
void slot_line_leave(struct slot_place *place);

/* (locked) Takes the first thread out of the line and makes it the owner of a slot. NULL when
 * nobody waits. */
struct slot_place *slot_line_serve(struct slot_line *line);

/* Wakes a thread that was served. Never blocks. NULL is allowed. */
void slot_place_wake(struct slot_place *place);

/* Whether the deadline (NULL = none) has passed. */
bool slot_deadline_passed(const struct timespec *deadline);

#endif
