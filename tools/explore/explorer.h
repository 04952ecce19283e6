// SPDX-License-Identifier: MIT
/*
 * Exploring with one strategy: execution after execution until something is found, nothing is left,
 * the budget is spent or someone asks to stop. With more than one explorer and a strategy that
 * lends, the space is divided among so many processes: after a few milliseconds, others are forked
 * from this one, and whoever is idle gets a part from whoever has one. What is complete has the
 * same executions as with one.
 *
 * Each other process has a journal of its own, JOURNAL.2, JOURNAL.3, … beside this one, which lasts
 * as long as the exploring: a schedule that fails there is on disk before the step that may crash.
 * It ends when this one does, and its death or finding is this one's.
 */
#ifndef TREADLE_EXPLORE_EXPLORER_H
#define TREADLE_EXPLORE_EXPLORER_H

#include "tools/explore/crew.h"
#include "tools/explore/journal.h"

typedef struct treadle_explorer {
    /* Borrowed. */
    treadle_journal *journal; /* the request, the decisions, the outcome; `stop` */
    const treadle_program *program;
    const treadle_execution_options *options;
    const treadle_strategy *strategy;
    const treadle_strategy_options *strategy_options;
    void *self;         /* of the strategy */
    uint32_t explorers; /* at most */

    /* What came of it; a finding is in the journal, as if it had been this process's own. */
    double elapsed_s;
    treadle_tally tally;
    uint64_t elsewhere; /* executions by other processes */
    bool complete;      /* the strategy has ended */
    bool interrupted;
} treadle_explorer;

void treadle_explorer_run(treadle_explorer *explorer);

#endif
