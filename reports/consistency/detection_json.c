// SPDX-License-Identifier: MIT
/* How soon each baseline was caught: a check that cannot fail says nothing. */
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/json_values.h"

static bool same(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(treadle_text_of(a, key), treadle_text_of(b, key)) == 0;
}

/* What real threads came to on the same workload; null when not given. */
static json_t *stress_of(const json_t *stress, const json_t *cell)
{
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)(uintptr_t)stress, i, line)
    {
        if (same(line, cell, "scenario") && same(line, cell, "variant") &&
            same(line, cell, "backend")) {
            return json_pack("{s:O, s:O, s:O, s:O}", "rounds", json_object_get(line, "rounds"),
                             "broken", json_object_get(line, "broken"), "first",
                             json_object_get(line, "first"), "elapsed_s",
                             json_object_get(line, "elapsed_s"));
        }
    }
    return json_null();
}

/* The cell of a workload's baseline that was violated soonest; NULL when none was. */
static const json_t *soonest(const json_t *cells, const json_t *like, const char *variant)
{
    const json_t *found = NULL;
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (!same(cell, like, "scenario") || !same(cell, like, "backend") ||
            strcmp(treadle_text_of(cell, "variant"), variant) != 0 ||
            strcmp(treadle_text_of(cell, "verdict"), "violated") != 0) {
            continue;
        }
        const json_t *first = json_object_get(cell, "first_violation");
        const json_t *best = json_object_get(found, "first_violation");
        if (found == NULL || json_integer_value(first) < json_integer_value(best)) {
            found = cell;
        }
    }
    return found;
}

static bool told(const json_t *list, const json_t *cell)
{
    size_t i;
    const json_t *line;
    json_array_foreach(list, i, line)
    {
        if (same(line, cell, "scenario") && same(line, cell, "backend")) {
            return true;
        }
    }
    return false;
}

static json_t *line_of(const json_t *cells, const json_t *like, const json_t *stress)
{
    const treadle_scenario *scenario = treadle_scenario_find(treadle_text_of(like, "scenario"));
    treadle_backend backend;
    const treadle_expectation *baseline =
        scenario != NULL && treadle_backend_parse(treadle_text_of(like, "backend"), &backend)
            ? treadle_scenario_baseline(scenario, backend)
            : NULL;
    const json_t *caught = baseline != NULL ? soonest(cells, like, baseline->variant) : NULL;
    const char *const kind = caught != NULL ? "caught" : baseline != NULL ? "not-caught" : "none";
    json_t *line =
        json_pack("{s:O, s:O, s:s, s:o, s:o}", "scenario", json_object_get(like, "scenario"),
                  "backend", json_object_get(like, "backend"), "result", kind, "variant",
                  treadle_json_text(baseline != NULL ? baseline->variant : NULL), "why_none",
                  treadle_json_text(scenario != NULL ? scenario->no_baseline : NULL));
    static const char *const copied[] = {"id",   "property",  "granularity",     "strategy",
                                         "seed", "elapsed_s", "first_violation", "counterexample"};
    static const char *const names[] = {"cell", "property",  "granularity", "strategy",
                                        "seed", "elapsed_s", "executions",  "counterexample"};
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        json_t *value = caught != NULL ? json_object_get(caught, copied[i]) : json_null();
        json_object_set(line, names[i], value);
    }
    if (json_object_set_new(line, "stress",
                            caught != NULL ? stress_of(stress, caught) : json_null()) != 0) {
        json_decref(line);
        return NULL;
    }
    return line;
}

json_t *treadle_detection_json(const json_t *cells, const json_t *stress)
{
    json_t *list = json_array();
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (list != NULL && !told(list, cell) &&
            json_array_append_new(list, line_of(cells, cell, stress)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
