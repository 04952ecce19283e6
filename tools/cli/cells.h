// SPDX-License-Identifier: MIT
/*
 * Exploring cells for a command: with a progress line, and until it is done or interrupted. SIGINT
 * and SIGTERM end it with what is known so far; a second one ends the program at once.
 */
#ifndef TREADLE_CLI_CELLS_H
#define TREADLE_CLI_CELLS_H

#include <stdatomic.h>

#include "tools/explore/jobs.h"

/* `jobs` has the budgets and what becomes of results; progress and interruption are added here.
 * TREADLE_EXIT_OK, or TREADLE_EXIT_ENVIRONMENT after an error was printed: nothing was started. */
int treadle_cli_explore(const treadle_cell *cells, size_t count, const treadle_jobs_options *jobs);

/* From now on; for what a command does before it explores. */
void treadle_cli_catch_interrupts(void);
/* An interrupt also sets `*stop`, from now on; at once when there was one. NULL = no longer. */
void treadle_cli_stop_when_interrupted(atomic_bool *stop);
/* Whether it was interrupted. */
bool treadle_cli_interrupted(void);

#endif
