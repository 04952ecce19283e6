// SPDX-License-Identifier: MIT
/* Runs a program body under a strategy again and again, and counts what came out. For tests. */
#ifndef TREADLE_ENGINE_TESTS_EXPLORE_H
#define TREADLE_ENGINE_TESTS_EXPLORE_H

#include "tools/engine/engine.h"

enum { RESULTS_MAX = 64 };

typedef struct exploration {
    treadle_granularity granularity;
    const char *strategy;    /* NULL = dfs */
    uint64_t executions_max; /* 0 = 2,000,000 */
    const char
        *property; /* what last_bad shows, if it came out at all; NULL = whatever came last */
    treadle_execution_options options;

    /* What came out. */
    uint64_t executions;
    bool complete;
    uint64_t passed;
    uint64_t violated;
    uint64_t other;
    uint64_t results[RESULTS_MAX]; /* by what the body gave to report() */
    treadle_outcome last_bad;      /* the last outcome that was not PASSED */
} exploration;

/* `body` runs on the main fiber. */
void explore(exploration *self, void (*body)(void *));

/* From inside: this execution came to `value`. */
void report(uint64_t value);

/* Threads that run body(NULL, index); as treadle_run_threads. */
void threads(uint32_t count, void (*body)(void *, uint32_t));

#endif
