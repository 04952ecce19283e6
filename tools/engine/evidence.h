// SPDX-License-Identifier: MIT
/*
 * What a strategy can say of a search that found nothing, beside how long it was. Plain data
 * without pointers: it crosses processes.
 */
#ifndef TREADLE_ENGINE_EVIDENCE_H
#define TREADLE_ENGINE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* "A bug of depth `depth` or less, in an execution of at most `threads` threads and `decisions`
 * decisions between them, would have been missed with probability at most `missed`." */
typedef struct treadle_guarantee {
    uint64_t executions; /* that count for it; 0 = there is no guarantee */
    uint32_t depth;
    uint32_t threads;
    uint32_t decisions;
    bool order_only; /* other decisions were made, too: speaks only of bugs that depend on the order
                        of the threads alone */
    double missed;
} treadle_guarantee;

/* "All interleavings with at most `bounds` - 1 `what`": those were explored. */
typedef struct treadle_bound {
    char what[16];       /* "preemptions" */
    uint32_t bounds;     /* 0, 1, … so many of them were exhausted */
    bool whole;          /* no interleaving has more */
    uint64_t executions; /* within them */
} treadle_bound;

/* How many interleavings there are, estimated from random paths: the mean of the products of the
 * branching factors along each (Knuth, "Estimating the Efficiency of Backtrack Programs", 1975),
 * which is unbiased. Its distribution is skewed: a large spread says that it may be far too low. */
typedef struct treadle_estimate {
    uint64_t paths;       /* 0 = there is no estimate */
    double interleavings; /* infinite when too many for a double */
    double spread;        /* the standard error of that mean; infinite when not known */
} treadle_estimate;

#endif
