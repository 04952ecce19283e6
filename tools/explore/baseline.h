// SPDX-License-Identifier: MIT
/*
 * The baseline difference: a check that cannot fail says nothing. So for each workload (a scenario
 * on a backend) that `fixed` or `lockfree` passes in a run, a variant known to be broken must have
 * been found broken in the same run: `naive`, or, where the original is right, a `proposed` one.
 *
 * A set of notes, one a workload; owned by whoever opened it; not thread-safe.
 */
#ifndef TREADLE_EXPLORE_BASELINE_H
#define TREADLE_EXPLORE_BASELINE_H

#include <stddef.h>

#include "tools/explore/cell.h"

typedef struct treadle_baselines treadle_baselines;

/* NULL when out of memory. */
treadle_baselines *treadle_baselines_open(void);
void treadle_baselines_close(treadle_baselines *baselines);

void treadle_baselines_note(treadle_baselines *baselines, const treadle_result *result);

typedef struct treadle_baseline_counts {
    size_t workloads; /* that fixed or lockfree passed */
    size_t broken;    /* of them, a baseline variant was violated */
    size_t exempt;    /* of them, nothing can break them: the row says why */
    size_t lost;      /* the rest: the check may have gone blind */
} treadle_baseline_counts;

/* `lost` is called for each lost one with its scenario and backend; may be NULL. */
treadle_baseline_counts treadle_baselines_count(const treadle_baselines *baselines,
                                                void (*lost)(const treadle_scenario *scenario,
                                                             treadle_backend backend));

#endif
