// SPDX-License-Identifier: MIT
#include "tools/explore/run.h"

#include <string.h>

/* What setup() returned need not be torn down, so it is no leak. */
static void *volatile kept;

typedef struct body {
    const treadle_scenario *scenario;
    void *state;
    bool wrong_clocks;                             /* some are: */
    int64_t clock_offsets_ns[TREADLE_THREADS_MAX]; /* by thread */
} body;

static void run_thread(void *argument, uint32_t index)
{
    const body *self = argument;
    if (self->wrong_clocks && self->clock_offsets_ns[index] != 0) {
        treadle_clock_offset(self->clock_offsets_ns[index]);
    }
    self->scenario->thread(self->state, index);
}

/* Whose clock is wrong, and by how much: decided before the threads start, so that no thread's
 * decision depends on another's. */
static void choose_clocks(body *self, uint32_t threads)
{
    const int64_t *offsets_ns = self->scenario->clock_offsets_ns;
    uint32_t offsets = 0;
    while (offsets < TREADLE_CLOCK_OFFSETS_MAX && offsets_ns[offsets] != 0) {
        offsets++;
    }
    uint32_t left = self->scenario->faults.wrong_clocks;
    self->wrong_clocks = left > 0;
    if (!self->wrong_clocks) {
        return;
    }
    memset(self->clock_offsets_ns, 0, sizeof self->clock_offsets_ns);
    for (uint32_t i = 0; i < threads && left > 0; i++) {
        const uint32_t chosen = treadle_decide(TREADLE_CHOICE_FAULT, 1 + offsets);
        if (chosen > 0) {
            self->clock_offsets_ns[i] = offsets_ns[chosen - 1];
            left--;
        }
    }
}

void treadle_run_body(void *argument)
{
    const treadle_run *run = argument;
    const treadle_scenario *scenario = run->scenario;
    const uint32_t threads = (uint32_t)run->parameters[0];
    body self;
    self.scenario = scenario;
    treadle_record_pause(true);
    self.state = scenario->setup(run);
    kept = self.state;
    choose_clocks(&self, threads);
    treadle_record_pause(false);
    treadle_run_threads(threads, scenario->thread_prefix ? scenario->thread_prefix : "thread",
                        run_thread, &self);
    treadle_record_pause(true);
    scenario->check(self.state);
}

treadle_execution_options treadle_run_options(const treadle_cell *cell,
                                              const treadle_scenario *scenario)
{
    treadle_execution_options options = {
        .granularity = cell->granularity,
        .step_limit = scenario->step_limit,
        .random_values = scenario->random_values,
        .heap_reuse_after = scenario->heap_reuse_after,
        .overtaken_max = scenario->overtaken_max,
        .watch_cycles = scenario->watch_cycles,
        .spurious_wakeups = scenario->spurious_wakeups,
        .weak_cas_may_fail = scenario->weak_cas_may_fail,
        .clock_jump_count = scenario->clock_jump_count,
    };
    memcpy(options.clock_jumps_ns, scenario->clock_jumps_ns, sizeof options.clock_jumps_ns);
    return options;
}
