// SPDX-License-Identifier: MIT
/*
 * What a thread is about to do: its announced operation, with what it acts on. Strategies look
 * at it inside `choose`, `forced` and `step`; nobody else may.
 *
 * Plain values; nothing to own.
 */
#ifndef TREADLE_ENGINE_PENDING_H
#define TREADLE_ENGINE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/engine/op.h"

/* What the address of an operation is an address in. Operations in different spaces are
 * independent. */
typedef enum treadle_space {
    TREADLE_SPACE_NONE,   /* touches nothing that others touch: a fence, a yield, a start */
    TREADLE_SPACE_MEMORY, /* `size` bytes of memory */
    TREADLE_SPACE_OBJECT, /* a mutex, a semaphore, …: one object, whatever its size */
    TREADLE_SPACE_THREAD, /* the number of a thread: create, join, cancel */
    TREADLE_SPACE_CLOCK,  /* virtual time */
    TREADLE_SPACE_REDIS,  /* the server's keys; the address tells connections apart, not keys */
} treadle_space;

typedef struct treadle_pending_op {
    treadle_op_kind kind; /* NONE: the thread has ended, or waits for the scenario's threads */
    treadle_space space;
    bool writes;  /* may change what it acts on */
    uint8_t size; /* SPACE_MEMORY: bytes, at most 255 */
    uintptr_t address;
} treadle_pending_op;

/* The pending operation of a thread below treadle_thread_count(). A signalled waiter of a condition
 * variable waits for its mutex: that is its object then. */
treadle_pending_op treadle_pending(uint32_t thread);

/* The threads that treadle_run_threads() has started, the last time; bit i = thread i. */
uint64_t treadle_scenario_threads(void);

/* Whether it may change what other threads see: not what lies on the thread's own stack or in a
 * block that it allocated, which others rarely know of. */
bool treadle_changes_others(uint32_t thread);

/* Whether a thread can run without anything else that happens first: not one that would have to
 * time out, or sleeps. To switch away from it is a preemption. Of the thread that ran last. */
bool treadle_goes_on(uint32_t thread);

/* Threads created so far in this execution, main included: also the number of the next one. */
uint32_t treadle_thread_count(void);

/* Whether the order of two operations can matter: both act on the same thing, and one changes it.
 * Redis commands all conflict, since the engine does not know their keys; operations on threads
 * conflict with nothing. */
static inline bool treadle_conflict(const treadle_pending_op *a, const treadle_pending_op *b)
{
    if (a->space != b->space || !(a->writes || b->writes)) {
        return false;
    }
    switch (a->space) {
    case TREADLE_SPACE_MEMORY:
        return a->address < b->address + b->size && b->address < a->address + a->size;
    case TREADLE_SPACE_OBJECT: return a->address == b->address;
    case TREADLE_SPACE_CLOCK:
    case TREADLE_SPACE_REDIS: return true;
    case TREADLE_SPACE_NONE:
    case TREADLE_SPACE_THREAD: return false;
    }
    return false;
}

#endif
