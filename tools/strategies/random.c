// SPDX-License-Identifier: MIT
/* Random walk: every option of every decision is equally likely. */
#include <stdlib.h>

#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

typedef struct random_walk {
    treadle_prng prng;
    uint64_t seed;
} random_walk;

static void *create(const treadle_strategy_options *options)
{
    random_walk *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->seed = options->seed;
    }
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    random_walk *self = context;
    treadle_prng_seed(&self->prng, self->seed, execution);
    return true;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    random_walk *self = context;
    return treadle_prng_below(&self->prng, choice->count);
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)context;
    (void)outcome;
}

const treadle_strategy treadle_strategy_random = {
    .name = "random",
    .summary = "a random walk: each enabled thread is equally likely at each step",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
};
