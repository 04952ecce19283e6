// SPDX-License-Identifier: MIT
/* Where a trace goes round: the same events again and again, as of a thread that polls. Pure. */
#ifndef TREADLE_REPORTS_REPETITION_H
#define TREADLE_REPORTS_REPETITION_H

#include <stdint.h>

#include "tools/engine/trace.h"

typedef struct treadle_repetition {
    uint32_t period;  /* events of one round; 0 = nothing is repeated */
    uint32_t repeats; /* rounds after the first */
} treadle_repetition;

/* The shortest round that begins at event `from` and comes often enough to be told once, in the
 * events before `end`. Two events are the same when they say the same of the same place. */
treadle_repetition treadle_repetition_at(const treadle_trace *trace, uint32_t from, uint32_t end);

#endif
