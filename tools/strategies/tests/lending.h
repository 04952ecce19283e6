// SPDX-License-Identifier: MIT
/* Exploring in parts, within one process: an instance of a strategy lends what it can, and other
 * instances explore it, at times that a pseudo-random number decides: at once, last come first
 * served, or when the loan is due. */
#ifndef TREADLE_STRATEGIES_TESTS_LENDING_H
#define TREADLE_STRATEGIES_TESTS_LENDING_H

#include "tools/engine/engine.h"

typedef struct lending_end {
    uint64_t hash; /* of the trace */
    uint64_t state;
    uint64_t shape;
} lending_end;

typedef struct lending_found {
    uint64_t count;
    uint64_t capacity;
    lending_end *ends; /* one an execution; the caller's to free */
    uint64_t redundant;
    uint64_t loans;    /* that were settled */
    uint64_t unneeded; /* that never fell due */
} lending_found;

/* `end_of` tells what an execution came to; `symmetric` is the strategy's option. */
void lending_explore(lending_found *found, const treadle_program *program,
                     const treadle_execution_options *options,
                     lending_end (*end_of)(uint64_t hash, const treadle_outcome *outcome),
                     bool symmetric, uint64_t seed);

#endif
