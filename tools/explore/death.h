// SPDX-License-Identifier: MIT
/* What it means that a process ended in which executions ran. */
#ifndef TREADLE_EXPLORE_DEATH_H
#define TREADLE_EXPLORE_DEATH_H

#include "tools/explore/journal.h"

/* From now on, a fatal signal or a hang of this process is left as an outcome in the journal, which
 * is borrowed, and that the process lives is told there (pulse.h). */
void treadle_death_leave_in(treadle_journal *journal);

/* Outside: the process gave no sign of life for so long, and was killed. */
enum { TREADLE_DEATH_SILENT_S = 13 };
void treadle_death_silent(treadle_outcome *outcome);

/* Outside: what a process's death means, by its wait status, when it could not say so itself. */
void treadle_death_explain(treadle_outcome *outcome, int status);

#endif
