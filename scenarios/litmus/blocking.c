// SPDX-License-Identifier: MIT
/* Litmus programs about waiting: deadlock, lost wake-up, spinning. Instrumented. */
#include <pthread.h>
#include <semaphore.h>
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

/* Each takes its own lock and tries the other's; who does not get it gives its own up and tries
 * again. In step they do so for ever. */
static void back_off(void *context, uint32_t index)
{
    blocking *state = context;
    const bool reverse = index % 2 == 1 && !state->fixed;
    pthread_mutex_t *one = reverse ? &state->second : &state->first;
    pthread_mutex_t *other = reverse ? &state->first : &state->second;
    pthread_mutex_lock(one);
    while (pthread_mutex_trylock(other) != 0) {
        pthread_mutex_unlock(one);
        pthread_mutex_lock(one);
    }
    pthread_mutex_unlock(other);
    pthread_mutex_unlock(one);
}

/* ---- starvation --------------------------------------------------------------------------------
 */

enum { ROUNDS = 4, TICKETS = 2 * ROUNDS + 2 };

typedef struct turns {
    bool fixed;
    sem_t room;            /* naive: whoever comes when there is room */
    sem_t served[TICKETS]; /* fixed: one a ticket, waited for by its owner only */
    atomic_uint next_ticket;
    atomic_uint now_serving;
} turns;

static void *setup_turns(const treadle_run *run)
{
    turns *state = calloc(1, sizeof *state);
    state->fixed = strcmp(run->variant, "fixed") == 0;
    sem_init(&state->room, 0, 1);
    for (unsigned i = 0; i < TICKETS; i++) {
        sem_init(&state->served[i], 0, i == 0);
    }
    return state;
}

static void take_turn(turns *state)
{
    if (state->fixed) {
        sem_wait(&state->served[atomic_fetch_add(&state->next_ticket, 1)]);
        sem_post(&state->served[atomic_fetch_add(&state->now_serving, 1) + 1]);
    } else {
        sem_wait(&state->room);
        sem_post(&state->room);
    }
}

/* One comes once, the other again and again. */
static void patient_or_greedy(void *context, uint32_t index)
{
    for (int i = 0; i < (index == 0 ? 1 : ROUNDS); i++) {
        take_turn(context);
    }
}

static void check_turns(void *context)
{
    turns *state = context;
    sem_destroy(&state->room);
    for (unsigned i = 0; i < TICKETS; i++) {
        sem_destroy(&state->served[i]);
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

static const treadle_expectation expect_back_off[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "a free lock does not suspend"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "livelock", "both give way, again and again"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL,
                       "one order for all: who has the first gets both"),
    {0},
};

static const treadle_expectation expect_turns[] = {
    TREADLE_MEMORY_ROW("naive", AWAIT, HOLDS, NULL, "a semaphore with room does not suspend"),
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "starvation",
                       "the greedy one is back before the patient one has woken"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "first come, first served: by ticket"),
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

static const treadle_scenario backing_off = {
    .name = "litmus/backing_off",
    .summary = "two threads take two locks politely; both get them in the end",
    .parameters = two_threads,
    .expectations = expect_back_off,
    .setup = setup,
    .thread = back_off,
    .check = check_nothing,
    .watch_cycles = true,
    .step_limit = 200, /* watched for cycles after a tenth of that */
};

static const treadle_scenario overtaking = {
    .name = "litmus/overtaking",
    .summary = "one waits once, the other comes again and again; it is overtaken twice at most",
    .parameters = two_threads,
    .expectations = expect_turns,
    .setup = setup_turns,
    .thread = patient_or_greedy,
    .check = check_turns,
    .overtaken_max = 2,
};

const treadle_scenario *const treadle_litmus_blocking[] = {
    &lock_order, &lost_wakeup, &spin_flag, &backing_off, &overtaking, NULL,
};
