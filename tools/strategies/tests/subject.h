// SPDX-License-Identifier: MIT
/* Small programs whose schedules can be counted by hand. Their only accesses are the atomic ones
 * that are named; `ran` is the test's. */
#ifndef TREADLE_STRATEGIES_TESTS_SUBJECT_H
#define TREADLE_STRATEGIES_TESTS_SUBJECT_H

#include <stdint.h>

/* Not instrumented: what happened, in order. */
void ran(uint32_t what);
/* Likewise: a decision between two options that is no choice of a thread. */
uint32_t another_decision(void);

/* Visible here, or clang leaves out what nobody reads. */
extern _Atomic int x, y, own[3];

/* On the main fiber, before any of them. */
void prepare(void);

typedef void subject(void *, uint32_t index);

subject one_each;          /* each: x */
subject three_each;        /* each: x x x */
subject step_then_race;    /* 0: y x; 1: x */
subject two_against_one;   /* 0: x x; 1: x */
subject reads_against_one; /* 0: reads x twice; 1: reads it */
subject locks_against_one; /* 0: locks twice; 1: once */
subject forced_between;    /* 0: y, waits, x; 1: z, posts, x */
subject uneven;            /* 0: x x; 1: x x x x; both with steps of their own in between */
subject creator;           /* 0: creates a thread that does x, then x; 1: x */
subject alone_at_first;    /* x x, creates a thread that does x x x, then x */
subject held_back;         /* 0: x x; 1: x x; 2: x */
subject decides;           /* each: x, with another decision */
subject naps;              /* each: x, sleeps, x */
subject waits_briefly;     /* 0: waits for a post or a timeout, x; 1: x, posts, x */

#endif
