// SPDX-License-Identifier: MIT
/* What a search that found nothing and did not see everything is worth, in one line. Figures are
 * rounded to the side of caution. */
#ifndef TREADLE_EXPLORE_EVIDENCE_H
#define TREADLE_EXPLORE_EVIDENCE_H

#include "tools/explore/journal.h"

/* `report` is what came of `request`; the verdict is no-violation-found. */
void treadle_evidence_describe(char *text, size_t size, const treadle_explore_request *request,
                               const treadle_explore_report *report);

/* A number of two significant digits that is no smaller, like "0.0026". */
void treadle_evidence_round_up(char text[32], double number);

/* Whether traces were counted that differ in the numbers of threads, after "57 traces". */
const char *treadle_evidence_symmetry(const treadle_explore_request *request);

/* "holds up to 2 preemptions (57 interleavings)"; `bound` has at least one. */
int treadle_evidence_bound(char *text, size_t size, const treadle_bound *bound);

#endif
