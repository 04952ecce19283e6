// SPDX-License-Identifier: MIT
#include "tools/explore/run.h"

#include <string.h>

/* What setup() returned need not be torn down, so it is no leak. */
static void *volatile kept;

void treadle_run_body(void *argument)
{
    const treadle_run *run = argument;
    const treadle_scenario *scenario = run->scenario;
    treadle_record_pause(true);
    void *state = scenario->setup(run);
    kept = state;
    treadle_record_pause(false);
    treadle_run_threads((uint32_t)run->parameters[0],
                        scenario->thread_prefix ? scenario->thread_prefix : "thread",
                        scenario->thread, state);
    treadle_record_pause(true);
    scenario->check(state);
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
