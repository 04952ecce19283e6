// SPDX-License-Identifier: MIT
/* What tests and measurements ask of the strategy `dpor`, beside what all strategies do. */
#ifndef TREADLE_STRATEGIES_DPOR_H
#define TREADLE_STRATEGIES_DPOR_H

#include <stdint.h>

typedef struct treadle_dpor_counts {
    uint64_t executions; /* to their end */
    uint64_t redundant;  /* given up, for all that could go on were asleep */
    uint64_t
        infeasible; /* sequences that could not go on as in the execution they were taken from */
} treadle_dpor_counts;

/* Of the strategy's state. */
treadle_dpor_counts treadle_dpor_counted(const void *self);

/* Between end() and begin(): a number for the last execution's trace. */
uint64_t treadle_dpor_trace_hash(const void *self);

#endif
