// SPDX-License-Identifier: MIT
/* Threads one after another, in an order that is given: each goes as far as it can before another
 * one does. Every other decision is the quiet one. */
#include <stdlib.h>

#include "tools/engine/engine.h"
#include "tools/strategies/strategies.h"

typedef struct in_order {
    const uint16_t *threads; /* borrowed; those that are missing come last */
    uint32_t count;
} in_order;

static void *create(const treadle_strategy_options *options)
{
    in_order *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->threads = options->replay;
        self->count = options->replay_count;
    }
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    (void)context;
    (void)execution;
    return true;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    const in_order *self = context;
    if (choice->kind != TREADLE_CHOICE_THREAD || (choice->enabled >> choice->current & 1) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        const uint32_t thread = self->threads[i];
        if (thread < 64 && (choice->enabled >> thread & 1) != 0) {
            return treadle_thread_option(choice->enabled, choice->current, thread);
        }
    }
    return 0;
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)context;
    (void)outcome;
}

const treadle_strategy treadle_strategy_in_order = {
    .name = "in-order",
    .summary = "the threads one after another, in a given order",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
};
