// SPDX-License-Identifier: MIT
/* Litmus programs whose bug has a known depth: how many constraints on the order of the threads it
 * takes (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
 * 2010). Strategies are compared by them. Instrumented, as subjects are. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

enum { STAGES_MAX = 16 };

typedef struct deep {
    pthread_mutex_t lock;
    atomic_int reached;
    int counts[STAGES_MAX];
    int done[2];
    int64_t size; /* length or stages */
    bool fixed;
} deep;

static void *setup(const treadle_run *run)
{
    deep *state = calloc(1, sizeof *state);
    pthread_mutex_init(&state->lock, NULL);
    state->size = run->parameters[1];
    state->fixed = strcmp(run->variant, "fixed") == 0;
    return state;
}

/* ---- ordering_chain: breaks in one order of all steps only, which takes turns
 * --------------------
 */

static void take_turns(void *context, uint32_t index)
{
    deep *state = context;
    if (state->fixed) {
        pthread_mutex_lock(&state->lock);
    }
    for (int step = (int)index; step < state->size; step += 2) {
        int expected = step;
        atomic_compare_exchange_strong(&state->reached, &expected, step + 1);
        state->done[index]++;
    }
    if (state->fixed) {
        pthread_mutex_unlock(&state->lock);
    }
}

static void check_chain(void *context)
{
    deep *state = context;
    pthread_mutex_destroy(&state->lock);
    const int reached = atomic_load(&state->reached);
    if (reached == state->size) {
        treadle_violation("ordering-chain", "%d steps happened in the one order that breaks",
                          reached);
    }
}

/* ---- staged_check_then_act: breaks when every stage lets both threads pass
 * ------------------------
 */

static void pass_stage(deep *state, int64_t stage)
{
    pthread_mutex_lock(&state->lock);
    const int seen = state->counts[stage];
    if (state->fixed) {
        state->counts[stage] += seen < 1;
        pthread_mutex_unlock(&state->lock);
        return;
    }
    pthread_mutex_unlock(&state->lock);
    if (seen < 1) {
        pthread_mutex_lock(&state->lock);
        state->counts[stage]++;
        pthread_mutex_unlock(&state->lock);
    }
}

static void pass_stages(void *context, uint32_t index)
{
    deep *state = context;
    (void)index;
    const int64_t stages = state->size;
    for (int64_t stage = 0; stage < stages; stage++) {
        pass_stage(state, stage);
    }
}

static void check_stages(void *context)
{
    deep *state = context;
    pthread_mutex_destroy(&state->lock);
    for (int64_t stage = 0; stage < state->size; stage++) {
        if (state->counts[stage] < 2) {
            return;
        }
    }
    treadle_violation("over-admission", "each of %d stages let 2 pass at limit 1",
                      (int)state->size);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter chain_parameters[] = {
    {"threads", 2, 2, 2, "threads, which take turns"},
    {"length", 5, 3, 20, "steps that have to happen in one order: depth length - 1"},
    {0},
};

static const treadle_parameter stage_parameters[] = {
    {"threads", 2, 2, 2, "threads"},
    {"stages", 2, 1, STAGES_MAX, "checks then acts that have to go wrong: depth stages + 1"},
    {0},
};

static const treadle_expectation expect_chain[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "nothing suspends: one thread, then the other"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "ordering-chain",
                       "the threads can take turns at every step"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "a thread's steps are one critical section"),
    {0},
};

static const treadle_expectation expect_stages[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "an uncontended lock does not suspend"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "over-admission",
                       "the lock is given up between the check and the act, in every stage"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "check and act in one critical section"),
    {0},
};

static const treadle_scenario chain = {
    .name = "litmus/ordering_chain",
    .summary = "threads take steps; those must not happen in one order, which takes turns",
    .parameters = chain_parameters,
    .expectations = expect_chain,
    .setup = setup,
    .thread = take_turns,
    .check = check_chain,
};

static const treadle_scenario stages_row = {
    .name = "litmus/staged_check_then_act",
    .summary = "threads check, then act, in stages; not every stage may let both pass",
    .parameters = stage_parameters,
    .expectations = expect_stages,
    .setup = setup,
    .thread = pass_stages,
    .check = check_stages,
    .symmetric = true,
};

const treadle_scenario *const treadle_litmus_depth[] = {&chain, &stages_row, NULL};
