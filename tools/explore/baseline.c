// SPDX-License-Identifier: MIT
#include "tools/explore/baseline.h"

#include <stdlib.h>
#include <string.h>

typedef struct workload {
    bool passed; /* by fixed or lockfree */
    bool broken; /* a variant that the row expects to break did */
} workload;

struct treadle_baselines {
    size_t scenarios;
    workload workloads[]; /* scenario by scenario, backend by backend */
};

treadle_baselines *treadle_baselines_open(void)
{
    const size_t scenarios = treadle_scenario_count();
    treadle_baselines *baselines = calloc(
        1, sizeof *baselines + scenarios * TREADLE_BACKEND_COUNT * sizeof baselines->workloads[0]);
    if (baselines != NULL) {
        baselines->scenarios = scenarios;
    }
    return baselines;
}

void treadle_baselines_close(treadle_baselines *baselines)
{
    free(baselines);
}

void treadle_baselines_note(treadle_baselines *baselines, const treadle_result *result)
{
    const treadle_cell *cell = &result->cell;
    size_t index = 0;
    while (index < baselines->scenarios &&
           strcmp(treadle_scenarios()[index]->name, cell->scenario) != 0) {
        index++;
    }
    if (index == baselines->scenarios) {
        return;
    }
    workload *noted = &baselines->workloads[index * TREADLE_BACKEND_COUNT + cell->backend];
    const bool passed = result->verdict == TREADLE_VERDICT_HOLDS ||
                        result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND;
    noted->passed |= passed && treadle_variant_is_solution(cell->variant);
    noted->broken |=
        result->verdict == TREADLE_VERDICT_VIOLATED && !treadle_variant_is_solution(cell->variant);
}

treadle_baseline_counts treadle_baselines_count(const treadle_baselines *baselines,
                                                void (*lost)(const treadle_scenario *scenario,
                                                             treadle_backend backend))
{
    treadle_baseline_counts counts = {0};
    for (size_t i = 0; i < baselines->scenarios; i++) {
        const treadle_scenario *scenario = treadle_scenarios()[i];
        for (treadle_backend backend = 0; backend < TREADLE_BACKEND_COUNT; backend++) {
            const workload *noted = &baselines->workloads[i * TREADLE_BACKEND_COUNT + backend];
            if (!noted->passed) {
                continue;
            }
            counts.workloads++;
            if (noted->broken) {
                counts.broken++;
            } else if (scenario->no_baseline != NULL) {
                counts.exempt++;
            } else {
                counts.lost++;
                if (lost != NULL) {
                    lost(scenario, backend);
                }
            }
        }
    }
    return counts;
}
