// SPDX-License-Identifier: MIT
/*
 * The happens-before order of an execution, step by step (a Mazurkiewicz trace), and its races: the
 * pairs of steps that happened one right after the other as far as this order goes, and could have
 * happened the other way round.
 *
 * A step happens before a later one when it belongs to the same thread, touches a common byte that
 * one of them writes, or lets the other's thread go on, or when one of them commutes with nothing
 * (step.h); and so on transitively. Steps are numbered
 * from 0. Vector clocks count the steps of each thread that happen before a step or are that step.
 *
 * The order can be cut back to any earlier length: every change is logged and undone, so that the
 * common beginning of two executions is worked out once.
 *
 * An acquisition that had to wait (a lock that was held) is not in a race with what let it go on,
 * the unlock, but with the last step before which it could have gone on, the lock (after Abdulla,
 * Aronis, Jonsson, Sagonas, "Source Sets: A Foundation for Optimal Dynamic Partial Order
 * Reduction", 2017, section 9).
 *
 * Limits: TREADLE_ORDER_THREADS_MAX threads and TREADLE_ORDER_STEPS_MAX steps an execution. Not
 * thread-safe. Allocates while it grows and not afterwards.
 */
#ifndef TREADLE_STRATEGIES_ORDER_H
#define TREADLE_STRATEGIES_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/strategies/step.h"

#define TREADLE_ORDER_THREADS_MAX 16u
#define TREADLE_ORDER_STEPS_MAX 30000u
#define TREADLE_NO_STEP 0xffffu

/* Several threads' at once, for the compiler's vector operations: as many as every processor has.
 */
typedef int16_t treadle_lanes __attribute__((vector_size(16)));

typedef union treadle_clock {
    int16_t of[TREADLE_ORDER_THREADS_MAX];
    treadle_lanes lanes[TREADLE_ORDER_THREADS_MAX / 8];
} treadle_clock;

typedef struct treadle_ordered {
    treadle_clock clock;
    treadle_executed *step; /* one reference of the order's */
    uint32_t undo;          /* length of each log before this step */
    uint32_t races;
    int16_t index;     /* 1, 2, … within its thread */
    uint16_t previous; /* of its thread; TREADLE_NO_STEP */
    uint8_t thread;
} treadle_ordered;

/* `first` and `second` are numbers of steps; a pending second step has not happened. */
typedef struct treadle_race {
    uint16_t first;
    uint16_t second;
} treadle_race;

typedef struct treadle_order treadle_order;

/* The pool is borrowed. NULL when out of memory. */
treadle_order *treadle_order_create(treadle_step_pool *pool);
void treadle_order_destroy(treadle_order *order);

uint32_t treadle_order_length(const treadle_order *order);
const treadle_ordered *treadle_order_step(const treadle_order *order, uint32_t number);

/* Adds a step, whose reference it takes over; `gate` is what its thread waited for before it, and
 * `released` the threads that it lets go on. False when a limit is exceeded or memory is out. */
bool treadle_order_append(treadle_order *order, treadle_executed *step, treadle_gate gate,
                          uint64_t released);

/* The step to be added next never comes before this one. */
void treadle_order_keep(treadle_order *order, uint32_t before);

/* Everything so far happens before what any thread does next. */
void treadle_order_join_all(treadle_order *order);

/* Undoes all but the first `length` steps. */
void treadle_order_cut(treadle_order *order, uint32_t length);

/* The races whose second step is among the steps so far, in the order of their second steps. */
uint32_t treadle_order_races(const treadle_order *order, const treadle_race **races);

/* The race of a thread that waits behind `gate` and has not been let go: the number of the step
 * before which it could have gone on. False when there is none. */
bool treadle_order_blocked(const treadle_order *order, uint32_t thread, treadle_gate gate,
                           uint32_t *first);

/* What happens before the next step of a thread, as far as is known before it was taken. */
treadle_clock treadle_order_clock(const treadle_order *order, uint32_t thread);

static inline bool treadle_happens_before(const treadle_ordered *first, const treadle_clock *clock)
{
    return clock->of[first->thread] >= first->index;
}

/* A number for the whole order: equal for equivalent executions, whatever addresses they use. */
uint64_t treadle_order_hash(const treadle_order *order);

#endif
