// SPDX-License-Identifier: MIT
/* Litmus programs for the oracles: what no invariant of the final state shows. Instrumented, as
 * subjects are. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"
#include "tools/checkers/linearizability.h"
#include "tools/checkers/serial.h"

typedef struct oracles {
    pthread_mutex_t lock;
    sem_t posted;
    bool fixed;
    atomic_int left;
    atomic_int right;
    int seen[8];
    treadle_history history;
} oracles;

static void *setup(const treadle_run *run)
{
    oracles *state = calloc(1, sizeof *state);
    pthread_mutex_init(&state->lock, NULL);
    state->fixed = strcmp(run->variant, "fixed") == 0;
    atomic_store(&state->left, 2);
    sem_init(&state->posted, 0, 0);
    return state;
}

/* ---- serial_transfer: thread 1 moves, thread 2 adds up ------------------------------------------
 */

static void move_or_add_up(void *context, uint32_t index)
{
    oracles *state = context;
    if (state->fixed) {
        pthread_mutex_lock(&state->lock);
    }
    if (index == 0) {
        atomic_fetch_sub(&state->left, 1);
        atomic_fetch_add(&state->right, 1);
    } else {
        state->seen[index] = atomic_load(&state->left);
        state->seen[index] += atomic_load(&state->right);
    }
    if (state->fixed) {
        pthread_mutex_unlock(&state->lock);
    }
}

static void check_transfer(void *context)
{
    oracles *state = context;
    pthread_mutex_destroy(&state->lock);
    treadle_outcome_text("sum=%d left=%d right=%d", state->seen[1], atomic_load(&state->left),
                         atomic_load(&state->right));
}

/* ---- serial_wait: thread 1 waits for thread 2, which no serial order can show -------------------
 */

static void wait_or_post(void *context, uint32_t index)
{
    oracles *state = context;
    if (index == 1) {
        sem_post(&state->posted);
        return;
    }
    if (!state->fixed && sem_trywait(&state->posted) == 0) {
        return; /* thread 2 was first */
    }
    state->seen[0] = !state->fixed;
    sem_wait(&state->posted);
}

static void check_wait(void *context)
{
    oracles *state = context;
    pthread_mutex_destroy(&state->lock);
    treadle_outcome_text("waited=%d", state->seen[0]);
}

/* ---- linearizable_counter: each call returns the new value --------------------------------------
 */

static const char *const counter_functions[] = {"next()"};

static void *setup_counter(const treadle_run *run)
{
    oracles *state = setup(run);
    state->history.functions = counter_functions;
    atomic_store(&state->left, 0);
    return state;
}

static void count_twice(void *context, uint32_t index)
{
    oracles *state = context;
    (void)index;
    for (int i = 0; i < 2; i++) {
        const uint32_t call = treadle_invoke(&state->history, 0, 0, 0);
        int value;
        if (state->fixed) {
            value = atomic_fetch_add(&state->left, 1) + 1;
        } else {
            value = atomic_load(&state->left) + 1;
            atomic_store(&state->left, value);
        }
        treadle_respond(&state->history, call, value);
    }
}

static void counter_init(void *state, const void *config)
{
    (void)config;
    *(int64_t *)state = 0;
}

static bool counter_step(void *state, const treadle_call *call)
{
    return ++*(int64_t *)state == call->result;
}

static const treadle_model counter_model = {
    .name = "counter", .state_size = sizeof(int64_t), .init = counter_init, .step = counter_step};

static void check_counter(void *context)
{
    oracles *state = context;
    pthread_mutex_destroy(&state->lock);
    treadle_require_linearizable(&state->history, &counter_model, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const treadle_parameter pair[] = {{"threads", 2, 2, 2, "threads"}, {0}};
static const treadle_parameter two[] = {{"threads", 2, 2, 8, "threads"}, {0}};

static const treadle_expectation expect_transfer[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "atomicity",
                       "the sum is taken between the two halves of the move"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one critical section"),
    {0},
};

static const treadle_expectation expect_wait[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "atomicity", "one call waits inside another"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "whether it waited does not show"),
    {0},
};

static const treadle_expectation expect_counter[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "linearizability",
                       "two calls return the same number"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "one atomic step"),
    {0},
};

static const treadle_scenario transfer = {
    .name = "litmus/serial_transfer",
    .summary = "one moves a unit, one adds up; the outcome is that of a serial order",
    .parameters = two,
    .expectations = expect_transfer,
    .setup = setup,
    .thread = move_or_add_up,
    .check = check_transfer,
    .serial_outcomes = true,
};

static const treadle_scenario serial_wait = {
    .name = "litmus/serial_wait",
    .summary = "one waits for the other and says so; the outcome is that of a serial order",
    .parameters = pair,
    .expectations = expect_wait,
    .setup = setup,
    .thread = wait_or_post,
    .check = check_wait,
    .serial_outcomes = true,
};

static const treadle_scenario counter = {
    .name = "litmus/linearizable_counter",
    .summary = "threads draw numbers; an order of the calls explains them",
    .parameters = two,
    .expectations = expect_counter,
    .setup = setup_counter,
    .thread = count_twice,
    .check = check_counter,
    .symmetric = true,
};

const treadle_scenario *const treadle_litmus_oracles[] = {&transfer, &serial_wait, &counter, NULL};
