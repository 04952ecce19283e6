// SPDX-License-Identifier: MIT
#include "tools/checkers/linearizability.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/engine/engine.h"

enum { VISITED = 1 << 16, VISITED_MAX = VISITED / 2 };

/* The configurations that led nowhere: which calls are placed, and the state they led to. The hash
 * has 128 bits, so that two states are not taken for one. A slot is free when its round is old. */
typedef struct configuration {
    uint64_t placed;
    XXH128_hash_t state;
    uint64_t round;
} configuration;

static struct {
    configuration slots[VISITED];
    uint32_t used;
    uint64_t round;
} visited;

typedef struct search {
    const treadle_model *model;
    const char *const *functions; /* names; may be NULL */
    const treadle_call *calls[TREADLE_HISTORY_MAX];
    uint32_t count;
    uint64_t required; /* the calls that returned: all must be placed */
    uint64_t deepest;  /* the largest set of calls that could be placed */
    bool gave_up;
} search;

/* One state a depth; the search goes no deeper than there are calls. */
static _Alignas(16) unsigned char states[TREADLE_HISTORY_MAX + 1][TREADLE_MODEL_STATE_MAX];

/* Remembers a configuration. False when it is known already. */
static bool remember(search *self, uint64_t placed, const void *state)
{
    const XXH128_hash_t hash = XXH3_128bits(state, self->model->state_size);
    uint32_t slot = (uint32_t)(hash.low64 ^ placed * UINT64_C(0x9e3779b97f4a7c15)) & (VISITED - 1);
    for (; visited.slots[slot].round == visited.round; slot = (slot + 1) & (VISITED - 1)) {
        const configuration *known = &visited.slots[slot];
        if (known->placed == placed && known->state.low64 == hash.low64 &&
            known->state.high64 == hash.high64) {
            return false;
        }
    }
    if (visited.used == VISITED_MAX) {
        self->gave_up = true;
        return false;
    }
    visited.used++;
    visited.slots[slot] = (configuration){placed, hash, visited.round};
    return true;
}

/* The calls that may come next: not placed, and begun before every unplaced call returned. */
static uint64_t candidates(const search *self, uint64_t placed)
{
    uint32_t first_return = UINT32_MAX;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!(placed >> i & 1) && self->calls[i]->returned < first_return) {
            first_return = self->calls[i]->returned;
        }
    }
    uint64_t may = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!(placed >> i & 1) && self->calls[i]->invoked < first_return) {
            may |= UINT64_C(1) << i;
        }
    }
    return may;
}

static bool place(search *self, uint64_t placed, uint32_t depth)
{
    if (__builtin_popcountll(placed) > __builtin_popcountll(self->deepest)) {
        self->deepest = placed;
    }
    if ((placed & self->required) == self->required) {
        return true;
    }
    if (!remember(self, placed, states[depth])) {
        return false;
    }
    for (uint64_t may = candidates(self, placed); may != 0; may &= may - 1) {
        const uint32_t next = (uint32_t)__builtin_ctzll(may);
        memcpy(states[depth + 1], states[depth], self->model->state_size);
        if (self->model->step(states[depth + 1], self->calls[next]) &&
            place(self, placed | UINT64_C(1) << next, depth + 1)) {
            return true;
        }
    }
    return false;
}

static void describe_call(const search *self, const treadle_call *call, char *text, size_t size)
{
    if (self->model->describe != NULL) {
        self->model->describe(call, text, size);
    } else if (self->functions != NULL) {
        snprintf(text, size, "%s -> %" PRId64, self->functions[call->function], call->result);
    } else {
        snprintf(text, size, "%" PRIu32 "(%" PRId64 ", %" PRId64 ") -> %" PRId64, call->function,
                 call->arguments[0], call->arguments[1], call->result);
    }
}

/* The calls in the order in which they began, those that could be placed apart from the others. */
static void explain(const search *self, char *why, size_t size)
{
    size_t used = 0;
    why[0] = '\0';
    for (int placed = 1; placed >= 0; placed--) {
        const char *separator = placed     ? ""
                                : used > 0 ? "; then nothing explains "
                                           : "nothing explains ";
        for (uint32_t i = 0; i < self->count; i++) {
            if ((int)(self->deepest >> i & 1) != placed || used >= size) {
                continue;
            }
            char text[96];
            describe_call(self, self->calls[i], text, sizeof text);
            const int length = snprintf(why + used, size - used, "%s%s", separator, text);
            used += length > 0 ? (size_t)length : 0;
            separator = ", ";
        }
    }
}

static treadle_linearizability decide(search *self, const void *config, char *why, size_t size)
{
    self->required = 0;
    self->deepest = 0;
    self->gave_up = false;
    for (uint32_t i = 0; i < self->count; i++) {
        self->required |= (uint64_t)!self->calls[i]->unknown << i;
    }
    visited.round++;
    visited.used = 0;
    memset(states[0], 0, self->model->state_size);
    self->model->init(states[0], config);
    if (place(self, 0, 0)) {
        return TREADLE_LINEARIZABLE;
    }
    if (self->gave_up) {
        return TREADLE_LINEARIZABILITY_UNKNOWN;
    }
    explain(self, why, size);
    return TREADLE_NOT_LINEARIZABLE;
}

treadle_linearizability treadle_linearizable(const treadle_history *history,
                                             const treadle_model *model, const void *config,
                                             char *why, size_t why_size)
{
    assert(model->state_size <= TREADLE_MODEL_STATE_MAX && why_size > 0);
    search self = {.model = model, .functions = history->functions};
    uint64_t left =
        history->count == 64 ? UINT64_MAX : (UINT64_C(1) << history->count) - UINT64_C(1);
    why[0] = '\0';
    while (left != 0) {
        const treadle_call *first = &history->calls[__builtin_ctzll(left)];
        const uint64_t key = model->partition != NULL ? model->partition(first) : 0;
        self.count = 0;
        for (uint64_t of = left; of != 0; of &= of - 1) {
            const uint32_t i = (uint32_t)__builtin_ctzll(of);
            const treadle_call *call = &history->calls[i];
            if (model->partition == NULL || model->partition(call) == key) {
                self.calls[self.count++] = call;
                left &= ~(UINT64_C(1) << i);
            }
        }
        const treadle_linearizability answer = decide(&self, config, why, why_size);
        if (answer != TREADLE_LINEARIZABLE) {
            return answer;
        }
    }
    return TREADLE_LINEARIZABLE;
}

void treadle_require_linearizable(const treadle_history *history, const treadle_model *model,
                                  const void *config)
{
    char why[TREADLE_MESSAGE_MAX - 100];
    switch (treadle_linearizable(history, model, config, why, sizeof why)) {
    case TREADLE_LINEARIZABLE: return;
    case TREADLE_NOT_LINEARIZABLE:
        treadle_violation("linearizability", "no order of the calls gives what they returned: %s",
                          why);
    case TREADLE_LINEARIZABILITY_UNKNOWN:
        treadle_stop(TREADLE_OUTCOME_CUT, "linearizability",
                     "too many configurations to decide whether the history is linearizable");
    }
}
