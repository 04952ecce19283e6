// SPDX-License-Identifier: MIT
/*
 * A strategy: who writes the decision stream. Three functions, and some that it may leave out.
 *
 * For every execution the engine calls `begin`, then `choose` for each decision that has more than
 * one option, then `end`. Everything nondeterministic is such a decision, and nothing else is.
 *
 * Contract:
 *  1. `choose` returns a value below choice->count, depends only on the strategy's own state and
 *     on what the engine shows it, allocates nothing and makes no system call.
 *  2. `begin` returns false when nothing is left to explore; no execution follows.
 *  3. Option 0 is always the quiet one: the current thread goes on, the first waiter wakes, no
 *     fault strikes, the clock stays. A stream of zeros is a run with fewest context switches.
 *  4. `end` is called once for every `begin` that returned true, unless the process died.
 */
#ifndef TREADLE_ENGINE_STRATEGY_H
#define TREADLE_ENGINE_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/engine/evidence.h"
#include "tools/engine/outcome.h"

typedef enum treadle_choice_kind {
    TREADLE_CHOICE_THREAD,   /* which thread's pending operation runs */
    TREADLE_CHOICE_WAITER,   /* which waiter a signal wakes */
    TREADLE_CHOICE_CAS_FAIL, /* whether a weak compare-and-swap fails spuriously */
    TREADLE_CHOICE_CLOCK,    /* how far the clock jumps at this reading */
    TREADLE_CHOICE_RANDOM,   /* which value a random number generator gives */
    TREADLE_CHOICE_FAULT,    /* which fault strikes this Redis flush */
    TREADLE_CHOICE_SPURIOUS, /* whether a timed wait ends for no reason, and not by its timeout */
} treadle_choice_kind;

typedef struct treadle_choice {
    treadle_choice_kind kind;
    uint32_t count;   /* options, at least 2 */
    uint32_t current; /* CHOICE_THREAD: the thread that ran last */
    uint64_t enabled; /* CHOICE_THREAD: the threads that can run, bit i = thread i */
    uint32_t step;    /* operations that ran so far in this execution */
} treadle_choice;

/* For strategies that follow every step: one is asked for the next thread before each step, also
 * where only one can run. What the step before it touched is in *footprint (observe.h).
 */
typedef struct treadle_step {
    uint32_t current;   /* the thread that ran last */
    uint64_t enabled;   /* threads that can run; never 0 */
    uint32_t decisions; /* made so far */
    bool stuck;         /* nobody could go on, and those that spin or poll try once more */
    const struct treadle_footprint *footprint;
} treadle_step;

/* How an execution begins when it repeats the one before it for a while: the engine does these
 * steps without asking, and without collecting footprints. */
typedef struct treadle_plan_run {
    uint32_t thread;
    uint32_t steps; /* at least 1 */
} treadle_plan_run;

typedef struct treadle_plan {
    const treadle_plan_run *runs;
    uint32_t run_count;
    const uint16_t *values; /* the decisions in these steps that are no thread choice */
    uint32_t value_count;
    uint32_t decisions; /* all decisions of these steps; the previous execution's are kept */
} treadle_plan;

typedef struct treadle_strategy_options {
    uint64_t seed;
    uint32_t pct_depth;     /* 0 = 3 */
    uint32_t length_hint;   /* pct: expected steps of an execution, 0 = learn it */
    const uint16_t *replay; /* replay: the decisions; in-order: the threads; borrowed for the
                               strategy's life */
    uint32_t replay_count;
    bool replay_strict;   /* replay: a decision that does not fit ends the execution as DIVERGED */
    bool symmetric;       /* dpor: the threads of treadle_run_threads() are interchangeable */
    uint32_t bound_limit; /* bounded: the greatest bound plus one, 0 = none */
} treadle_strategy_options;

