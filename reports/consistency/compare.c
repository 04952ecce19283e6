// SPDX-License-Identifier: MIT
#include "reports/consistency/compare.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/json_values.h"

/* How much a verdict says for a property, least first. */
typedef enum standing {
    STANDING_VIOLATED,
    STANDING_UNKNOWN,
    STANDING_SAMPLED,
    STANDING_HOLDS
} standing;

static standing standing_of(const json_t *cell)
{
    const char *verdict = treadle_text_of(cell, "verdict");
    return strcmp(verdict, "holds") == 0                ? STANDING_HOLDS
           : strcmp(verdict, "no-violation-found") == 0 ? STANDING_SAMPLED
           : strcmp(verdict, "violated") == 0           ? STANDING_VIOLATED
                                                        : STANDING_UNKNOWN;
}

json_t *treadle_report_read(const char *path, char *error, size_t error_size)
{
    json_error_t problem;
    json_t *report = json_load_file(path, 0, &problem);
    if (report == NULL) {
        if (problem.line > 0) {
            snprintf(error, error_size, "%s:%d: no JSON: %s", path, problem.line, problem.text);
        } else {
            snprintf(error, error_size, "cannot read %s: %s", path, problem.text);
        }
        return NULL;
    }
    if (strcmp(treadle_text_of(report, "schema"), TREADLE_CONSISTENCY_SCHEMA) != 0 ||
        !json_is_array(json_object_get(report, "cells"))) {
        snprintf(error, error_size,
                 "%s is no report of this version: its \"schema\" should be \"%s\", as in the "
                 "report.json of `treadle report`",
                 path, TREADLE_CONSISTENCY_SCHEMA);
        json_decref(report);
        return NULL;
    }
    return report;
}

/* Whether a cell is among those that a run was asked for. */
static bool in_scope(const json_t *scope, const json_t *cell)
{
    static const char *const exact[] = {"variant", "backend", "granularity"};
    const char *glob = treadle_text_of(scope, "glob");
    if (glob[0] != '\0' && fnmatch(glob, treadle_text_of(cell, "scenario"), FNM_EXTMATCH) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        const char *wanted = treadle_text_of(scope, exact[i]);
        if (wanted[0] != '\0' && strcmp(wanted, treadle_text_of(cell, exact[i])) != 0) {
            return false;
        }
    }
    return true;
}

static json_t *change_of(const json_t *was, const json_t *now)
{
    const json_t *either = now != NULL ? now : was;
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "cell", treadle_text_of(either, "id"), "was",
                     treadle_json_text(treadle_text_of(was, "verdict")), "now",
                     treadle_json_text(treadle_text_of(now, "verdict")), "property",
                     treadle_json_text(treadle_text_of(either, "property")), "message",
                     treadle_json_text(treadle_text_of(now, "message")));
}

typedef struct changes {
    json_t *better, *worse, *changed, *vanished, *appeared;
    bool regressed;
    bool failed;
} changes;

static void note(changes *self, json_t *list, const json_t *was, const json_t *now)
{
    self->failed |= json_array_append_new(list, change_of(was, now)) != 0;
}

static void compare_cell(changes *self, const json_t *was, const json_t *now)
{
    const standing before = standing_of(was);
    const standing after = standing_of(now);
    if (after > before) {
        note(self, self->better, was, now);
    } else if (after < before) {
        note(self, self->worse, was, now);
        self->regressed |= before >= STANDING_SAMPLED;
    } else if (after == STANDING_VIOLATED &&
               strcmp(treadle_text_of(was, "property"), treadle_text_of(now, "property")) != 0) {
        note(self, self->changed, was, now);
    }
}

/* The cell of the same name that ran the same workload; NULL when there is none. */
static const json_t *find_same(const json_t *cells, const json_t *wanted)
{
    const json_t *found = treadle_find_cell(cells, treadle_text_of(wanted, "id"));
    return json_equal(json_object_get(found, "parameters"), json_object_get(wanted, "parameters"))
               ? found
               : NULL;
}

/* Whether the runs were asked for the same parameters: then another workload is no other question,
 * but the old one gone. */
static bool same_parameters_asked(const json_t *old, const json_t *now)
{
    return strcmp(treadle_text_of(json_object_get(old, "scope"), "parameters"),
                  treadle_text_of(json_object_get(now, "scope"), "parameters")) == 0;
}

/* Whether it is one of those that an interrupted run did not come to, or not to the end of. */
static bool not_finished(const json_t *report, const json_t *cell)
{
    return json_is_true(json_object_get(json_object_get(report, "reproduction"), "interrupted")) &&
           standing_of(cell) == STANDING_UNKNOWN;
}

json_t *treadle_compare(const json_t *old, const json_t *now)
{
    changes self = {json_array(), json_array(), json_array(), json_array(),
                    json_array(), false,        false};
    const json_t *cells = json_object_get(now, "cells");
    const json_t *old_cells = json_object_get(old, "cells");
    const json_t *scope = json_object_get(now, "scope");
    size_t i;
    const json_t *cell;
    json_array_foreach(old_cells, i, cell)
    {
        const json_t *again = find_same(cells, cell);
        if (not_finished(old, cell) || (again != NULL && not_finished(now, again))) {
            continue;
        }
        if (again != NULL) {
            compare_cell(&self, cell, again);
        } else if (in_scope(scope, cell) && same_parameters_asked(old, now)) {
            note(&self, self.vanished, cell, NULL);
            self.regressed |= standing_of(cell) >= STANDING_SAMPLED;
        }
    }
    json_array_foreach(cells, i, cell)
    {
        if (find_same(old_cells, cell) == NULL && !not_finished(now, cell)) {
            note(&self, self.appeared, NULL, cell);
        }
    }
    const json_t *made = json_object_get(old, "reproduction");
    json_t *comparison =
        json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "started",
                  treadle_json_text(treadle_text_of(made, "started")), "command",
                  treadle_json_text(treadle_text_of(made, "command")), "results_hash",
                  treadle_json_text(treadle_text_of(made, "results_hash")), "regressed",
                  self.regressed, "worse", self.worse, "vanished", self.vanished, "changed",
                  self.changed, "better", self.better, "appeared", self.appeared);
    if (self.failed) {
        json_decref(comparison);
        return NULL;
    }
    return comparison;
}

bool treadle_comparison_regressed(const json_t *comparison)
{
    return json_is_true(json_object_get(comparison, "regressed"));
}
