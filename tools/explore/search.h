// SPDX-License-Identifier: MIT
/*
 * Searching a cell as someone would who knows the strategies: few preemptions first and random
 * ones, for what breaks quickly; then partial order reduction, to see everything; and where that
 * does not come to its end, all that two preemptions can do, and random ones again for what is left
 * of the budget.
 */
#ifndef TREADLE_EXPLORE_SEARCH_H
#define TREADLE_EXPLORE_SEARCH_H

#include "tools/explore/sandbox.h"

/* The name of this way of searching, where that of a strategy could stand. */
#define TREADLE_SEARCH_AUTO "auto"

enum { TREADLE_SEARCH_STAGES_MAX = 5 };

/* For "auto": no limit on executions, only on time. 0 means usual ones, which end in seconds. */
#define TREADLE_SEARCH_UNLIMITED UINT64_MAX

typedef struct treadle_search_stage {
    treadle_explore_request request;
    treadle_explore_report report;
} treadle_search_stage;

/* The stages that took place; the last one decided. */
typedef struct treadle_search {
    uint32_t count;
    treadle_search_stage stages[TREADLE_SEARCH_STAGES_MAX];
} treadle_search;

/* `request` names a strategy, or "auto", whose stages divide its budget. 0, or an errno value when
 * no process could be started. */
int treadle_search_run(treadle_sandbox *sandbox, const treadle_cell *cell,
                       const treadle_explore_request *request, treadle_search *out);

/* All stages together: sums, and what the last one came to. */
treadle_explore_report treadle_search_report(const treadle_search *search);

/* What was established, in a line, where no violation was found. */
void treadle_search_describe(char *text, size_t size, const treadle_search *search,
                             const treadle_cell *cell);

#endif
