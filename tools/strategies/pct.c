// SPDX-License-Identifier: MIT
/* Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized
 * Scheduler with Probabilistic Guarantees of Finding Bugs", 2010). Threads get random priorities;
 * the highest that is enabled runs; at d-1 random steps the running thread drops below all others.
 * A bug of depth d is found with probability at least 1/(n k^(d-1)) for n threads and k steps.
 *
 * Deviations: k counts the decisions between threads, not the steps, since a priority matters only
 * there, and is the most that an execution had so far (the first is assumed to have 16 unless
 * told); a thread's priority is drawn when the strategy first sees it; decisions that are no thread
 * choice are uniform. */
#include <stdlib.h>

#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

enum { THREADS = 64, DEPTH_MAX = 16, FIRST_LENGTH = 16 };

typedef struct pct {
    treadle_prng prng;
    uint64_t seed;
    uint32_t depth;
    uint32_t length;            /* k; 0 = not known yet */
    uint32_t decided;           /* decisions between threads in this execution */
    uint64_t known;             /* threads that have a priority */
    uint64_t priority[THREADS]; /* higher runs first; initial ones are above all change points */
    uint32_t change_at[DEPTH_MAX];
    uint32_t changes_done; /* change points passed */
} pct;

static void *create(const treadle_strategy_options *options)
{
    pct *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->seed = options->seed;
    self->depth = options->pct_depth ? options->pct_depth : 3;
    if (self->depth > DEPTH_MAX) {
        self->depth = DEPTH_MAX;
    }
    self->length = options->length_hint;
    return self;
}

static bool begin(void *context, uint64_t execution)
{
    pct *self = context;
    treadle_prng_seed(&self->prng, self->seed, execution);
    self->known = 0;
    self->changes_done = 0;
    self->decided = 0;
    const uint32_t length = self->length ? self->length : FIRST_LENGTH;
    /* Insertion keeps the change points in order. */
    for (uint32_t i = 0; i + 1 < self->depth; i++) {
        const uint32_t at = treadle_prng_below(&self->prng, length);
        uint32_t place = i;
        while (place > 0 && self->change_at[place - 1] > at) {
            self->change_at[place] = self->change_at[place - 1];
            place--;
        }
        self->change_at[place] = at;
    }
    return true;
}

static void meet(pct *self, uint64_t threads)
{
    uint64_t new = threads & ~self->known;
    self->known |= new;
    while (new) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(new);
        new &= new - 1;
        self->priority[thread] = (UINT64_C(1) << 63) | treadle_prng_next(&self->prng) >> 1;
    }
}

static uint32_t highest(const pct *self, uint64_t enabled)
{
    uint32_t best = (uint32_t)__builtin_ctzll(enabled);
    for (uint64_t left = enabled & (enabled - 1); left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        if (self->priority[thread] > self->priority[best]) {
            best = thread;
        }
    }
    return best;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    pct *self = context;
    if (choice->kind != TREADLE_CHOICE_THREAD) {
        return treadle_prng_below(&self->prng, choice->count);
    }
    meet(self, choice->enabled);
    uint32_t best = highest(self, choice->enabled);
    while (self->changes_done + 1 < self->depth &&
           self->decided >= self->change_at[self->changes_done]) {
        self->priority[best] = self->depth - ++self->changes_done;
        best = highest(self, choice->enabled);
    }
    self->decided++;
    return treadle_thread_option(choice->enabled, choice->current, best);
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    pct *self = context;
    if (self->decided > self->length) {
        self->length = self->decided;
    }
}

const treadle_strategy treadle_strategy_pct = {
    .name = "pct",
    .summary = "probabilistic concurrency testing: finds a bug of depth d with known probability",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
};
