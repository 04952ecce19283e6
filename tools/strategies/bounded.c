// SPDX-License-Identifier: MIT
#include "tools/strategies/bounded.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/engine/engine.h"

typedef struct branch {
    uint32_t spent; /* before it */
    uint16_t rank;  /* taken, of `count` */
    uint16_t count;
    uint16_t price;
} branch;

typedef struct bounded {
    treadle_ranking *ranking;
    uint32_t limit; /* of `bound`, plus one; 0 = none */
    uint32_t bound; /* what executions may cost now */
    bool cut;       /* something costs more */
    bool repeated;  /* the last execution cost less */
    bool done;
    uint32_t spent; /* in this execution */
    uint32_t depth; /* decisions made in this execution */
    uint32_t recorded;
    uint64_t executions; /* that cost as much as the bound */
    treadle_bound exhausted;
    branch path[TREADLE_DECISIONS_MAX]; /* touched only as deep as executions go */
} bounded;

void *treadle_bounded_create(const treadle_strategy_options *options, const char *what,
                             treadle_ranking *ranking)
{
    bounded *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->ranking = ranking;
        self->limit = options->bound_limit;
        snprintf(self->exhausted.what, sizeof self->exhausted.what, "%s", what);
    }
    return self;
}

bool treadle_bounded_begin(void *context, uint64_t execution)
{
    (void)execution;
    bounded *self = context;
    self->depth = 0;
    self->spent = 0;
    return !self->done;
}

static uint32_t cost(uint16_t price, uint32_t rank)
{
    switch ((treadle_price)price) {
    case TREADLE_PRICE_NONE: return 0;
    case TREADLE_PRICE_ONE: return rank > 0;
    case TREADLE_PRICE_RANK: return rank;
    }
    return 0;
}

uint32_t treadle_bounded_choose(void *context, const treadle_choice *choice)
{
    bounded *self = context;
    const uint32_t depth = self->depth++;
    branch *at = &self->path[depth];
    if (depth == self->recorded) {
        assert(depth < TREADLE_DECISIONS_MAX);
        *at = (branch){.spent = self->spent, .count = (uint16_t)choice->count};
        self->recorded++;
    } else if (at->count != choice->count) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "decision %u has %u options where the same prefix had %u before: the subject "
                     "depends on something that is not in the decision stream",
                     depth + 1, choice->count, at->count);
    }
    uint32_t option = at->rank;
    treadle_price price = TREADLE_PRICE_NONE;
    if (choice->kind == TREADLE_CHOICE_THREAD) {
        option = self->ranking(choice, at->rank, &price);
    }
    at->price = (uint16_t)price;
    self->spent += cost(at->price, at->rank);
    return option;
}

/* Goes to the next path within the bound. False when none is left. */
static bool advance(bounded *self)
{
    while (self->recorded > 0) {
        branch *last = &self->path[self->recorded - 1];
        if (last->rank + 1 < last->count) {
            if (last->spent + cost(last->price, last->rank + 1u) <= self->bound) {
                last->rank++;
                return true;
            }
            self->cut = true;
        }
        self->recorded--;
    }
    return false;
}

static void next_bound(bounded *self)
{
    self->exhausted.bounds = self->bound + 1;
    self->exhausted.executions += self->executions;
    self->exhausted.whole = !self->cut;
    self->executions = 0;
    self->done = !self->cut || self->exhausted.bounds == self->limit;
    self->cut = false;
    self->bound++;
}

void treadle_bounded_end(void *context, const treadle_outcome *outcome)
{
    bounded *self = context;
    if (outcome->kind == TREADLE_OUTCOME_DIVERGED || outcome->kind == TREADLE_OUTCOME_ENVIRONMENT) {
        self->repeated = false;
        self->cut = true; /* nobody knows what would have come after it */
        return;
    }
    self->repeated = self->spent < self->bound;
    self->executions += !self->repeated;
    self->recorded = self->depth;
    if (!advance(self)) {
        next_bound(self);
    }
}

bool treadle_bounded_repeated(const void *context)
{
    const bounded *self = context;
    return self->repeated;
}

void treadle_bounded_bound(const void *context, treadle_bound *out)
{
    const bounded *self = context;
    *out = self->exhausted;
}
