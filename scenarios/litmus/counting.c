// SPDX-License-Identifier: MIT
/* Litmus programs about counting: their interleavings can be counted by hand, and their bugs are
 * the smallest of their kind. Instrumented, as subjects are. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

typedef struct counting {
    pthread_mutex_t lock;
    atomic_int shared;
    int plain;
    atomic_int cells[8];
    int64_t threads;
    int64_t increments;
    bool checked;
    bool fixed;
} counting;

static void *setup(const treadle_run *run)
{
    counting *state = calloc(1, sizeof *state);
    pthread_mutex_init(&state->lock, NULL);
    state->threads = run->parameters[0];
    state->increments = run->parameters[1];
    state->checked = run->parameters[2] != 0;
    state->fixed = strcmp(run->variant, "fixed") == 0;
    return state;
}

static void finish(counting *state, int got, int64_t want, const char *property)
{
    pthread_mutex_destroy(&state->lock);
    if (state->checked && got != want) {
        treadle_violation(property, "the counter is %d, not %d", got, (int)want);
    }
}

/* ---- counter --------------------------------------------------------------------------------- */

static void count_up(void *context, uint32_t index)
{
    counting *state = context;
    (void)index;
    const int64_t increments = state->increments;
    for (int64_t i = 0; i < increments; i++) {
        if (state->fixed) {
            atomic_fetch_add(&state->shared, 1);
        } else {
            const int seen = atomic_load(&state->shared);
            atomic_store(&state->shared, seen + 1);
        }
    }
}

static void check_counter(void *context)
{
    counting *state = context;
    finish(state, atomic_load(&state->shared), state->threads * state->increments, "lost-update");
}

/* ---- check_then_act -------------------------------------------------------------------------- */

static void check_then_act(void *context, uint32_t index)
{
    counting *state = context;
    (void)index;
    pthread_mutex_lock(&state->lock);
    const int seen = state->plain;
    if (state->fixed) {
        state->plain += seen < 1;
        pthread_mutex_unlock(&state->lock);
        return;
    }
    pthread_mutex_unlock(&state->lock);
    if (seen < 1) {
        pthread_mutex_lock(&state->lock);
        state->plain++;
        pthread_mutex_unlock(&state->lock);
    }
}

static void check_limit(void *context)
{
    counting *state = context;
    finish(state, state->plain, 1, "over-admission");
}

/* ---- locked_increment ------------------------------------------------------------------------ */

static void increment_locked(void *context, uint32_t index)
{
    counting *state = context;
    (void)index;
    const int64_t increments = state->increments;
    for (int64_t i = 0; i < increments; i++) {
        pthread_mutex_lock(&state->lock);
        state->plain++;
        pthread_mutex_unlock(&state->lock);
    }
}

static void check_plain(void *context)
{
    counting *state = context;
    finish(state, state->plain, state->threads * state->increments, "lost-update");
}

/* ---- plain_increment ------------------------------------------------------------------------- */

static void increment_plain(void *context, uint32_t index)
{
    counting *state = context;
    (void)index;
    const int64_t increments = state->increments;
    for (int64_t i = 0; i < increments; i++) {
        if (state->fixed) {
            pthread_mutex_lock(&state->lock);
        }
        state->plain++;
        if (state->fixed) {
            pthread_mutex_unlock(&state->lock);
        }
    }
}

/* ---- steps: nothing to find, everything to count ------------------------------------------------
 */

static void step(void *context, uint32_t index)
{
    counting *state = context;
    atomic_store(&state->cells[index], 1);
    atomic_store(&state->cells[index], 2);
    atomic_store(&state->cells[index], 3);
}

static void check_steps(void *context)
{
    (void)context;
}

static void *setup_steps(const treadle_run *run)
{
    (void)run;
    return calloc(1, sizeof(counting));
}

/* ---- rows ------------------------------------------------------------------------------------ */

#define COUNTING_PARAMETERS(threads_default, increments_default)                                \
    {                                                                                           \
        {"threads", threads_default, 1, 8, "threads"},                                          \
            {"increments", increments_default, 1, 1000, "what each thread does so many times"}, \
            {"assert", 1, 0, 1, "0: explore without checking the result"},                      \
        {                                                                                       \
            0                                                                                   \
        }                                                                                       \
    }

static const treadle_parameter two_by_one[] = COUNTING_PARAMETERS(2, 1);
static const treadle_parameter three_by_five[] = COUNTING_PARAMETERS(3, 5);
static const treadle_parameter three_threads[] = {{"threads", 3, 1, 8, "threads"}, {0}};

static const treadle_expectation expect_counter[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_HOLDS, NULL,
     "nothing suspends between the load and the store"},
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_VIOLATED,
     "lost-update", "a store overwrites what was stored since the load"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "one atomic read-modify-write"},
    {0},
};

static const treadle_expectation expect_check_then_act[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_HOLDS, NULL,
     "an uncontended lock does not suspend"},
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_VIOLATED,
     "over-admission", "the lock is given up between the check and the act"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "check and act in one critical section"},
    {0},
};

static const treadle_expectation expect_locked[] = {
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "15! / 5!^3 = 756,756 orders of the critical sections"},
    {0},
};

static const treadle_expectation expect_plain[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "plain accesses are no scheduling points here: the bug is invisible"},
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY, TREADLE_VERDICT_VIOLATED,
     "lost-update", "++ is a load and a store"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY, TREADLE_VERDICT_HOLDS, NULL,
     "the increment is locked"},
    {0},
};

static const treadle_expectation expect_steps[] = {
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY, TREADLE_VERDICT_HOLDS, NULL,
     "three threads of three steps: 9!/(3!)^3 = 1,680 interleavings"},
    {0},
};

static const treadle_scenario counter = {
    .name = "litmus/counter",
    .summary = "threads load and store an atomic counter; no increment is lost",
    .parameters = two_by_one,
    .expectations = expect_counter,
    .setup = setup,
    .thread = count_up,
    .check = check_counter,
    .symmetric = true,
};

static const treadle_scenario check_then_act_row = {
    .name = "litmus/check_then_act",
    .summary = "threads check a limit of 1 under a lock, then act under it; at most one acts",
    .parameters = two_by_one,
    .expectations = expect_check_then_act,
    .setup = setup,
    .thread = check_then_act,
    .check = check_limit,
    .symmetric = true,
};

static const treadle_scenario locked_increment = {
    .name = "litmus/locked_increment",
    .summary = "threads increment a counter under a mutex; no increment is lost",
    .parameters = three_by_five,
    .expectations = expect_locked,
    .setup = setup,
    .thread = increment_locked,
    .check = check_plain,
    .symmetric = true,
    .no_baseline = "its interleavings are counted, nothing can go wrong",
};

static const treadle_scenario plain_increment = {
    .name = "litmus/plain_increment",
    .summary = "threads increment a plain int; no increment is lost",
    .parameters = two_by_one,
    .expectations = expect_plain,
    .setup = setup,
    .thread = increment_plain,
    .check = check_plain,
    .symmetric = true,
};

static const treadle_scenario steps = {
    .name = "litmus/steps",
    .summary = "threads of three independent steps, to count interleavings by",
    .parameters = three_threads,
    .expectations = expect_steps,
    .setup = setup_steps,
    .thread = step,
    .check = check_steps,
    .symmetric = true,
    .no_baseline = "its interleavings are counted, nothing can go wrong",
};

const treadle_scenario *const treadle_litmus_counting[] = {
    &counter, &check_then_act_row, &locked_increment, &plain_increment, &steps, NULL,
};
