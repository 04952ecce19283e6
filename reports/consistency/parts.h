// SPDX-License-Identifier: MIT
/* The parts of a consistency report, one a file. Each returns a new reference, NULL when out of
 * memory. Internal to reports/consistency. */
#ifndef TREADLE_REPORTS_CONSISTENCY_PARTS_H
#define TREADLE_REPORTS_CONSISTENCY_PARTS_H

#include "reports/consistency/consistency.h"

/* "sliding_window/check_then_add naive redis await": what names a cell, in the report and in other
 * reports. */
json_t *treadle_cell_id(const treadle_cell *cell);

/* cell_json.c: "cell" of the schema. */
json_t *treadle_cell_json(const treadle_result *result, const char *counterexample);

/* counterexample_json.c: "counterexample". */
json_t *treadle_counterexample_json(const treadle_result *result, const char *id,
                                    const treadle_consistency_options *options);

/* components_json.c: an array of "component", from the array of cells. */
json_t *treadle_components_json(const json_t *cells);
/* The whole: {"status", "sentence"}, from the components. */
json_t *treadle_answer_json(const json_t *components, bool interrupted);

/* claims_json.c: an array of "claim". */
json_t *treadle_claims_json(const treadle_ledger *ledger, const json_t *cells);

/* detection_json.c: an array of "detection". */
json_t *treadle_detection_json(const json_t *cells, const json_t *stress);

/* reproduction_json.c: "reproduction". */
json_t *treadle_reproduction_json(const json_t *cells, const treadle_reproduction *reproduction);

/* The string at a key; "" when there is none. */
static inline const char *treadle_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* The cell with that id; NULL when there is none. */
const json_t *treadle_find_cell(const json_t *cells, const char *id);

#endif
