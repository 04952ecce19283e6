// SPDX-License-Identifier: MIT
#include "tools/strategies/tests/tracer.h"

#include <assert.h>
#include <stdlib.h>

#include "tools/engine/engine.h"
#include "tools/strategies/order.h"

typedef struct branch {
    uint16_t value;
    uint16_t count;
} branch;

typedef struct tracer {
    treadle_step_pool *pool;
    treadle_order *order;
    const treadle_footprint *footprint;
    treadle_gate gate;
    uint32_t thread;
    bool running;
    uint32_t value_count;
    treadle_step_value values[64];
    uint32_t depth;
    uint32_t prologue; /* decided before the first step */
    uint32_t recorded;
    branch path[4096];
} tracer;

static uint32_t next_option(tracer *self, uint32_t count)
{
    const uint32_t depth = self->depth++;
    assert(depth < 4096);
    if (depth == self->recorded) {
        self->path[self->recorded++] = (branch){0, (uint16_t)count};
    }
    assert(self->path[depth].count == count);
    return self->path[depth].value;
}

static void finish_step(tracer *self)
{
    treadle_executed *step =
        treadle_executed_new(self->pool, self->thread, self->footprint->touches,
                             self->footprint->count, self->values, self->value_count);
    const bool appended =
        treadle_order_append(self->order, step, self->gate, self->footprint->released);
    assert(appended);
    (void)appended;
    self->running = false;
}

static bool tracer_begin(void *context, uint64_t execution)
{
    tracer *self = context;
    treadle_order_cut(self->order, 0);
    self->depth = 0;
    self->running = false;
    while (execution > 0 && self->recorded > 0) {
        branch *last = &self->path[self->recorded - 1];
        if (++last->value < last->count) {
            return true;
        }
        self->recorded--;
    }
    return execution == 0;
}

static uint32_t tracer_choose(void *context, const treadle_choice *choice)
{
    tracer *self = context;
    const uint32_t value = next_option(self, choice->count);
    assert(self->value_count < 64);
    self->values[self->value_count++] =
        (treadle_step_value){(uint16_t)value, (uint16_t)choice->count};
    return value;
}

static uint32_t tracer_step(void *context, const treadle_step *now)
{
    tracer *self = context;
    self->footprint = now->footprint;
    if (self->running) {
        finish_step(self);
    } else {
        self->prologue = self->depth;
    }
    if (now->stuck) {
        treadle_order_join_all(self->order);
    }
    uint64_t left = now->enabled;
    if (left & (left - 1)) {
        for (uint32_t skip = next_option(self, (uint32_t)__builtin_popcountll(left)); skip;
             skip--) {
            left &= left - 1;
        }
    }
    self->thread = (uint32_t)__builtin_ctzll(left);
    self->gate = treadle_gate_of(self->thread);
    self->value_count = 0;
    self->running = true;
    return self->thread;
}

static void tracer_end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    tracer *self = context;
    if (self->running) {
        finish_step(self);
    }
}

static void tracer_plan(void *context, treadle_plan *plan)
{
    (void)context;
    (void)plan;
}

static void *tracer_create(const treadle_strategy_options *options)
{
    (void)options;
    tracer *self = calloc(1, sizeof *self);
    self->pool = treadle_step_pool_create();
    self->order = treadle_order_create(self->pool);
    return self;
}

static void tracer_destroy(void *context)
{
    tracer *self = context;
    treadle_order_destroy(self->order);
    treadle_step_pool_destroy(self->pool);
    free(self);
}

uint64_t tracer_hash(const void *state)
{
    const tracer *self = state;
    uint64_t hash = treadle_order_hash(self->order);
    for (uint32_t i = 0; i < self->prologue; i++) {
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + self->path[i].value;
    }
    return hash;
}

const treadle_strategy tracer_strategy = {
    .name = "tracer",
    .create = tracer_create,
    .destroy = tracer_destroy,
    .begin = tracer_begin,
    .choose = tracer_choose,
    .end = tracer_end,
    .plan = tracer_plan,
    .step = tracer_step,
};
