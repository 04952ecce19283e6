// SPDX-License-Identifier: MIT
/*
 * Wakeup trees: what is still to be explored from a position, as a tree of steps (Abdulla, Aronis,
 * Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014; "Source Sets", JACM
 * 2017). A path from the root is the beginning of executions that no explored one is equivalent to;
 * after its leaf everything is to be explored.
 *
 * A sequence is taken from an execution: some of its steps, in their order. A step is a *weak
 * initial* of it when it could come first: it is in it and commutes with what is before it there,
 * or it commutes with all of it. Decisions inside a step (a timeout, a fault, a jump of the clock)
 * make several steps of one, which exclude each other.
 *
 * The step at the end of a sequence was never executed there: it is *open*. What stands for it is
 * how it went after the step that it is now to come before: the same up to where it touches what
 * that one wrote, and then perhaps not. So what it conflicts with first is known in every case, and
 * what else it will touch or decide is not. A step that was executed in its place is asked instead
 * where there is one; and a leaf keeps the sequences that it seems to cover until it is executed.
 *
 * Not thread-safe. Memory is the pool's; trees hold references of the steps in them.
 */
#ifndef TREADLE_STRATEGIES_WAKEUP_H
#define TREADLE_STRATEGIES_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/strategies/order.h"
#include "tools/strategies/step.h"

/* ---- sequences ------------------------------------------------------------------------------- */

typedef struct treadle_sequence_item {
    treadle_executed *step; /* borrowed; NULL = not known (only of an open one) */
    uint16_t fixed;         /* open: so many of the step's decisions are meant, else all */
    uint8_t thread;
    bool open;
    bool gone; /* taken off */
} treadle_sequence_item;

typedef struct treadle_sequence {
    uint32_t count;
    uint32_t left;                             /* not taken off */
    uint16_t first[TREADLE_ORDER_THREADS_MAX]; /* each thread's first item left; TREADLE_NO_STEP */
    treadle_sequence_item items[TREADLE_ORDER_STEPS_MAX];
} treadle_sequence;

void treadle_sequence_clear(treadle_sequence *self);
static inline void treadle_sequence_add(treadle_sequence *self, treadle_sequence_item item)
{
    if (self->first[item.thread] == TREADLE_NO_STEP) {
        self->first[item.thread] = (uint16_t)self->count;
    }
    self->items[self->count++] = item;
    self->left++;
}

/* Takes off the first item of a thread. */
void treadle_sequence_remove(treadle_sequence *self, uint32_t thread);

/* Whether a step that was executed here is a weak initial. */
bool treadle_sequence_may_begin(const treadle_sequence *self, const treadle_executed *step);

/* ---- trees ----------------------------------------------------------------------------------- */

typedef struct treadle_wakeup {
    struct treadle_wakeup *child; /* the first; of a leaf: what it seems to cover, beside it */
    struct treadle_wakeup *sibling;
    treadle_executed *step; /* these as in a sequence; what is not fixed, takes first options */
    uint16_t fixed;
    uint8_t thread;
    bool open;
    bool leaf;
    uint16_t loan; /* of a leaf: somebody else explores what follows; 0 = nobody */
} treadle_wakeup;

typedef struct treadle_wakeup_pool treadle_wakeup_pool;

/* The pool of the steps is borrowed. NULL when out of memory. */
treadle_wakeup_pool *treadle_wakeup_pool_create(treadle_step_pool *steps);
void treadle_wakeup_pool_destroy(treadle_wakeup_pool *pool);

/* Adds a sequence to the trees that begin with the children given, unless one of their paths covers
 * it. Uses up the sequence. False when out of memory. */
bool treadle_wakeup_insert(treadle_wakeup_pool *pool, treadle_wakeup **children,
                           treadle_sequence *sequence);

/* Whether a node stands for this step, which was executed in its place. */
bool treadle_wakeup_means(const treadle_wakeup *node, const treadle_executed *step);

/* Takes the first child off; it is the caller's to free, with treadle_wakeup_drop(). */
treadle_wakeup *treadle_wakeup_pop(treadle_wakeup **children);

/* Frees a node and all below it; not its siblings. */
void treadle_wakeup_drop(treadle_wakeup_pool *pool, treadle_wakeup *node);

/* Frees a list of siblings and all below them. */
void treadle_wakeup_drop_all(treadle_wakeup_pool *pool, treadle_wakeup **children);

/* The first leaf of the trees that is not lent: the path to it, from a root on; its length, and 0
 * when there is none. The path is the pool's, and valid until the next call. */
uint32_t treadle_wakeup_find(treadle_wakeup_pool *pool, treadle_wakeup *children,
                             treadle_wakeup *const **path);

/* A node as part of a sequence. */
treadle_sequence_item treadle_wakeup_item(const treadle_wakeup *node);

/* Takes the trees apart: `take` gets every sequence in them. False as soon as that is false. */
bool treadle_wakeup_take_apart(treadle_wakeup_pool *pool, treadle_wakeup **children,
                               treadle_sequence *sequence, bool (*take)(void *context),
                               void *context);

#endif
