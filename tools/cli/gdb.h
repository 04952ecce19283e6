// SPDX-License-Identifier: MIT
/* Opens gdb on a replay, with the commands of treadle_gdb.py. */
#ifndef TREADLE_CLI_GDB_H
#define TREADLE_CLI_GDB_H

#include <stdint.h>

/* Runs gdb on `treadle replay --in-process` with these arguments (ends with NULL), halted before
 * `step`, until the user leaves it. `directory` is for a file, and the caller's to remove. An exit
 * status, after an error was printed when it is not OK. */
int treadle_cli_gdb(const char *directory, const char *const *arguments, uint32_t step);

#endif
