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
 * Decisions inside a step (a timeout, a fault, a jump of the clock) make several steps of one, which
 * exclude each other.
 *
 * The step at the end of a sequence was never executed there: it is *open*. What stands for it is
 * how it went after the step that it is now to come before: the same up to where it touches what
 * that one wrote, and then perhaps not. So what it conflicts with first is known in every case, and
 * what else it will touch or decide is not: a step that was executed in its place is asked instead
 * where there is one, and a tree keeps what its leaves seem to cover until they are executed.
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
    bool open;       /* only the first `fixed` of its decisions are meant */
    uint16_t fixed;  /* else all are */
} treadle_sequence_item;

typedef struct treadle_sequence {
    uint32_t count;
    uint32_t left; /* of the items: insertion takes some off */
    uint16_t first_index[TREADLE_ORDER_THREADS_MAX]; /* of each thread's first item */
    uint16_t first_item[TREADLE_ORDER_THREADS_MAX];  /* TREADLE_NO_STEP = it has none */
    treadle_sequence_item items[TREADLE_ORDER_STEPS_MAX];
} treadle_sequence;

void treadle_sequence_clear(treadle_sequence *self);
void treadle_sequence_add(treadle_sequence *self, treadle_sequence_item item);

/* Whether the thread's first item in the sequence could come first. */
bool treadle_sequence_initial(const treadle_sequence *self, uint32_t thread);

/* Whether a step commutes with all items of other threads. */
bool treadle_sequence_commutes(const treadle_sequence *self, const treadle_executed *step);

typedef struct treadle_wakeup {
    struct treadle_wakeup *child; /* the first; in the order in which they are to be explored */
    struct treadle_wakeup *sibling;
    treadle_executed *step; /* NULL = not known */
    uint8_t thread;
    bool open;      /* as in a sequence; after the fixed decisions come first options */
    uint16_t fixed;
    bool leaf; /* everything after it is to be explored; below it is what this seems to cover */
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

/* Whether a step that was executed, or the way in which a node begins, is what an item stands for as
 * far as decisions go. */
bool treadle_sequence_means(const treadle_sequence_item *item, const treadle_executed *step);

/* Adds a sequence to the trees that begin with the children given, unless one of their paths covers
 * it. Uses up the sequence. */
treadle_inserted treadle_wakeup_insert(treadle_wakeup_pool *pool, treadle_wakeup **children,
                                       treadle_sequence *sequence);

/* Takes the first child off, for the caller to free with treadle_wakeup_drop(). */
treadle_wakeup *treadle_wakeup_pop(treadle_wakeup **children);

/* Frees a node and all below it; not its siblings. */
void treadle_wakeup_drop(treadle_wakeup_pool *pool, treadle_wakeup *node);

/* Frees a list of siblings and all below them. */
void treadle_wakeup_drop_all(treadle_wakeup_pool *pool, treadle_wakeup **children);

#endif
