// SPDX-License-Identifier: MIT
#include "window_history.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "window_model.h"

_Static_assert(sizeof(struct window_model) <= TREADLE_MODEL_STATE_MAX, "a state fits");
_Static_assert(TREADLE_HISTORY_MAX <= WINDOW_MODEL_ENTRIES_MAX, "the model is never full");

const char *const window_history_functions[WINDOW_HISTORY_FUNCTIONS] = {
    [WINDOW_HISTORY_ACQUIRE] = "acquire",
    [WINDOW_HISTORY_CHECK] = "check",
    [WINDOW_HISTORY_COUNT] = "count",
    [WINDOW_HISTORY_RESET] = "reset",
};

static void init(void *state, const void *config)
{
    const struct window_history_config *limits = config;
    const bool valid = window_model_init(state, limits->limit, limits->window_s);
    assert(valid);
    (void)valid;
}

static bool matches(const treadle_call *call, int64_t result)
{
    return call->unknown || call->result == result;
}

static bool step(void *state, const treadle_call *call)
{
    struct window_model *window = state;
    const double now_s = (double)call->clock_ns / 1e9;
    const int64_t held = (int64_t)window_model_count(window, now_s);

    switch (call->function) {
    case WINDOW_HISTORY_ACQUIRE:
        return matches(call, window_model_acquire(window, now_s, 0) == WINDOW_MODEL_ADMIT);
    case WINDOW_HISTORY_CHECK: return matches(call, held < window->limit);
    case WINDOW_HISTORY_COUNT: return matches(call, held);
    default:
        /* States are compared byte by byte: no leftovers. */
        memset(window->entries, 0, sizeof window->entries);
        window_model_reset(window);
        return true;
    }
}

static void describe(const treadle_call *call, char *text, size_t size)
{
    const char *name = window_history_functions[call->function];

    switch (call->function) {
    case WINDOW_HISTORY_ACQUIRE:
    case WINDOW_HISTORY_CHECK:
        snprintf(text, size, "%s -> %s", name, call->result != 0 ? "admitted" : "refused");
        break;
    case WINDOW_HISTORY_COUNT:
        snprintf(text, size, "%s -> %lld", name, (long long)call->result);
        break;
    default: snprintf(text, size, "%s", name);
    }
}

const treadle_model window_history_model = {
    .name = "window",
    .state_size = sizeof(struct window_model),
    .init = init,
    .step = step,
    .describe = describe,
};
