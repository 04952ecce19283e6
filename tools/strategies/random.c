// SPDX-License-Identifier: MIT
/* Random walk: every option of every decision is equally likely. So an execution's probability is
 * one over the product of its branching factors, and that product an unbiased estimate of how many
 * executions there are (Knuth, "Estimating the Efficiency of Backtrack Programs", 1975). */
#include <math.h>
#include <stdlib.h>

#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

typedef struct random_walk {
    treadle_prng prng;
    uint64_t seed;
    double product; /* of the branching factors of this execution */
    uint64_t paths;
    double mean;    /* of the products */
    double squares; /* of their differences from it, summed up (Welford) */
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
    self->product = 1;
    return true;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    random_walk *self = context;
    self->product *= choice->count;
    return treadle_prng_below(&self->prng, choice->count);
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    random_walk *self = context;
    self->paths++;
    const double difference = self->product - self->mean;
    self->mean += difference / (double)self->paths;
    self->squares += difference * (self->product - self->mean);
}

static void estimate(const void *context, treadle_estimate *out)
{
    const random_walk *self = context;
    const double paths = (double)self->paths;
    const bool known = self->paths > 1 && isfinite(self->squares);
    *out =
        (treadle_estimate){.paths = self->paths,
                           .interleavings = isfinite(self->mean) ? self->mean : INFINITY,
                           .spread = known ? sqrt(self->squares / (paths - 1) / paths) : INFINITY};
}

const treadle_strategy treadle_strategy_random = {
    .name = "random",
    .summary = "a random walk: each enabled thread is equally likely at each step",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .estimate = estimate,
};
