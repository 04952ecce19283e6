// SPDX-License-Identifier: MIT
/*
 * A stand-in for the engine: one "fiber", which is the test itself, no scheduling. It records what
 * the seam announced, said and touched, and takes the fault decisions that the test queued.
 */
#ifndef TREADLE_REDIS_TESTS_ENGINE_STUB_H
#define TREADLE_REDIS_TESTS_ENGINE_STUB_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/engine/engine.h"
#include "tools/engine/observe.h"

#define STUB_EVENTS_MAX 64
#define STUB_TEXT_MAX 4200
#define STUB_TOUCHES_MAX 1024

typedef struct stub_event {
    treadle_event event; /* first: the seam gets its address */
    uint64_t object;
    const void *site;
    bool failed;
    char text[STUB_TEXT_MAX];
    char state[STUB_TEXT_MAX];
} stub_event;

typedef struct engine_stub {
    bool inside;
    bool recording;
    int64_t clock_ns;
    uint32_t announced;
    uint32_t event_count;
    stub_event events[STUB_EVENTS_MAX];
    uint32_t decisions[16];       /* taken in order, then 0 */
    uint32_t decision_counts[16]; /* how many options each had */
    uint32_t decided;
    void (*on_announce)(void); /* what other threads do meanwhile */
    uint32_t thread;           /* the number of "this" thread */
    uint32_t touch_count;
    treadle_touch touches[STUB_TOUCHES_MAX];
    treadle_outcome outcome;
    jmp_buf stopped;
} engine_stub;

extern engine_stub stub;

/* Runs the start hooks and then `body` as the only fiber. Returns the outcome's kind. */
treadle_outcome_kind stub_execute(void (*body)(void));

#endif
