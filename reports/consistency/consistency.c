// SPDX-License-Identifier: MIT
#include "reports/consistency/consistency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/consistency/parts.h"
#include "reports/json_values.h"

struct treadle_consistency {
    treadle_consistency_options options;
    json_t *cells;
    json_t *counterexamples;
};

treadle_consistency *treadle_consistency_open(const treadle_consistency_options *options)
{
    treadle_consistency *report = calloc(1, sizeof *report);
    if (report == NULL) {
        return NULL;
    }
    report->options = *options;
    report->cells = json_array();
    report->counterexamples = json_array();
    if (report->cells == NULL || report->counterexamples == NULL) {
        treadle_consistency_close(report);
        return NULL;
    }
    return report;
}

void treadle_consistency_close(treadle_consistency *report)
{
    json_decref(report->cells);
    json_decref(report->counterexamples);
    free(report);
}

int treadle_consistency_result(treadle_consistency *report, const treadle_result *result)
{
    char id[32] = "";
    if (result->verdict == TREADLE_VERDICT_VIOLATED) {
        snprintf(id, sizeof id, "c%zu", json_array_size(report->counterexamples) + 1);
        if (json_array_append_new(report->counterexamples,
                                  treadle_counterexample_json(result, id, &report->options)) != 0) {
            return ENOMEM;
        }
    }
    return json_array_append_new(report->cells, treadle_cell_json(result, id)) != 0 ? ENOMEM : 0;
}

/* What holds of every report: what this kind of checking does not look at. */
static json_t *bounds_json(void)
{
    static const char *const bounds[] = {
        "Interleavings are sequentially consistent: what weak memory orders add is not explored.",
        "Signals, and several processes that share memory, are not explored.",
        "Below the granularity `memory`, plain accesses between two scheduling points are one "
        "step.",
        "What holds, holds for the workloads that were run, with their numbers of threads and "
        "calls.",
        "Threads that spin or poll are made to wait for another's write after a few looks.",
    };
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < sizeof bounds / sizeof bounds[0]; i++) {
        json_array_append_new(list, json_string(bounds[i]));
    }
    return list;
}

static json_t *scope_json(const treadle_scope *scope)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "glob", treadle_json_text(scope->glob), "variant",
                     treadle_json_text(scope->variant), "backend",
                     treadle_json_text(scope->backend), "granularity",
                     treadle_json_text(scope->granularity), "parameters",
                     treadle_json_text(scope->set));
}

json_t *treadle_consistency_finish(treadle_consistency *report, const treadle_ledger *ledger,
                                   const char *no_claims, const json_t *stress,
                                   const treadle_scope *scope,
                                   const treadle_reproduction *reproduction)
{
    json_t *components = treadle_components_json(report->cells);
    json_t *tree = json_pack(
        "{s:s, s:o, s:O, s:n, s:n, s:o, s:o, s:O, s:o, s:o, s:O, s:o, s:o}", "schema",
        TREADLE_CONSISTENCY_SCHEMA, "answer",
        treadle_answer_json(components, reproduction->interrupted), "components", components,
        "gate", "comparison", "not_looked_at", bounds_json(), "scope", scope_json(scope), "cells",
        report->cells, "claims", treadle_claims_json(ledger, report->cells), "no_claims",
        treadle_json_text(ledger == NULL ? no_claims : NULL), "counterexamples",
        report->counterexamples, "detection", treadle_detection_json(report->cells, stress),
        "reproduction", treadle_reproduction_json(report->cells, reproduction));
    json_decref(components);
    treadle_consistency_close(report);
    return tree;
}
