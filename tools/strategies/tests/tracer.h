// SPDX-License-Identifier: MIT
/* For tests: a depth-first search over every decision that sees what steps touch, and gives every
 * execution the hash of its trace. The yardstick for `dpor`. */
#ifndef TREADLE_STRATEGIES_TESTS_TRACER_H
#define TREADLE_STRATEGIES_TESTS_TRACER_H

#include "tools/engine/strategy.h"

extern const treadle_strategy tracer_strategy;

/* Of the execution that just ended. */
uint64_t tracer_hash(const void *state);

#endif
