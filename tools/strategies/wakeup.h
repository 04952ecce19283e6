// SPDX-License-Identifier: MIT
/*
 * Wakeup trees: what is still to be explored after a step, as a tree of steps (Abdulla, Aronis,
 * Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014; "Source Sets", JACM 2017).
 * A path from the root is the beginning of executions that no explored one is equivalent to.
 *
 * A sequence is taken from an execution: some of its steps, in their order, with the clocks that
 * they had there. A step is a *weak initial* of it when it could come first: it is in it and nothing
 * in it happens before it, or it commutes with all of it.
 *
 * Decisions inside a step (a timeout, a fault, a jump of the clock) make several steps of one. The
 * one at the end of a sequence was never executed there: which decisions it will meet is open, and
 * the step that stands for it is the nearest that is known, or none.
 *
 * Not thread-safe. Memory is the pool's; trees hold references of the steps in them.
 */
#ifndef TREADLE_STRATEGIES_WAKEUP_H
#define TREADLE_STRATEGIES_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/strategies/order.h"
#include "tools/strategies/step.h"

typedef struct treadle_sequence_item {
    const treadle_clock *clock;
    treadle_executed *step; /* borrowed; NULL = not known (only at the end) */
    int16_t index;          /* within its thread */
    uint8_t thread;
    bool open; /* its decisions are not known */
} treadle_sequence_item;

typedef struct treadle_sequence {
    uint32_t count;
    uint16_t first_index[TREADLE_ORDER_THREADS_MAX]; /* of each thread's first item */
    uint16_t first_item[TREADLE_ORDER_THREADS_MAX];  /* TREADLE_NO_STEP = it has none */
    treadle_sequence_item items[TREADLE_ORDER_STEPS_MAX];
} treadle_sequence;

void treadle_sequence_clear(treadle_sequence *self);
void treadle_sequence_add(treadle_sequence *self, treadle_sequence_item item);

/* Whether the thread's first item in the sequence could come first. */
bool treadle_sequence_initial(const treadle_sequence *self, uint32_t thread);

/* Whether a step commutes with all items. */
bool treadle_sequence_commutes(const treadle_sequence *self, const treadle_executed *step);

typedef struct treadle_wakeup {
    struct treadle_wakeup *child; /* the first; in the order in which they are to be explored */
    struct treadle_wakeup *sibling;
    treadle_executed *step; /* NULL = not known */
    uint8_t thread;
    bool open; /* all its decisions are to be explored */
} treadle_wakeup;

typedef struct treadle_wakeup_pool treadle_wakeup_pool;

/* The pool of the steps is borrowed. NULL when out of memory. */
treadle_wakeup_pool *treadle_wakeup_pool_create(treadle_step_pool *steps);
void treadle_wakeup_pool_destroy(treadle_wakeup_pool *pool);
uint64_t treadle_wakeup_pool_used(const treadle_wakeup_pool *pool); /* nodes in trees */

typedef enum treadle_inserted {
    TREADLE_INSERTED,
    TREADLE_COVERED, /* by what the tree holds already */
    TREADLE_INSERT_FAILED,
} treadle_inserted;

/* Adds a sequence to the trees that begin with the children given, unless one of their paths covers
 * it. Uses up the sequence. */
treadle_inserted treadle_wakeup_insert(treadle_wakeup_pool *pool, treadle_wakeup **children,
                                       treadle_sequence *sequence);

/* Takes the first child off: its own children take the place of `*below`, the rest is the caller's
 * to free with treadle_wakeup_drop(). */
treadle_wakeup *treadle_wakeup_pop(treadle_wakeup **children);

/* Frees a node and all below it; not its siblings. */
void treadle_wakeup_drop(treadle_wakeup_pool *pool, treadle_wakeup *node);

/* Frees a list of siblings and all below them. */
void treadle_wakeup_drop_all(treadle_wakeup_pool *pool, treadle_wakeup **children);

#endif
