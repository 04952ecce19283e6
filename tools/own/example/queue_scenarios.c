// SPDX-License-Identifier: MIT
/* What is tried of the queue, and what must hold. */
#include <stdlib.h>
#include <string.h>
#include <treadle.h>

#include "queue.h"

typedef struct trial {
    queue queue;
    int (*take)(queue *);
    int64_t threads;
    int64_t items;
    int64_t taken[8]; /* by thread: the sum of what it got */
} trial;

static void *setup(const treadle_run *run)
{
    trial *self = calloc(1, sizeof *self);
    queue_open(&self->queue);
    self->take = strcmp(run->variant, "naive") == 0 ? queue_take_once : queue_take;
    self->threads = treadle_run_parameter(run, "threads");
    self->items = treadle_run_parameter(run, "items");
    return self;
}

/* The first half puts, the other half takes as much. */
static void put_or_take(void *context, uint32_t index)
{
    trial *self = context;
    for (int64_t i = 1; i <= self->items; i++) {
        if (index < self->threads / 2) {
            queue_put(&self->queue, (int)i);
        } else {
            self->taken[index] += self->take(&self->queue);
        }
    }
}

static void check(void *context)
{
    trial *self = context;
    int64_t sum = 0;
    for (int64_t i = 0; i < self->threads; i++) {
        sum += self->taken[i];
    }
    const int64_t want = self->threads / 2 * self->items * (self->items + 1) / 2;
    if (sum != want || self->queue.count != 0) {
        treadle_violation("conservation", "what was taken sums up to %d and not to %d; %d are left",
                          (int)sum, (int)want, self->queue.count);
    }
    queue_close(&self->queue);
}

static const treadle_parameter parameters[] = {
    {"threads", 4, 2, 8, "half of them put, half of them take"},
    {"items", 1, 1, 4, "each puts or takes so many"},
    {0},
};

static const treadle_expectation expectations[] = {
    TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, "conservation",
                       "after its wait it does not look again: another one may have been faster"),
    TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, "looks until there is something"),
    {0},
};

static const treadle_scenario put_and_take = {
    .name = "queue/put_and_take",
    .summary = "threads put numbers into a queue and take them out; none is lost or made up",
    .parameters = parameters,
    .expectations = expectations,
    .setup = setup,
    .thread = put_or_take,
    .check = check,
};
TREADLE_SCENARIO(put_and_take);
