// SPDX-License-Identifier: MIT
/* Replay: takes the decisions from a recorded stream. Past its end, and where a value does not fit,
 * it takes the quiet option 0: so that a shortened stream is still a schedule. When it is to be
 * strict, either is a divergence. */
#include <stdlib.h>

#include "tools/engine/engine.h"
#include "tools/strategies/strategies.h"

typedef struct replay {
    const uint16_t *values;
    uint32_t count;
    uint32_t next;
    bool strict;
} replay;

static void *create(const treadle_strategy_options *options)
{
    replay *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->values = options->replay;
        self->count = options->replay_count;
        self->strict = options->replay_strict;
    }
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    (void)execution;
    replay *self = context;
    self->next = 0;
    return true;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    replay *self = context;
    const uint32_t at = self->next++;
    if (at < self->count && self->values[at] < choice->count) {
        return self->values[at];
    }
    if (self->strict && at >= self->count) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "divergence",
                     "the program makes decision %u, but the recorded schedule has ended", at + 1);
    }
    if (self->strict) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "divergence",
                     "decision %u takes option %u of the program's %u", at + 1,
                     self->values[at] + 1u, choice->count);
    }
    return 0;
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)context;
    (void)outcome;
}

const treadle_strategy treadle_strategy_replay = {
    .name = "replay",
    .summary = "repeats a recorded schedule",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
};
