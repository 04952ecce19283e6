// SPDX-License-Identifier: MIT
/* The tables of scenarios: one a file, each ending with NULL, gathered by registry.c. */
#ifndef TREADLE_SCENARIOS_REGISTRY_H
#define TREADLE_SCENARIOS_REGISTRY_H

#include "scenarios/scenario.h"

extern const treadle_scenario *const treadle_combined[];
extern const treadle_scenario *const treadle_sliding_window[];
extern const treadle_scenario *const treadle_sliding_window_faults[];
extern const treadle_scenario *const treadle_memory_store[];
extern const treadle_scenario *const treadle_token_bucket[];
extern const treadle_scenario *const treadle_redis_bucket[];
extern const treadle_scenario *const treadle_semaphore[];
extern const treadle_scenario *const treadle_provider_factory[];
extern const treadle_scenario *const treadle_metrics[];
extern const treadle_scenario *const treadle_rollout[];
extern const treadle_scenario *const treadle_rollout_semaphore[];
extern const treadle_scenario *const treadle_rollout_token_bucket[];
extern const treadle_scenario *const treadle_rollout_redis_bucket[];
extern const treadle_scenario *const treadle_rollout_metrics[];
extern const treadle_scenario *const treadle_rollout_provider_factory[];
extern const treadle_scenario *const treadle_rollout_combined[];
extern const treadle_scenario *const treadle_litmus_counting[];
extern const treadle_scenario *const treadle_litmus_depth[];
extern const treadle_scenario *const treadle_litmus_blocking[];
extern const treadle_scenario *const treadle_litmus_leaks[];
extern const treadle_scenario *const treadle_litmus_memory[];
extern const treadle_scenario *const treadle_litmus_misbehaving[];
extern const treadle_scenario *const treadle_litmus_oracles[];
extern const treadle_scenario *const treadle_litmus_publication[];
extern const treadle_scenario *const treadle_litmus_planted[]; /* in the asan build */

#endif
