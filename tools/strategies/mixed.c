// SPDX-License-Identifier: MIT
/* Random walk and PCT in turns, one execution each. A random walk switches all the time and finds
 * bugs that need many switches close together; PCT switches rarely and finds those that need one
 * thread to run far while another stands still. Neither is good at the other's. */
#include <stdlib.h>

#include "tools/strategies/strategies.h"

typedef struct mixed {
    const treadle_strategy *strategies[2];
    void *selves[2];
    uint32_t turn;
} mixed;

static void destroy(void *context)
{
    mixed *self = context;
    for (uint32_t i = 0; i < 2; i++) {
        if (self->selves[i] != NULL) {
            self->strategies[i]->destroy(self->selves[i]);
        }
    }
    free(self);
}

static void *create(const treadle_strategy_options *options)
{
    mixed *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->strategies[0] = &treadle_strategy_random;
    self->strategies[1] = &treadle_strategy_pct;
    for (uint32_t i = 0; i < 2; i++) {
        self->selves[i] = self->strategies[i]->create(options);
    }
    if (self->selves[0] == NULL || self->selves[1] == NULL) {
        destroy(self);
        return NULL;
    }
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    mixed *self = context;
    self->turn = execution % 2;
    return self->strategies[self->turn]->begin(self->selves[self->turn], execution / 2);
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    mixed *self = context;
    return self->strategies[self->turn]->choose(self->selves[self->turn], choice);
}

static void end(void *context, const treadle_outcome *outcome)
{
    mixed *self = context;
    self->strategies[self->turn]->end(self->selves[self->turn], outcome);
}

static void guarantee(const void *context, treadle_guarantee *out)
{
    const mixed *self = context;
    treadle_strategy_pct.guarantee(self->selves[1], out);
}

static void estimate(const void *context, treadle_estimate *out)
{
    const mixed *self = context;
    treadle_strategy_random.estimate(self->selves[0], out);
}

const treadle_strategy treadle_strategy_mixed = {
    .name = "mixed",
    .summary = "random and pct in turns",
    .create = create,
    .destroy = destroy,
    .begin = begin,
    .choose = choose,
    .end = end,
    .guarantee = guarantee,
    .estimate = estimate,
};
