// SPDX-License-Identifier: MIT
#include "tools/engine/tests/explore.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tools/strategies/strategies.h"

static treadle_decisions decisions;
static exploration *current;

void report(uint64_t value)
{
    cr_assert_lt(value, RESULTS_MAX);
    current->results[value]++;
}

void threads(uint32_t count, void (*body)(void *, uint32_t))
{
    treadle_run_threads(count, "t", body, NULL);
}

static bool is_of(const treadle_outcome *outcome, const char *property)
{
    return property != NULL && strcmp(outcome->property, property) == 0;
}

void explore(exploration *self, void (*body)(void *))
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
    current = self;
    const treadle_strategy *strategy =
        treadle_strategy_find(self->strategy != NULL ? self->strategy : "dfs");
    const treadle_strategy_options strategy_options = {.seed = 1};
    void *state = strategy->create(&strategy_options);
    const uint64_t max = self->executions_max ? self->executions_max : 2000000;
    self->options.granularity = self->granularity;
    while (self->executions < max) {
        if (!strategy->begin(state, self->executions)) {
            self->complete = true;
            break;
        }
        treadle_outcome outcome;
        const treadle_program program = {body, NULL};
        treadle_execute(&program, &self->options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        self->executions++;
        self->passed += outcome.kind == TREADLE_OUTCOME_PASSED;
        self->violated += outcome.kind == TREADLE_OUTCOME_VIOLATED;
        if (outcome.kind != TREADLE_OUTCOME_PASSED) {
            if (!is_of(&self->last_bad, self->property) || is_of(&outcome, self->property)) {
                self->last_bad = outcome;
            }
            self->other += outcome.kind != TREADLE_OUTCOME_VIOLATED;
        }
    }
    strategy->destroy(state);
}
