// SPDX-License-Identifier: MIT
/* Partial order sampling (Yuan, Yang, Gu, "Partial Order Aware Concurrency Sampling", CAV 2018).
 * Every pending operation gets a random priority and keeps it until it runs, the highest runs; what
 * raced with the operation that runs gets a new priority. So the order of independent operations
 * costs no luck, and of two that race either comes first as likely as the other, whatever was drawn
 * before.
 *
 * Deviations: two operations race when both can run and treadle_conflict() says that their order
 * may matter, which for Redis commands is always, and for a condition variable's wait does not
 * include the mutex that it gives up; decisions that are no thread choice are uniform. */
#include <stdlib.h>

#include "tools/engine/pending.h"
#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

enum { THREADS = 64 };

typedef struct pos {
    treadle_prng prng;
    uint64_t seed;
    uint64_t drawn; /* threads whose pending operation has a priority */
    uint64_t priority[THREADS];
} pos;

static void *create(const treadle_strategy_options *options)
{
    pos *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->seed = options->seed;
    }
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    pos *self = context;
    treadle_prng_seed(&self->prng, self->seed, execution);
    self->drawn = 0;
    return true;
}

/* The thread whose operation has the highest priority, after those without one got theirs. */
static uint32_t highest(pos *self, uint64_t enabled)
{
    uint32_t best = (uint32_t)__builtin_ctzll(enabled);
    for (uint64_t left = enabled; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        if (!(self->drawn >> thread & 1)) {
            self->priority[thread] = treadle_prng_next(&self->prng);
        }
        if (self->priority[thread] > self->priority[best]) {
            best = thread;
        }
    }
    self->drawn |= enabled;
    return best;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    pos *self = context;
    if (choice->kind != TREADLE_CHOICE_THREAD) {
        return treadle_prng_below(&self->prng, choice->count);
    }
    const uint32_t best = highest(self, choice->enabled);
    const treadle_pending_op runs = treadle_pending(best);
    self->drawn &= ~(UINT64_C(1) << best);
    for (uint64_t left = self->drawn & choice->enabled; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        const treadle_pending_op waits = treadle_pending(thread);
        if (treadle_conflict(&runs, &waits)) {
            self->drawn &= ~(UINT64_C(1) << thread);
        }
    }
    return treadle_thread_option(choice->enabled, choice->current, best);
}

static void forced(void *context, uint32_t thread)
{
    pos *self = context;
    self->drawn &= ~(UINT64_C(1) << thread);
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)context;
    (void)outcome;
}

const treadle_strategy treadle_strategy_pos = {
    .name = "pos",
    .summary = "partial order sampling: random priorities, drawn anew for what races",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .forced = forced,
};
