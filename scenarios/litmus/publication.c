// SPDX-License-Identifier: MIT
/* A message behind a flag: what no interleaving shows, and happens-before does. Every interleaving
 * here is sequentially consistent, so the message is there when the flag is; on a machine, or under
 * a compiler, that reorders the two it need not be. Instrumented, as subjects are. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

enum { WRITTEN = 42 };

typedef struct publication {
    int message;
    atomic_int ready;
    memory_order store;
    memory_order load;
    int received; /* 0 = nothing */
} publication;

static void *setup(const treadle_run *run)
{
    publication *state = calloc(1, sizeof *state);
    const bool fixed = strcmp(run->variant, "fixed") == 0;
    state->store = fixed ? memory_order_release : memory_order_relaxed;
    state->load = fixed ? memory_order_acquire : memory_order_relaxed;
    return state;
}

static void publish(publication *state)
{
    state->message = WRITTEN;
    if (state->store == memory_order_release) {
        atomic_store_explicit(&state->ready, 1, memory_order_release);
    } else {
        atomic_store_explicit(&state->ready, 1, memory_order_relaxed);
    }
}

static void receive(publication *state)
{
    const int ready = state->load == memory_order_acquire
                          ? atomic_load_explicit(&state->ready, memory_order_acquire)
                          : atomic_load_explicit(&state->ready, memory_order_relaxed);
    if (ready) {
        state->received = state->message;
    }
}

static void run(void *context, uint32_t index)
{
    if (index == 0) {
        publish(context);
    } else {
        receive(context);
    }
}

static void check(void *context)
{
    const publication *state = context;
    if (state->received != 0 && state->received != WRITTEN) {
        treadle_violation("lost-message", "the flag was up, and the message was %d",
                          state->received);
    }
}

static const treadle_parameter parameters[] = {{"threads", 2, 2, 2, "threads"}, {0}};

static const treadle_expectation expectations[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "data-race",
                       "a relaxed flag orders nothing, though no interleaving shows it"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "release and acquire"),
    TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, "release and acquire"),
    {0},
};

static const treadle_scenario message_behind_a_flag = {
    .name = "litmus/publication",
    .summary = "one thread writes a message and raises a flag; who sees the flag may read it",
    .parameters = parameters,
    .expectations = expectations,
    .setup = setup,
    .thread = run,
    .check = check,
};

const treadle_scenario *const treadle_litmus_publication[] = {&message_behind_a_flag, NULL};
