// SPDX-License-Identifier: MIT
#include "tools/stress/native_engine.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/checkers/serial.h"
#include "tools/stress/native_redis.h"
#include "tools/stress/scaled_clock.h"

enum { WORKERS_MAX = 16 };

typedef struct worker {
    uint32_t number; /* from 1; 0 is main */
    jmp_buf *leave;  /* where a violation goes */
} worker;

static _Thread_local worker self;
static treadle_native_outcome outcome;
static pthread_mutex_t outcome_lock = PTHREAD_MUTEX_INITIALIZER;

/* A round: workers wait for the next number, then all are let go at once. */
static struct {
    atomic_uint round;
    atomic_uint arrived;
    atomic_uint done;
    atomic_uint ready; /* threads that wait for their first round */
    uint32_t started;  /* threads that exist */
    uint32_t count;    /* of this round */
    void (*function)(void *, uint32_t);
    void *argument;
} pool;

static void wait_until(atomic_uint *counter, uint32_t value)
{
    for (uint32_t spins = 0; atomic_load(counter) != value; spins++) {
        if (spins > 1000) {
            sched_yield();
        }
    }
}

/* Kept apart from the loop, so that no variable is live across setjmp. */
static void work_once(uint32_t index)
{
    jmp_buf leave;
    treadle_scaled_clock_offset(0);
    self.leave = &leave;
    if (setjmp(leave) == 0) {
        pool.function(pool.argument, index);
    }
    self.leave = NULL;
}

static void *work(void *argument)
{
    const uint32_t index = (uint32_t)(uintptr_t)argument;
    self.number = index + 1;
    uint32_t round = atomic_load(&pool.round) + 1;
    atomic_fetch_add(&pool.ready, 1);
    for (;; round++) {
        wait_until(&pool.round, round);
        if (index >= pool.count) {
            continue;
        }
        atomic_fetch_add(&pool.arrived, 1);
        wait_until(&pool.arrived, pool.count);
        work_once(index);
        atomic_fetch_add(&pool.done, 1);
    }
    return NULL;
}

void treadle_run_threads(uint32_t count, const char *prefix,
                         void (*function)(void *argument, uint32_t index), void *argument)
{
    (void)prefix;
    if (count > WORKERS_MAX) {
        fprintf(stderr, "treadle_stress: more than %d threads\n", WORKERS_MAX);
        _exit(TREADLE_NATIVE_CANNOT);
    }
    for (; pool.started < count; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)(uintptr_t)pool.started) != 0) {
            perror("treadle_stress: pthread_create");
            _exit(TREADLE_NATIVE_CANNOT);
        }
        pthread_detach(thread);
        wait_until(&pool.ready, pool.started + 1);
    }
    pool.count = count;
    pool.function = function;
    pool.argument = argument;
    atomic_store(&pool.arrived, 0);
    atomic_store(&pool.done, 0);
    atomic_fetch_add(&pool.round, 1);
    wait_until(&pool.done, count);
}

static _Noreturn void leave(const char *property)
{
    pthread_mutex_lock(&outcome_lock);
    if (!outcome.violated) {
        outcome.violated = true;
        snprintf(outcome.property, sizeof outcome.property, "%s", property);
    }
    pthread_mutex_unlock(&outcome_lock);
    if (self.leave == NULL) {
        fprintf(stderr, "treadle_stress: a violation (%s) outside a round\n", property);
        exit(3);
    }
    longjmp(*self.leave, 1);
}

_Noreturn void treadle_violation(const char *property, const char *format, ...)
{
    (void)format;
    leave(property);
}

_Noreturn void treadle_stop(treadle_outcome_kind kind, const char *property, const char *format,
                            ...)
{
    (void)kind;
    (void)format;
    leave(property);
}

treadle_native_outcome treadle_native_round(const treadle_run *run)
{
    const treadle_scenario *scenario = run->scenario;
    jmp_buf leave_round;
    outcome.violated = false;
    outcome.property[0] = '\0';
    if (run->backend == TREADLE_BACKEND_REDIS) {
        treadle_native_redis_begin();
    }
    self.leave = &leave_round;
    if (setjmp(leave_round) == 0) {
        void *state = scenario->setup(run);
        treadle_run_threads((uint32_t)run->parameters[0], NULL, scenario->thread, state);
        if (!outcome.violated) {
            scenario->check(state);
        }
    }
    self.leave = NULL;
    return outcome;
}

/* ---- what there is no harness to do ---------------------------------------------------------- */

bool treadle_inside(void)
{
    return true;
}

bool treadle_recording(void)
{
    return false;
}

uint32_t treadle_thread_number(void)
{
    return self.number;
}

int64_t treadle_clock_ns(void)
{
    return treadle_scaled_clock_ns();
}

int64_t treadle_clock_seen_ns(void)
{
    return treadle_scaled_clock_ns();
}

void treadle_clock_offset(int64_t offset_ns)
{
    treadle_scaled_clock_offset(offset_ns);
}

uint32_t treadle_decide(treadle_choice_kind kind, uint32_t count)
{
    (void)kind;
    (void)count;
    return 0;
}

void treadle_note(const char *format, ...)
{
    (void)format;
}

void treadle_record_pause(bool pause)
{
    (void)pause;
}

void treadle_call_begin(const char *text, const void *site)
{
    (void)text;
    (void)site;
}

void treadle_call_end(void)
{
}

void treadle_outcome_text(const char *format, ...)
{
    (void)format;
}
