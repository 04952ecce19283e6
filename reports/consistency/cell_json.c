// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/describe.h"
#include "reports/json_values.h"

enum { HOW_SIZE = 1024 };

json_t *treadle_cell_id(const treadle_cell *cell)
{
    char id[3 * TREADLE_NAME_MAX];
    snprintf(id, sizeof id, "%s %s %s %s", cell->scenario, cell->variant,
             treadle_backend_name(cell->backend), treadle_granularity_name(cell->granularity));
    return treadle_json_text(id);
}

const json_t *treadle_find_cell(const json_t *cells, const char *id)
{
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (strcmp(treadle_text_of(cell, "id"), id) == 0) {
            return cell;
        }
    }
    return NULL;
}

/* How the verdict was established, in a line. */
static void describe_how(char *how, size_t size, const treadle_result *result)
{
    if (result->verdict != TREADLE_VERDICT_VIOLATED) {
        const bool unknown = result->verdict == TREADLE_VERDICT_UNKNOWN;
        snprintf(how, size, "%s", unknown ? result->outcome.message : result->bounds);
        return;
    }
    char shrunk[64] = "";
    if (result->switches_found > result->outcome.switches) {
        snprintf(shrunk, sizeof shrunk, ", shrunk from %" PRIu32, result->switches_found);
    }
    snprintf(how, size, "found in execution %" PRIu64 "; %" PRIu32 " context switch%s%s",
             result->first_violation, result->outcome.switches,
             result->outcome.switches == 1 ? "" : "es", shrunk);
}

/* Beside what `check --format json` says of a result, what a reader needs who does not know it. */
json_t *treadle_cell_json(const treadle_result *result, const char *counterexample)
{
    const treadle_scenario *scenario = treadle_scenario_find(result->cell.scenario);
    json_t *cell = treadle_json_result(result);
    char how[HOW_SIZE];
    describe_how(how, sizeof how, result);
    const char *name = result->cell.scenario;
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "id", treadle_cell_id(&result->cell),
                  "component", treadle_json_bytes(name, treadle_component_length(name)), "summary",
                  treadle_json_text(scenario != NULL ? scenario->summary : NULL), "reason",
                  treadle_json_text(result->reason), "how", treadle_json_text(how), "solution",
                  treadle_variant_is_solution(result->cell.variant), "counterexample",
                  treadle_json_text(counterexample));
    const bool failed = cell == NULL || more == NULL || json_object_update(cell, more) != 0;
    json_decref(more);
    if (failed) {
        json_decref(cell);
        return NULL;
    }
    return cell;
}
