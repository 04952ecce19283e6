// SPDX-License-Identifier: MIT
/* Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized
 * Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010). Threads get random
 * priorities; the highest that is enabled runs. There are d-1 change points, each with a priority
 * of its own below all threads': the thread that is about to run there gets it. A bug of depth d is
 * found with probability at least 1/(n k^(d-1)) for n threads and k steps.
 *
 * Deviations, and why the guarantee stands:
 *  - Change points lie at decisions between threads, not at all steps. Where one thread alone can
 *    run, it runs whatever its priority, as late as it can: what has to be held back is held back.
 *  - Several threads may have to be held back at one decision. So what is numbered is not decisions
 *    but threads considered: one for each decision, and one more for each change. With k decisions
 *    there are at most k + d-1 such places, and a change point that is not needed is harmless at
 *    the last, which is never reached then: this number takes the place of k in the formula.
 *  - k is the largest number of decisions seen so far (the first execution is assumed to have 16
 *    unless told), rounded up a little so that it rarely grows. Executions count for the guarantee
 *    only if their k was at least the largest that has been seen by the end.
 *  - A thread's priority is drawn when the strategy first sees it; n is the largest number seen.
 *  - Decisions that are no thread choice are uniform: where there were any, the guarantee speaks
 *    only of bugs that depend on the order of the threads alone. */
#include <math.h>
#include <stdlib.h>

#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

enum { THREADS = 64, DEPTH_MAX = 16, FIRST_LENGTH = 16 };

typedef struct change {
    uint32_t at;       /* the consideration where it is due */
    uint32_t priority; /* 1 … d-1 */
} change;

typedef struct pct {
    treadle_prng prng;
    uint64_t seed;
    uint32_t depth;
    uint32_t length; /* k; 0 = not known yet */

    uint32_t decided;           /* decisions between threads in this execution */
    uint32_t considered;        /* threads that were about to be run at one of them */
    uint64_t known;             /* threads that have a priority */
    uint64_t priority[THREADS]; /* higher runs first; initial ones are above all changes' */
    change changes[DEPTH_MAX];  /* in the order of their places */
    uint32_t changes_done;

    uint32_t threads_max;
    uint64_t covered; /* executions with the present k, none longer */
    bool other_choices;
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

static uint32_t places(const pct *self, uint32_t length)
{
    return length + self->depth - 1;
}

static bool begin(void *context, uint64_t execution)
{
    pct *self = context;
    treadle_prng_seed(&self->prng, self->seed, execution);
    self->known = 0;
    self->changes_done = 0;
    self->decided = 0;
    self->considered = 0;
    const uint32_t count = places(self, self->length ? self->length : FIRST_LENGTH);
    /* Priorities go to places at random: a thread that is held back later may have to run before
     * one that was held back earlier. Insertion keeps the places in order. */
    for (uint32_t i = 0; i + 1 < self->depth; i++) {
        const change new = {.at = treadle_prng_below(&self->prng, count), .priority = i + 1};
        uint32_t place = i;
        while (place > 0 && self->changes[place - 1].at > new.at) {
            self->changes[place] = self->changes[place - 1];
            place--;
        }
        self->changes[place] = new;
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

/* Whether a change is due for the thread that is being considered; of several the last drawn. */
static bool due(pct *self, uint32_t *priority)
{
    const uint32_t at = self->considered++;
    bool found = false;
    while (self->changes_done + 1 < self->depth && self->changes[self->changes_done].at == at) {
        *priority = self->changes[self->changes_done++].priority;
        found = true;
    }
    return found;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    pct *self = context;
    if (choice->kind != TREADLE_CHOICE_THREAD) {
        self->other_choices = true;
        return treadle_prng_below(&self->prng, choice->count);
    }
    meet(self, choice->enabled);
    uint32_t best = highest(self, choice->enabled);
    uint32_t priority;
    while (due(self, &priority)) {
        self->priority[best] = priority;
        best = highest(self, choice->enabled);
    }
    self->decided++;
    return treadle_thread_option(choice->enabled, choice->current, best);
}

/* Up by at most an eighth. */
static uint32_t rounded_up(uint32_t length)
{
    uint32_t step = 1;
    while (step * 16 <= length) {
        step *= 2;
    }
    return (length + step - 1) / step * step;
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    pct *self = context;
    const uint32_t threads = (uint32_t)__builtin_popcountll(self->known);
    self->threads_max = threads > self->threads_max ? threads : self->threads_max;
    if (self->length == 0 || self->decided > self->length) {
        self->length = rounded_up(self->decided ? self->decided : 1);
        self->covered = 0;
    } else {
        self->covered++;
    }
}

static void guarantee(const void *context, treadle_guarantee *out)
{
    const pct *self = context;
    const uint32_t threads = self->threads_max ? self->threads_max : 1;
    const double found = 1 / (threads * pow(places(self, self->length), self->depth - 1));
    *out =
        (treadle_guarantee){.executions = self->covered,
                            .depth = self->depth,
                            .threads = threads,
                            .decisions = self->length,
                            .order_only = self->other_choices,
                            .missed = found < 1 ? exp((double)self->covered * log1p(-found)) : 0};
}

const treadle_strategy treadle_strategy_pct = {
    .name = "pct",
    .summary = "probabilistic concurrency testing: finds a bug of depth d with known probability",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .learning = 1,
    .guarantee = guarantee,
};
