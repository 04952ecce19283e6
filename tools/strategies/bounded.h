// SPDX-License-Identifier: MIT
/*
 * Depth-first search over every decision, within a bound on what the choices of threads cost,
 * iterated: all executions that cost nothing, then those that cost 1, 2, … (iterative context
 * bounding: Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of
 * Multithreaded Programs", PLDI 2007). What costs how much is the strategy's: `preemptions` and
 * `delays`. Decisions that are no choice of a thread cost nothing.
 *
 * A bound runs the executions of the smaller ones again, for they are the way to its own; those
 * are told as repeated. The state is the current path.
 */
#ifndef TREADLE_STRATEGIES_BOUNDED_H
#define TREADLE_STRATEGIES_BOUNDED_H

#include "tools/engine/strategy.h"

/* What the options of a choice of threads cost, when the cheapest comes first. */
typedef enum treadle_price {
    TREADLE_PRICE_NONE, /* nothing */
    TREADLE_PRICE_ONE,  /* the first nothing, every other 1 */
    TREADLE_PRICE_RANK, /* the first nothing, the next 1, the next 2, … */
} treadle_price;

/* The option that comes at `rank`, and how they are priced. */
typedef uint32_t treadle_ranking(const treadle_choice *choice, uint32_t rank, treadle_price *price);

/* Members of a strategy. `what` is what the bound is on, in the plural. NULL when out of memory. */
void *treadle_bounded_create(const treadle_strategy_options *options, const char *what,
                             treadle_ranking *ranking);
bool treadle_bounded_begin(void *self, uint64_t execution);
uint32_t treadle_bounded_choose(void *self, const treadle_choice *choice);
void treadle_bounded_end(void *self, const treadle_outcome *outcome);
bool treadle_bounded_repeated(const void *self);
void treadle_bounded_bound(const void *self, treadle_bound *out);

#endif
