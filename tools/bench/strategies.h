// SPDX-License-Identifier: MIT
/* How soon each strategy finds bugs of known depth (known_bugs.h). */
#ifndef TREADLE_BENCH_STRATEGIES_H
#define TREADLE_BENCH_STRATEGIES_H

#include <stdbool.h>
#include <stdint.h>

/* Prints a table, or with `json` an object a line. `scale` is percent of the usual budget. False
 * after an error was printed. */
bool treadle_bench_strategies(bool json, uint64_t scale);

#endif
