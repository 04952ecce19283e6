// SPDX-License-Identifier: MIT
/*
 * The few moments of a violation that explain it:
 *
 * - the two accesses of a data race; or
 * - a thread's reading, another thread's changing what it read, and how the first goes on
 *   regardless, the last time that this happens; or, where no access is in the trace, a lock that
 *   one thread gave up and another took before the first went on; or
 * - the last step.
 *
 * It is read from the trace, by a rule of thumb: the verdict does not depend on it.
 */
#ifndef TREADLE_REPORTS_MOMENTS_H
#define TREADLE_REPORTS_MOMENTS_H

#include "reports/relations.h"
#include "tools/engine/outcome.h"

typedef struct treadle_moment {
    const treadle_event *event; /* an event or a remark of the trace */
    uint32_t step;
    const char *role; /* "reads it"; static */
} treadle_moment;

#define TREADLE_MOMENTS_MAX 3u

/* Returns how many, in the order of the trace; 0 for an empty trace. */
uint32_t treadle_moments(const treadle_trace *trace, const treadle_relations *relations,
                         const treadle_outcome *outcome,
                         treadle_moment moments[TREADLE_MOMENTS_MAX]);

/* "step 5, client-2 changes that: ZADD …" as a new string without control characters; NULL when out
 * of memory. */
char *treadle_moment_describe(const treadle_trace *trace, const treadle_moment *moment);

#endif
