// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/agreement.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/strategies/dpor.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/tracer.h"

enum { TRACES_MAX = 1 << 14, EXECUTIONS_MAX = 10000 };

typedef struct trace_seen {
    uint64_t hash;  /* 0 = free */
    uint64_t state; /* what the execution left */
} trace_seen;

typedef struct traces {
    uint64_t executions;
    bool complete;
    uint32_t count;
    uint64_t spin_blocks;
    trace_seen table[TRACES_MAX];
} traces;

/* The first difference stays. */
__attribute__((format(printf, 2, 3))) static void differ(agreement *self, const char *format, ...)
{
    if (self->difference[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(self->difference, sizeof self->difference, format, arguments);
        va_end(arguments);
    }
}

static trace_seen *find(traces *self, uint64_t hash)
{
    uint32_t i = (uint32_t)hash % TRACES_MAX;
    while (self->table[i].hash != 0 && self->table[i].hash != hash) {
        i = (i + 1) % TRACES_MAX;
    }
    return &self->table[i];
}

static bool known_end(const treadle_outcome *outcome)
{
    return outcome->kind == TREADLE_OUTCOME_PASSED || outcome->kind == TREADLE_OUTCOME_REDUNDANT ||
           strcmp(outcome->property, "deadlock") == 0 ||
           strcmp(outcome->property, "lock-leak") == 0;
}

static void note(traces *self, agreement *result, uint64_t hash, const program *what,
                 const treadle_outcome *outcome)
{
    const uint64_t state = program_state(what, outcome);
    trace_seen *entry = find(self, hash);
    if (entry->hash == 0) {
        *entry = (trace_seen){hash, state};
        self->count++;
    }
    if (entry->state != state) {
        differ(result, "equal traces end differently");
    }
}

static void explore(traces *self, agreement *result, program *what, treadle_granularity granularity,
                    const treadle_strategy *strategy, uint64_t (*hash)(const void *state))
{
    void *state = strategy->create(&(treadle_strategy_options){0});
    memset(self, 0, sizeof *self);
    const treadle_execution_options options = {.granularity = granularity};
    const treadle_program body = {program_run, what};
    for (uint64_t i = 0; i < EXECUTIONS_MAX && !self->complete; i++) {
        if (!strategy->begin(state, i)) {
            self->complete = true;
            break;
        }
        treadle_outcome outcome;
        treadle_execute(&body, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        self->spin_blocks += outcome.spin_blocks;
        if (outcome.kind != TREADLE_OUTCOME_REDUNDANT) {
            self->executions++;
            note(self, result, hash(state), what, &outcome);
        }
        if (!known_end(&outcome)) {
            differ(result, "%s ends with %d, %s %s", strategy->name, (int)outcome.kind,
                   outcome.property, outcome.message);
        }
    }
    strategy->destroy(state);
    result->executions += self->executions;
}

agreement agreement_of(program *what, treadle_granularity granularity)
{
    static traces all;
    static traces reduced;
    agreement result = {0};
    explore(&all, &result, what, granularity, &tracer_strategy, tracer_hash);
    result.comparable = all.complete && all.spin_blocks == 0;
    if (!result.comparable) {
        return result;
    }
    explore(&reduced, &result, what, granularity, &treadle_strategy_dpor, treadle_dpor_trace_hash);
    uint32_t missing = 0;
    for (uint32_t i = 0; i < TRACES_MAX; i++) {
        missing += all.table[i].hash != 0 && find(&reduced, all.table[i].hash)->hash == 0;
    }
    if (!reduced.complete) {
        differ(&result, "dpor does not end");
    }
    if (missing > 0) {
        differ(&result, "%" PRIu32 " of %" PRIu32 " traces are missing (%" PRIu64 " executions)",
               missing, all.count, all.executions);
    }
    if (reduced.executions != reduced.count) {
        differ(&result, "%" PRIu64 " executions for %" PRIu32 " traces", reduced.executions,
               reduced.count);
    }
    if (reduced.count + missing != all.count) {
        differ(&result, "traces that do not exist");
    }
    return result;
}
