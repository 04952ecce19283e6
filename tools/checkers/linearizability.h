// SPDX-License-Identifier: MIT
/*
 * Linearizability: is there an order of the calls of a history, in which a call that returned
 * before another began comes first, and in which a sequential model gives every result that was
 * seen? (Herlihy and Wing, "Linearizability: a correctness condition for concurrent objects",
 * 1990.)
 *
 * Decided by the search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with
 * Lowe's memoisation of configurations ("Testing for linearizability", 2017). A call whose outcome
 * is unknown may be put anywhere after its beginning, or left out. Models that partition (one part
 * a key) are decided part by part (Horn and Kroening, "Faster linearizability checking via
 * P-compositionality", 2015).
 *
 * Time: a call carries the clock value that it saw, and the model may use it. The order of calls is
 * not bound to the order of those values: a thread may read a clock and be held up.
 *
 * The functions allocate nothing and keep their tables in static memory: one thread at a time.
 */
#ifndef TREADLE_CHECKERS_LINEARIZABILITY_H
#define TREADLE_CHECKERS_LINEARIZABILITY_H

#include <stddef.h>

#include "tools/checkers/history.h"

#define TREADLE_MODEL_STATE_MAX 4096u

typedef struct treadle_model {
    const char *name;
    /* Of the state: plain bytes without pointers, at most TREADLE_MODEL_STATE_MAX. Two states are
     * the same when their bytes are; so padding and unused parts must be zero. */
    size_t state_size;
    /* Writes the initial state; `state` is all zero before. */
    void (*init)(void *state, const void *config);
    /* Whether the call can have its result in this state; if so, applies its effect. May leave
     * anything behind when not. A call with `unknown` set took effect and returned nothing: apply
     * what it does in this state. */
    bool (*step)(void *state, const treadle_call *call);
    /* Calls with different keys do not influence each other; each key gets a state of its own.
     * NULL: all do. */
    uint64_t (*partition)(const treadle_call *call);
    /* One line about a call for messages: "acquire(openai) -> refused". NULL: numbers. */
    void (*describe)(const treadle_call *call, char *text, size_t size);
} treadle_model;

typedef enum treadle_linearizability {
    TREADLE_LINEARIZABLE,
    TREADLE_NOT_LINEARIZABLE,
    TREADLE_LINEARIZABILITY_UNKNOWN, /* the search was given up: too many configurations */
} treadle_linearizability;

/* `why` receives one line when the history is not linearizable: the calls that no order explains.
 * `config` is handed to the model's init. */
treadle_linearizability treadle_linearizable(const treadle_history *history,
                                             const treadle_model *model, const void *config,
                                             char *why, size_t why_size);

/* Ends the execution as a violation of "linearizability" when the history is not linearizable, and
 * as cut when that could not be decided. To be called inside an execution. */
void treadle_require_linearizable(const treadle_history *history, const treadle_model *model,
                                  const void *config);

#endif
