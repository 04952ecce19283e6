// SPDX-License-Identifier: MIT
/* Whether `dpor` executes each trace of a generated program once, and misses none, by a depth-first
 * search over every interleaving. What two executions with the same hash leave behind must be the
 * same, too: or a footprint is incomplete. The engine must be open. */
#ifndef TREADLE_STRATEGIES_TESTS_AGREEMENT_H
#define TREADLE_STRATEGIES_TESTS_AGREEMENT_H

#include <stdbool.h>

#include "tools/engine/op.h"
#include "tools/strategies/dpor.h"
#include "tools/strategies/tests/programs.h"

enum { TRACES_MAX = 1 << 14 };

typedef struct trace_seen {
    uint64_t hash;  /* 0 = free */
    uint64_t state; /* what the execution left */
    uint64_t shape; /* likewise, whichever thread did what */
} trace_seen;

typedef struct traces {
    uint64_t executions;
    bool complete;
    uint32_t count;
    uint64_t spin_blocks;
    treadle_dpor_counts counts;
    trace_seen table[TRACES_MAX];
} traces;

typedef struct agreement {
    /* False when the program has too many interleavings, or polls: who polls is held back by rules
     * that look at more than what steps touch (tools/engine/spinning.c). */
    bool comparable;
    uint64_t executions;  /* of both searches */
    char difference[200]; /* "" when they agree */
} agreement;

/* Those that `dpor` executes, with threads symmetric as it is told; what should not be is noted in
 * `result`. */
void traces_of(traces *self, agreement *result, program *what, treadle_granularity granularity,
               uint64_t symmetric);

agreement agreement_of(program *what, treadle_granularity granularity);

#endif