/* How a part of what is left to explore is explored by another instance, in this process or in one
 * that was forked from it or from the same one: together they execute what one alone would have.
 *
 * The lender describes the part in bytes and goes on with the rest. Where the part's turn comes, an
 * execution leads there and ends; then the loan is due, and settled with what the borrower gave
 * back when its begin() was false. A loan that never falls due was not needed. */
typedef struct treadle_lending {
    /* Between executions: lends a part of what is left, under a number that is not 0 and belongs to
     * no other loan; with `all` also the last one. Its description in `size` bytes, which are the
     * lender's and stay until the next call; NULL when there is nothing to lend, or it takes more
     * than `size_max`. */
    const void *(*lend)(void *self, uint16_t loan, bool all, size_t size_max, size_t *size);
    /* An instance that was just created, or has given back what it had, explores such a part only.
     * False when out of memory. */
    bool (*borrow)(void *self, const void *bytes, size_t size);
    /* After its begin() was false: what it found for its lender, which stays its own. NULL when out
     * of memory. Once. */
    const void *(*give_back)(void *self, size_t *size);
    /* After end(): the loan that is due; 0 = none. The execution was for that only and does not
     * count, however it ended: the borrower has counted it. */
    uint16_t (*due)(const void *self);
    void (*settle)(void *self, const void *bytes, size_t size);
} treadle_lending;

typedef struct treadle_strategy {
    const char *name;
    const char *summary;
    bool exhaustive; /* ends by itself, and then has explored the whole space (see `bound`) */
    bool reduces; /* … by one execution for all that differ in the order of independent steps */
    /* NULL when out of memory. */
    void *(*create)(const treadle_strategy_options *options);
    void (*destroy)(void *self);
    bool (*begin)(void *self, uint64_t execution);
    uint32_t (*choose)(void *self, const treadle_choice *choice);
    void (*end)(void *self, const treadle_outcome *outcome);

    /* What follows may be left out. */

    uint32_t learning; /* the first so many executions are drawn differently from the others */
    /* In place of `choose`, when `thread` is the only one that can run. */
    void (*forced)(void *self, uint32_t thread);
    /* Between executions: the share of the space that has been explored, 0 … 1. */
    double (*progress)(const void *self);
    /* Between executions: whether the last one had been run before. */
    bool (*repeated)(const void *self);
    /* Between executions: within which bound everything has been explored. A strategy that has this
     * has explored the whole space when it says so, not when it ends. */
    void (*bound)(const void *self, treadle_bound *out);
    /* Between executions; 0 `executions` or `paths` when there is nothing to say. */
    void (*guarantee)(const void *self, treadle_guarantee *out);
    void (*estimate)(const void *self, treadle_estimate *out);
    /* Both or neither; NULL for strategies that only choose. With them `choose` is asked for the
     * other decisions only. */
    void (*plan)(void *self, treadle_plan *plan);
    uint32_t (*step)(void *self, const treadle_step *step); /* returns the thread */
    const treadle_lending *lending;                         /* NULL: one instance explores alone */
} treadle_strategy;

/* CHOICE_THREAD: the thread that an option stands for. Option 0 is the current thread when it is
 * enabled; the others follow in the order of their numbers. */
static inline uint32_t treadle_option_thread(uint64_t enabled, uint32_t current, uint32_t option)
{
    const uint64_t own = enabled & (UINT64_C(1) << current);
    if (own) {
        if (option == 0) {
            return current;
        }
        option--;
        enabled ^= own;
    }
    while (option--) {
        enabled &= enabled - 1;
    }
    return (uint32_t)__builtin_ctzll(enabled);
}

/* CHOICE_THREAD: the option that stands for an enabled thread. */
static inline uint32_t treadle_thread_option(uint64_t enabled, uint32_t current, uint32_t thread)
{
    if (thread == current) {
        return 0;
    }
    const uint64_t own = enabled & (UINT64_C(1) << current);
    const uint64_t below = (enabled ^ own) & ((UINT64_C(1) << thread) - 1);
    return (uint32_t)__builtin_popcountll(below) + (own != 0);
}

#endif
