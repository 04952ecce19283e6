// SPDX-License-Identifier: MIT
/* Litmus programs about waiting: deadlock, lost wake-up, spinning. Instrumented. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

typedef struct blocking {
    pthread_mutex_t first;
    pthread_mutex_t second;
    pthread_cond_t changed;
    bool ready;
    atomic_int flag;
    int data;
    int seen;
    bool fixed;
} blocking;

static void *setup(const treadle_run *run)
{
    blocking *state = calloc(1, sizeof *state);
    pthread_mutex_init(&state->first, NULL);
    pthread_mutex_init(&state->second, NULL);
    pthread_cond_init(&state->changed, NULL);
    state->fixed = strcmp(run->variant, "fixed") == 0;
    return state;
}

static void close_all(blocking *state)
{
    pthread_mutex_destroy(&state->first);
    pthread_mutex_destroy(&state->second);
    pthread_cond_destroy(&state->changed);
}

static void check_nothing(void *context)
{
    close_all(context);
}

/* Two locks, taken in opposite orders. */
static void cross(void *context, uint32_t index)
{
    blocking *state = context;
    const bool reverse = index % 2 == 1 && !state->fixed;
    pthread_mutex_t *one = reverse ? &state->second : &state->first;
    pthread_mutex_t *other = reverse ? &state->first : &state->second;
    pthread_mutex_lock(one);
    pthread_mutex_lock(other);
    pthread_mutex_unlock(other);
    pthread_mutex_unlock(one);
}

/* A waiter that does not look whether the signal has already been given. */
static void signal_or_wait(void *context, uint32_t index)
{
    blocking *state = context;
    pthread_mutex_lock(&state->first);
    if (index == 0) {
        state->ready = true;
        pthread_cond_signal(&state->changed);
    } else if (!state->fixed) {
        pthread_cond_wait(&state->changed, &state->first);
    } else {
        while (!state->ready) {
            pthread_cond_wait(&state->changed, &state->first);
        }
    }
    pthread_mutex_unlock(&state->first);
}

/* A spin loop that ends only when the other thread has written. */
static void publish_or_spin(void *context, uint32_t index)
{
    blocking *state = context;
    if (index == 0) {
        if (!state->fixed) {
            atomic_store(&state->flag, 1);
            state->data = 42;
        } else {
            state->data = 42;
            atomic_store(&state->flag, 1);
        }
        return;
    }
    while (atomic_load(&state->flag) == 0) {
    }
    state->seen = state->data;
}

static void check_published(void *context)
{
    blocking *state = context;
    close_all(state);
    if (state->seen != 42) {
        treadle_violation("stale-read", "the data is %d after the flag was seen", state->seen);
    }
}

static const treadle_parameter two_threads[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_expectation expect_cross[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_HOLDS, NULL,
     "a free lock does not suspend"},
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_VIOLATED,
     "deadlock", "each thread holds what the other wants"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "one order for all"},
    {0},
};

static const treadle_expectation expect_signal[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_AWAIT, TREADLE_VERDICT_VIOLATED,
     "deadlock", "the signal comes before the wait and is lost"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "the predicate is looked at under the lock"},
    {0},
};

static const treadle_expectation expect_publish[] = {
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_SYNC, TREADLE_VERDICT_HOLDS, NULL,
     "the plain store is no scheduling point here: the bug is invisible"},
    {"naive", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY, TREADLE_VERDICT_VIOLATED,
     "stale-read", "the flag is raised before the data is there"},
    {"fixed", TREADLE_BACKEND_MEMORY, TREADLE_GRANULARITY_MEMORY, TREADLE_VERDICT_HOLDS, NULL,
     "data first, then the flag"},
    {0},
};

static const treadle_scenario lock_order = {
    .name = "litmus/lock_order",
    .summary = "two threads take two locks; neither waits for ever",
    .parameters = two_threads,
    .expectations = expect_cross,
    .setup = setup,
    .thread = cross,
    .check = check_nothing,
};

static const treadle_scenario lost_wakeup = {
    .name = "litmus/lost_wakeup",
    .summary = "one thread waits for the other's signal; it always comes",
    .parameters = two_threads,
    .expectations = expect_signal,
    .setup = setup,
    .thread = signal_or_wait,
    .check = check_nothing,
};

static const treadle_scenario spin_flag = {
    .name = "litmus/spin_flag",
    .summary = "one thread spins on a flag until the other has published its data",
    .parameters = two_threads,
    .expectations = expect_publish,
    .setup = setup,
    .thread = publish_or_spin,
    .check = check_published,
};

const treadle_scenario *const treadle_litmus_blocking[] = {
    &lock_order,
    &lost_wakeup,
    &spin_flag,
    NULL,
};
