// SPDX-License-Identifier: MIT
/* Litmus programs that leave something behind under some orders of their threads: a lock, a slot, a
 * thread. Instrumented. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

typedef struct leaks {
    bool fixed;
    pthread_mutex_t lock;
    sem_t slots;
    atomic_bool cancelled;
    atomic_bool done;
} leaks;

static void *setup(const treadle_run *run)
{
    leaks *state = calloc(1, sizeof *state);
    state->fixed = strcmp(run->variant, "fixed") == 0;
    pthread_mutex_init(&state->lock, NULL);
    sem_init(&state->slots, 0, 1);
    return state;
}

/* One cancels; the other returns early when it sees that: naively with the lock in its hands. */
static void lock_or_cancel(void *context, uint32_t index)
{
    leaks *state = context;
    if (index == 1) {
        atomic_store(&state->cancelled, true);
        return;
    }
    pthread_mutex_lock(&state->lock);
    if (!atomic_load(&state->cancelled) || state->fixed) {
        pthread_mutex_unlock(&state->lock);
    }
}

/* Likewise with a slot. */
static void take_or_cancel(void *context, uint32_t index)
{
    leaks *state = context;
    if (index == 1) {
        atomic_store(&state->cancelled, true);
        return;
    }
    sem_wait(&state->slots);
    if (!atomic_load(&state->cancelled) || state->fixed) {
        sem_post(&state->slots);
    }
}

static void *help(void *context)
{
    leaks *state = context;
    atomic_store(&state->done, true);
    return NULL;
}

/* Naively: who is done needs no waiting for. */
static void start_helper(void *context, uint32_t index)
{
    (void)index;
    leaks *state = context;
    pthread_t helper;
    pthread_create(&helper, NULL, help, state);
    if (!atomic_load(&state->done) || state->fixed) {
        pthread_join(helper, NULL);
    }
}

static void check_nothing(void *context)
{
    (void)context;
}

/* A semaphore's units have no owner, so what must be back is the program's to say. */
static void check_slots(void *context)
{
    leaks *state = context;
    int free_slots = 0;
    sem_getvalue(&state->slots, &free_slots);
    if (free_slots != 1) {
        treadle_violation("slot-leak", "%d of 1 slot is free at the end", free_slots);
    }
}

static const treadle_parameter two_threads[] = {{"threads", 2, 2, 2, "threads"}, {0}};
static const treadle_parameter threads[] = {{"threads", 1, 1, 4, "threads"}, {0}};

static const treadle_expectation expect_lock[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "lock-leak",
                       "who sees the cancellation returns with the lock"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "it unlocks on every way out"),
    {0},
};

static const treadle_expectation expect_slot[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, VIOLATED, "slot-leak",
                       "who sees the cancellation returns with the slot"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "it gives the slot back on every way out"),
    {0},
};

static const treadle_expectation expect_thread[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "the helper is not done before it is awaited"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "thread-leak",
                       "a helper that is done is not joined"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "it joins whether the helper is done or not"),
    {0},
};

static const treadle_scenario lock_left = {
    .name = "litmus/lock_left",
    .summary = "one is cancelled while it holds a lock; the lock is free at the end",
    .parameters = two_threads,
    .expectations = expect_lock,
    .setup = setup,
    .thread = lock_or_cancel,
    .check = check_nothing,
};

static const treadle_scenario slot_left = {
    .name = "litmus/slot_left",
    .summary = "one is cancelled while it holds a slot; the slot is free at the end",
    .parameters = two_threads,
    .expectations = expect_slot,
    .setup = setup,
    .thread = take_or_cancel,
    .check = check_slots,
};

static const treadle_scenario thread_left = {
    .name = "litmus/thread_left",
    .summary = "each starts a helper; every helper is joined",
    .parameters = threads,
    .expectations = expect_thread,
    .setup = setup,
    .thread = start_helper,
    .check = check_nothing,
};

const treadle_scenario *const treadle_litmus_leaks[] = {
    &lock_left,
    &slot_left,
    &thread_left,
    NULL,
};
