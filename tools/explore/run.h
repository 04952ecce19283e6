// SPDX-License-Identifier: MIT
/* A scenario as a program for the engine. */
#ifndef TREADLE_EXPLORE_RUN_H
#define TREADLE_EXPLORE_RUN_H

#include "tools/explore/cell.h"

/* For treadle_program.body, with a treadle_run as its argument: sets up, runs the threads, checks.
 */
void treadle_run_body(void *argument);

/* What the scenario asks of the engine. */
treadle_execution_options treadle_run_options(const treadle_cell *cell,
                                              const treadle_scenario *scenario);

#endif
