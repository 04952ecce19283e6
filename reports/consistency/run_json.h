// SPDX-License-Identifier: MIT
/* One execution for a reader who steps through it: threads, operations in their order, what each
 * changed of the state that the threads share, and which of them conflict. */
#ifndef TREADLE_REPORTS_CONSISTENCY_RUN_JSON_H
#define TREADLE_REPORTS_CONSISTENCY_RUN_JSON_H

#include <jansson.h>

#include "reports/consistency/consistency.h"

/* "run" of the schema; a new reference, NULL when out of memory. A long execution is shown from its
 * beginning and its end. */
json_t *treadle_run_json(const treadle_trace *trace, const treadle_consistency_options *options);

#endif
