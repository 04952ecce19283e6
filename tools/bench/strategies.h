// SPDX-License-Identifier: MIT
/* How many executions each strategy needs to find bugs of known depth (scenarios/litmus/depth.c):
 * the mean over seeds 1 … 20. A search that finds nothing within its budget is counted as the whole
 * budget, and such a mean is marked as a lower bound. */
#ifndef TREADLE_BENCH_STRATEGIES_H
#define TREADLE_BENCH_STRATEGIES_H

#include <stdbool.h>
#include <stdint.h>

/* Prints a table, or with `json` an object a line. `scale` is percent of the usual budget. False
 * after an error was printed. */
bool treadle_bench_strategies(bool json, uint64_t scale);

#endif
