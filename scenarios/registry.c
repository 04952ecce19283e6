// SPDX-License-Identifier: MIT
#include "scenarios/registry.h"

/* One line a table. */
/* clang-format off */
static const treadle_scenario *const *const tables[] = {
    treadle_combined,
    treadle_sliding_window,
    treadle_sliding_window_faults,
    treadle_memory_store,
    treadle_token_bucket,
    treadle_redis_bucket,
    treadle_semaphore,
    treadle_provider_factory,
    treadle_metrics,
    treadle_rollout,
    treadle_rollout_semaphore,
    treadle_rollout_token_bucket,
    treadle_rollout_redis_bucket,
    treadle_rollout_metrics,
    treadle_rollout_provider_factory,
    treadle_rollout_combined,
    treadle_litmus_counting,
    treadle_litmus_depth,
    treadle_litmus_blocking,
    treadle_litmus_leaks,
    treadle_litmus_memory,
    treadle_litmus_misbehaving,
    treadle_litmus_oracles,
    treadle_litmus_publication,
#ifdef TREADLE_ASAN
    treadle_litmus_planted,
#endif
};
/* clang-format on */

enum { SCENARIOS_MAX = 256 };

static const treadle_scenario *all[SCENARIOS_MAX];
static size_t count;

/* Gathered once, before main: the tables are constant. */
__attribute__((constructor)) static void gather(void)
{
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t i = 0; tables[t][i] != NULL && count < SCENARIOS_MAX; i++) {
            all[count++] = tables[t][i];
        }
    }
}

const treadle_scenario *const *treadle_scenarios(void)
{
    return all;
}

size_t treadle_scenario_count(void)
{
    return count;
}
