// SPDX-License-Identifier: MIT
/* How soon libFuzzer finds bugs of known depth (known_bugs.h), with interleaving feedback and
 * without it, beside a random walk. Needs the fuzz build. */
#ifndef TREADLE_BENCH_FUZZING_H
#define TREADLE_BENCH_FUZZING_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the fuzz build is there; else where it should be is in `path`. */
bool treadle_bench_can_fuzz(const char **path);

/* Prints a table, or with `json` an object a line. `scale` is percent of the usual budget. False
 * after an error was printed. */
bool treadle_bench_fuzzing(bool json, uint64_t scale);

#endif
