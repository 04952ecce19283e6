// SPDX-License-Identifier: MIT
/* Depth-first search over every decision: plain and exhaustive, the yardstick for reductions. The
 * state is the current path; the next execution repeats it up to the last decision that has an
 * option left. */
#include <assert.h>
#include <stdlib.h>

#include "tools/engine/engine.h"
#include "tools/strategies/strategies.h"

typedef struct branch {
    uint16_t value;
    uint16_t count;
} branch;

typedef struct dfs {
    uint32_t depth;    /* decisions made in this execution */
    uint32_t recorded; /* length of the path */
    bool done;
    branch path[TREADLE_DECISIONS_MAX]; /* touched only as deep as executions go */
} dfs;

static void *create(const treadle_strategy_options *options)
{
    (void)options;
    return calloc(1, sizeof(dfs));
}

static bool begin(void *context, uint64_t execution)
{
    (void)execution;
    dfs *self = context;
    self->depth = 0;
    return !self->done;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    dfs *self = context;
    const uint32_t depth = self->depth++;
    if (depth == self->recorded) {
        assert(depth < TREADLE_DECISIONS_MAX);
        self->path[self->recorded++] = (branch){.value = 0, .count = (uint16_t)choice->count};
        return 0;
    }
    const branch *taken = &self->path[depth];
    if (taken->count != choice->count) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "decision %u has %u options where the same prefix had %u before: the subject "
                     "depends on something that is not in the decision stream",
                     depth + 1, choice->count, taken->count);
    }
    return taken->value;
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    dfs *self = context;
    self->recorded = self->depth;
    while (self->recorded > 0) {
        branch *last = &self->path[self->recorded - 1];
        if (last->value + 1 < last->count) {
            last->value++;
            return;
        }
        self->recorded--;
    }
    self->done = true;
}

/* With every option of a decision weighing the same: what lies before the path. It is the
 * probability that a random walk ends among what has been explored. */
static double progress(const void *context)
{
    const dfs *self = context;
    double share = 0;
    double weight = 1; /* of the subtree that the path has reached */
    for (uint32_t i = 0; i < self->recorded; i++) {
        weight /= self->path[i].count;
        share += weight * self->path[i].value;
    }
    return self->done ? 1 : share;
}

const treadle_strategy treadle_strategy_dfs = {
    .name = "dfs",
    .summary = "depth-first search: every interleaving, one by one",
    .exhaustive = true,
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .progress = progress,
};
