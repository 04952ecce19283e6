// SPDX-License-Identifier: MIT
/* From what was asked for on the command line to the cells to be explored. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/suggest.h"

enum { NAMES_MAX = 1024 };

typedef struct matcher {
    const treadle_selection *selection;
    treadle_granularity granularity; /* NONE = those of the rows */
    treadle_backend backend;         /* COUNT = all */
    treadle_cell *cells;
    size_t count;
    size_t room;
} matcher;

static bool matches(const matcher *self, const treadle_scenario *scenario)
{
    return self->selection->glob == NULL ||
           fnmatch(self->selection->glob, scenario->name, FNM_EXTMATCH) == 0;
}

/* An error about a name that fits nothing, with the nearest one that would. */
static int no_such(const char *what, const char *given, const char *const *names, size_t count)
{
    const char *near = treadle_suggest(given, names, count);
    treadle_cli_error("unknown %s \"%s\"%s%s%s; `treadle list` shows what there is", what, given,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return TREADLE_EXIT_USAGE;
}

static int check_names(matcher *self)
{
    const treadle_selection *selection = self->selection;
    const char *scenarios[NAMES_MAX];
    const char *variants[NAMES_MAX];
    size_t scenario_count = 0;
    size_t variant_count = 0;
    bool scenario_found = false;
    bool variant_found = selection->variant == NULL;
    for (size_t i = 0; i < treadle_scenario_count() && scenario_count < NAMES_MAX; i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        scenarios[scenario_count++] = scenario->name;
        if (!matches(self, scenario)) {
            continue;
        }
        scenario_found = true;
        for (const treadle_expectation *e = scenario->expectations;
             e->variant != NULL && variant_count < NAMES_MAX; e++) {
            variants[variant_count++] = e->variant;
            variant_found |=
                selection->variant != NULL && strcmp(selection->variant, e->variant) == 0;
        }
    }
    if (!scenario_found) {
        return no_such("scenario", selection->glob, scenarios, scenario_count);
    }
    if (!variant_found) {
        return no_such("variant", selection->variant, variants, variant_count);
    }
    static const char *const granularities[] = {"await", "sync", "memory"};
    if (selection->granularity != NULL) {
        self->granularity = treadle_granularity_parse(selection->granularity);
        if (self->granularity == TREADLE_GRANULARITY_NONE) {
            return no_such("granularity", selection->granularity, granularities, 3);
        }
    }
    static const char *const backends[] = {"memory", "redis-model", "redis"};
    if (selection->backend != NULL && !treadle_backend_parse(selection->backend, &self->backend)) {
        return no_such("backend", selection->backend, backends, 3);
    }
    return TREADLE_EXIT_OK;
}

/* Applies NAME=VALUE,… to the cell. `used` gets a bit for each item that named a parameter. */
static int apply_settings(const char *set, const treadle_scenario *scenario, treadle_cell *cell,
                          uint64_t *used)
{
    if (set == NULL) {
        return TREADLE_EXIT_OK;
    }
    uint32_t item = 0;
    for (const char *from = set; *from != '\0'; item++) {
        const size_t length = strcspn(from, ",");
        const size_t name_length = strcspn(from, "=,");
        char text[64];
        char *end = NULL;
        if (name_length == length || length - name_length > 60 || name_length == 0 || item > 63) {
            treadle_cli_error("--set has \"%.*s\"; it takes NAME=VALUE,NAME=VALUE,…", (int)length,
                              from);
            return TREADLE_EXIT_USAGE;
        }
        snprintf(text, sizeof text, "%.*s", (int)(length - name_length - 1),
                 from + name_length + 1);
        errno = 0;
        const long long value = strtoll(text, &end, 10);
        for (uint32_t p = 0; scenario->parameters[p].name != NULL; p++) {
            const treadle_parameter *parameter = &scenario->parameters[p];
            if (strlen(parameter->name) != name_length ||
                strncmp(parameter->name, from, name_length) != 0) {
                continue;
            }
            if (errno || end == text || *end != '\0' || value < parameter->min ||
                value > parameter->max) {
                treadle_cli_error("--set %s is \"%s\"; %s takes a whole number from %lld to %lld",
                                  parameter->name, text, scenario->name, (long long)parameter->min,
                                  (long long)parameter->max);
                return TREADLE_EXIT_USAGE;
            }
            cell->parameters[p] = value;
            *used |= UINT64_C(1) << item;
        }
        from += length;
        from += *from == ',';
    }
    return TREADLE_EXIT_OK;
}

static int check_settings_used(const treadle_selection *selection, uint64_t used,
                               const char *const *names, size_t count)
{
    uint32_t item = 0;
    for (const char *from = selection->set; from != NULL && *from != '\0'; item++) {
        const size_t length = strcspn(from, ",");
        if (!(used & UINT64_C(1) << item)) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(from, "=,"), from);
            return no_such("parameter", name, names, count);
        }
        from += length;
        from += *from == ',';
    }
    return TREADLE_EXIT_OK;
}

