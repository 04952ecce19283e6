// SPDX-License-Identifier: MIT
/*
 * The shrinker: makes a failing schedule easy to read: fewest context switches first, then fewest
 * steps, then the plainest decisions. Every step is an execution, and counts only when it breaks
 * the same property; so does the result.
 *
 * Because option 0 is always the quiet one, a schedule is made simpler by making decisions 0: first
 * large pieces, then small ones (delta debugging: Zeller and Hildebrandt, "Simplifying and
 * Isolating Failure-Inducing Input", 2002), until no single decision can be left out or lowered.
 */
#ifndef TREADLE_EXPLORE_SHRINK_H
#define TREADLE_EXPLORE_SHRINK_H

#include "tools/explore/sandbox.h"

typedef struct treadle_shrink_report {
    uint64_t executions;
    bool finished; /* nothing was left to try; else the budget was spent, or journal->stop */
    treadle_outcome before;
    treadle_outcome after;
} treadle_shrink_report;

/* Shrinks `*decisions` (`*count` of them, room for TREADLE_DECISIONS_MAX) in place. At most
 * `executions_max` executions and `time_s_max` seconds, or until `journal->stop`: then they are the
 * best so far. 0; ENOENT when the schedule does not fail to begin with; or another errno value. */
int treadle_shrink(treadle_sandbox *sandbox, const treadle_journal *journal, uint16_t *decisions,
                   uint32_t *count, uint64_t executions_max, double time_s_max,
                   treadle_shrink_report *report);

#endif
