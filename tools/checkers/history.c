// SPDX-License-Identifier: MIT
#include "tools/checkers/history.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/engine/engine.h"

static void describe(const treadle_history *history, const treadle_call *call, char *text,
                     size_t size)
{
    if (history->functions != NULL) {
        snprintf(text, size, "%s", history->functions[call->function]);
    } else {
        snprintf(text, size, "%" PRIu32 "(%" PRId64 ", %" PRId64 ")", call->function,
                 call->arguments[0], call->arguments[1]);
    }
}

/* Atomic for the sake of the stress program, where the threads are real. */
static uint32_t next(uint32_t *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

uint32_t treadle_invoke(treadle_history *history, uint32_t function, int64_t argument0,
                        int64_t argument1)
{
    treadle_call call = {.thread = treadle_thread_number(),
                         .function = function,
                         .arguments = {argument0, argument1},
                         .returned = UINT32_MAX,
                         .unknown = true};
    char text[64] = "";
    if (treadle_recording()) {
        describe(history, &call, text, sizeof text);
    }
    treadle_call_begin(text, __builtin_return_address(0));
    const uint32_t number = next(&history->count);
    if (number < TREADLE_HISTORY_MAX) {
        call.invoked = next(&history->position);
        history->calls[number] = call;
        return number;
    }
    treadle_stop(TREADLE_OUTCOME_CUT, "history-limit", "more than %u calls in one execution",
                 TREADLE_HISTORY_MAX);
}

static treadle_call *finish(treadle_history *history, uint32_t number)
{
    assert(number < TREADLE_HISTORY_MAX);
    treadle_call *call = &history->calls[number];
    assert(call->returned == UINT32_MAX);
    treadle_call_end();
    const int64_t seen = treadle_clock_seen_ns();
    call->clock_ns = seen >= 0 ? seen : treadle_clock_ns();
    return call;
}

void treadle_respond(treadle_history *history, uint32_t number, int64_t result)
{
    treadle_call *call = finish(history, number);
    call->result = result;
    call->unknown = false;
    call->returned = next(&history->position);
}

void treadle_respond_unknown(treadle_history *history, uint32_t number)
{
    finish(history, number);
}
