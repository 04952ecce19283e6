// SPDX-License-Identifier: MIT
/*
 * A history: which calls were made, which of them overlapped, and what came back. Scenarios write
 * it while their threads run; checkers judge it afterwards.
 *
 * A history is a plain structure, all zero when it is empty, owned by the scenario (usually a
 * member of its fixture). Its functions may be called on a fiber of an execution only, and each
 * call belongs to the thread that began it. Beginning a call is an operation of the execution, so
 * that whether one call ended before another began is explored like everything else.
 */
#ifndef TREADLE_CHECKERS_HISTORY_H
#define TREADLE_CHECKERS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define TREADLE_HISTORY_MAX 64u

typedef struct treadle_call {
    uint32_t thread;
    uint32_t function; /* numbered by the scenario and its model */
    int64_t arguments[2];
    int64_t result;
    int64_t clock_ns;  /* the virtual time that the call saw last, or at which it returned; 0 = it
                          never did */
    uint32_t invoked;  /* positions in the one order of all beginnings and ends */
    uint32_t returned; /* UINT32_MAX: it never did */
    bool unknown;      /* whether it took effect is not known: it may, once, at any later time */
} treadle_call;

typedef struct treadle_history {
    const char *const *functions; /* names by number, for traces and messages; may be NULL */
    uint32_t count;
    uint32_t position;
    treadle_call calls[TREADLE_HISTORY_MAX];
} treadle_history;

/* The caller is about to call. Returns the number of the call. At most TREADLE_HISTORY_MAX calls:
 * more end the execution as a fault of the scenario. */
uint32_t treadle_invoke(treadle_history *history, uint32_t function, int64_t argument0,
                        int64_t argument1);

/* It has returned. */
void treadle_respond(treadle_history *history, uint32_t call, int64_t result);

/* It has returned and does not say whether it took effect (a lost reply). A call that neither
 * responds (its thread was cancelled) counts as unknown, too; but when it was is not known then, so
 * where a model asks for the time a clean-up handler is to call this. */
void treadle_respond_unknown(treadle_history *history, uint32_t call);

#endif
