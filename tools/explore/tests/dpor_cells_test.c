// SPDX-License-Identifier: MIT
/* On every cell in memory that is small enough for depth-first search: the traces that `dpor`
 * executes are those that all interleavings come to, and none is executed twice. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"
#include "tools/explore/run.h"
#include "tools/strategies/dpor.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/tracer.h"

enum {
    EXECUTIONS_MAX = 3000,
    REDUCED_MAX = 20000,
    TABLE = 1 << 16,
    COMPARED_MIN = 150,
    SAVED_MIN = 20
};

static treadle_decisions decisions;

typedef struct traces {
    uint64_t executions;
    uint64_t spin_blocks;
    uint64_t violated;
    uint32_t count;
    bool complete;
    uint64_t table[TABLE]; /* hashes; 0 = free */
} traces;

static bool has(const traces *self, uint64_t hash, uint32_t *slot)
{
    *slot = (uint32_t)hash % TABLE;
    while (self->table[*slot] != 0 && self->table[*slot] != hash) {
        *slot = (*slot + 1) % TABLE;
    }
    return self->table[*slot] == hash;
}

static void explore(traces *self, const treadle_cell *cell, const treadle_strategy *strategy,
                    bool symmetric, uint64_t (*hash)(const void *state), uint64_t executions_max)
{
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    treadle_run run = {
        .scenario = scenario, .variant = cell->variant, .backend = TREADLE_BACKEND_MEMORY};
    memcpy(run.parameters, cell->parameters, sizeof run.parameters);
    const treadle_program program = {treadle_run_body, &run};
    const treadle_execution_options options = treadle_run_options(cell, scenario);
    void *state = strategy->create(&(treadle_strategy_options){.symmetric = symmetric});
    memset(self, 0, sizeof *self);
    for (uint64_t i = 0; i < executions_max && !self->complete; i++) {
        if (!strategy->begin(state, i)) {
            self->complete = true;
            break;
        }
        treadle_outcome outcome;
        treadle_execute(&program, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        cr_expect_neq(outcome.kind, TREADLE_OUTCOME_DIVERGED, "%s %s %s, execution %lu: %s",
                      cell->scenario, cell->variant, treadle_granularity_name(cell->granularity), i,
                      outcome.message);
        if (outcome.kind != TREADLE_OUTCOME_PASSED && outcome.kind != TREADLE_OUTCOME_VIOLATED &&
            outcome.kind != TREADLE_OUTCOME_REDUNDANT) {
            break;
        }
        self->spin_blocks += outcome.spin_blocks;
        self->violated += outcome.kind == TREADLE_OUTCOME_VIOLATED;
        if (outcome.kind != TREADLE_OUTCOME_REDUNDANT) {
            self->executions++;
            uint32_t slot;
            if (!has(self, hash(state), &slot)) {
                self->table[slot] = hash(state);
                self->count++;
            }
        }
    }
    strategy->destroy(state);
}

/* False when the cell is too large for depth-first search, or threads in it are held back by how
 * often they tried (see dpor_test.c). */
static bool agree(const treadle_cell *cell)
{
    static traces all;
    static traces reduced;
    const char *level = treadle_granularity_name(cell->granularity);
    explore(&reduced, cell, &treadle_strategy_dpor, false, treadle_dpor_trace_hash, REDUCED_MAX);
    cr_expect(reduced.executions == reduced.count || reduced.spin_blocks > 0,
              "%s %s %s: %lu executions for %u traces", cell->scenario, cell->variant, level,
              reduced.executions, reduced.count);
    explore(&all, cell, &tracer_strategy, false, tracer_hash, EXECUTIONS_MAX);
    if (!all.complete || all.spin_blocks > 0) {
        return false;
    }
    if (all.violated > 0) { /* which ends an execution, and a search, before all its steps */
        cr_expect_gt(reduced.violated, 0, "%s %s %s: no violation", cell->scenario, cell->variant,
                     level);
        return true;
    }
    uint32_t missing = 0;
    uint32_t slot;
    for (uint32_t i = 0; i < TABLE; i++) {
        missing += all.table[i] != 0 && !has(&reduced, all.table[i], &slot);
    }
    cr_expect(reduced.complete, "%s %s %s", cell->scenario, cell->variant, level);
    cr_expect_eq(missing, 0, "%s %s %s: %u of %u traces are missing", cell->scenario, cell->variant,
                 level, missing, all.count);
    cr_expect_leq(reduced.count, all.count, "%s %s %s: %u traces, there are %u", cell->scenario,
                  cell->variant, level, reduced.count, all.count);
    return true;
}

/* Whether interchangeable threads save anything; what breaks must break with them, too. */
static bool saves(const treadle_cell *cell)
{
    static traces all;
    static traces reduced;
    const char *level = treadle_granularity_name(cell->granularity);
    explore(&all, cell, &treadle_strategy_dpor, false, treadle_dpor_trace_hash, REDUCED_MAX);
    if (!all.complete || all.spin_blocks > 0) {
        return false;
    }
    explore(&reduced, cell, &treadle_strategy_dpor, true, treadle_dpor_trace_hash, REDUCED_MAX);
    cr_expect(reduced.complete);
    cr_expect_eq(reduced.violated > 0, all.violated > 0, "%s %s %s: %lu violations, not %lu",
                 cell->scenario, cell->variant, level, reduced.violated, all.violated);
    cr_expect_leq(reduced.executions, all.executions, "%s %s %s", cell->scenario, cell->variant,
                  level);
    return reduced.executions < all.executions;
}

static treadle_cell cell_of(const treadle_scenario *scenario, const treadle_expectation *row)
{
    treadle_cell cell = {.backend = TREADLE_BACKEND_MEMORY, .granularity = row->granularity};
    snprintf(cell.scenario, sizeof cell.scenario, "%s", scenario->name);
    snprintf(cell.variant, sizeof cell.variant, "%s", row->variant);
    for (uint32_t i = 0; scenario->parameters[i].name != NULL; i++) {
        cell.parameters[i] = scenario->parameters[i].fallback;
        cell.parameter_count = i + 1;
    }
    return cell;
}

Test(dpor, agrees_with_depth_first_search_on_every_cell)
{
    cr_assert_eq(treadle_engine_open(&decisions), 0);
    uint32_t compared = 0;
    for (size_t i = 0; treadle_scenarios()[i] != NULL; i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        if (strcmp(scenario->name, "litmus/misbehaving") == 0) {
            continue; /* takes the process along */
        }
        for (const treadle_expectation *row = scenario->expectations; row->variant != NULL; row++) {
            if (row->backend == TREADLE_BACKEND_MEMORY) {
                const treadle_cell cell = cell_of(scenario, row);
                compared += agree(&cell);
            }
        }
    }
    cr_expect_geq(compared, COMPARED_MIN, "%u cells", compared);
}

Test(symmetry, saves_and_loses_nothing_where_a_row_claims_it)
{
    cr_assert_eq(treadle_engine_open(&decisions), 0);
    uint32_t saved = 0;
    for (size_t i = 0; treadle_scenarios()[i] != NULL; i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        for (const treadle_expectation *row = scenario->expectations;
             scenario->symmetric && row->variant != NULL; row++) {
            if (row->backend == TREADLE_BACKEND_MEMORY) {
                const treadle_cell cell = cell_of(scenario, row);
                saved += saves(&cell);
            }
        }
    }
    cr_expect_geq(saved, SAVED_MIN, "%u cells", saved);
}