static bool already(const matcher *self, const treadle_cell *cell)
{
    for (size_t i = 0; i < self->count; i++) {
        const treadle_cell *other = &self->cells[i];
        if (strcmp(other->scenario, cell->scenario) == 0 &&
            strcmp(other->variant, cell->variant) == 0 && other->backend == cell->backend &&
            other->granularity == cell->granularity) {
            return true;
        }
    }
    return false;
}

static int append(matcher *self, const treadle_cell *cell)
{
    if (already(self, cell)) {
        return TREADLE_EXIT_OK;
    }
    if (self->count == self->room) {
        self->room = self->room ? self->room * 2 : 64;
        treadle_cell *grown = reallocarray(self->cells, self->room, sizeof *grown);
        if (grown == NULL) {
            treadle_cli_error("out of memory");
            return TREADLE_EXIT_ENVIRONMENT;
        }
        self->cells = grown;
    }
    self->cells[self->count++] = *cell;
    return TREADLE_EXIT_OK;
}

static int append_row(matcher *self, const treadle_scenario *scenario,
                      const treadle_expectation *row, treadle_granularity coarsest, uint64_t *used)
{
    treadle_cell cell = {.backend = row->backend, .granularity = row->granularity};
    if (self->granularity != TREADLE_GRANULARITY_NONE) {
        cell.granularity = self->granularity < coarsest ? coarsest : self->granularity;
    }
    snprintf(cell.scenario, sizeof cell.scenario, "%s", scenario->name);
    snprintf(cell.variant, sizeof cell.variant, "%s", row->variant);
    while (scenario->parameters[cell.parameter_count].name != NULL) {
        cell.parameters[cell.parameter_count] = scenario->parameters[cell.parameter_count].fallback;
        cell.parameter_count++;
    }
    const int status = apply_settings(self->selection->set, scenario, &cell, used);
    return status ? status : append(self, &cell);
}

/* The rows that were asked for; and where a solution is among them, the baseline that shows that
 * its check can fail. */
static int select_rows(matcher *self, const treadle_scenario *scenario, uint64_t *used)
{
    const treadle_selection *selection = self->selection;
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        if ((selection->variant != NULL && strcmp(selection->variant, e->variant) != 0) ||
            (self->backend != TREADLE_BACKEND_COUNT && self->backend != e->backend)) {
            continue;
        }
        int status = append_row(self, scenario, e, TREADLE_GRANULARITY_NONE, used);
        const treadle_expectation *baseline = treadle_scenario_baseline(scenario, e->backend);
        if (!status && baseline != NULL && treadle_variant_is_solution(e->variant)) {
            status = append_row(self, scenario, baseline, baseline->granularity, used);
        }
        if (status) {
            return status;
        }
    }
    return TREADLE_EXIT_OK;
}

int treadle_cli_select(const treadle_selection *selection, treadle_cell **cells, size_t *count)
{
    matcher self = {.selection = selection, .backend = TREADLE_BACKEND_COUNT};
    const char *parameter_names[NAMES_MAX];
    size_t parameter_count = 0;
    uint64_t used = 0;
    int status = check_names(&self);
    for (size_t i = 0; i < treadle_scenario_count() && status == TREADLE_EXIT_OK; i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        if (!matches(&self, scenario)) {
            continue;
        }
        for (const treadle_parameter *p = scenario->parameters;
             p->name != NULL && parameter_count < NAMES_MAX; p++) {
            parameter_names[parameter_count++] = p->name;
        }
        status = select_rows(&self, scenario, &used);
    }
    if (status == TREADLE_EXIT_OK && self.count == 0) {
        treadle_cli_error("nothing to check: the scenarios that match have no such variant on that "
                          "backend; `treadle list` shows what there is");
        status = TREADLE_EXIT_USAGE;
    }
    if (status == TREADLE_EXIT_OK) {
        status = check_settings_used(selection, used, parameter_names, parameter_count);
    }
    if (status != TREADLE_EXIT_OK) {
        free(self.cells);
        return status;
    }
    *cells = self.cells;
    *count = self.count;
    return TREADLE_EXIT_OK;
}
