// SPDX-License-Identifier: MIT
/* Whether `dpor` executes each trace of a generated program once, and misses none, by a depth-first
 * search over every interleaving. What two executions with the same hash leave behind must be the
 * same, too: or a footprint is incomplete. The engine must be open. */
#ifndef TREADLE_STRATEGIES_TESTS_AGREEMENT_H
#define TREADLE_STRATEGIES_TESTS_AGREEMENT_H

#include <stdbool.h>

#include "tools/engine/op.h"
#include "tools/strategies/tests/programs.h"

typedef struct agreement {
    /* False when the program has too many interleavings, or spins: how often a thread reads the
     * same before it waits is no part of footprints (tools/engine/README.md). */
    bool comparable;
    uint64_t executions;  /* of both searches */
    char difference[200]; /* "" when they agree */
} agreement;

agreement agreement_of(program *what, treadle_granularity granularity);

#endif
