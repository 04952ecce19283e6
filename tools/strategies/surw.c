// SPDX-License-Identifier: MIT
/* Selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, "Selectively Uniform
 * Concurrency Testing", ASPLOS 2025). Some operations are interesting in this execution. The thread
 * whose interesting operation comes next is drawn with the number of its interesting operations
 * that are left as weight: so every order of them is equally likely if the numbers are right, and
 * nothing blocks. Until that operation runs, all threads run that are not about to do an
 * interesting one, each as likely as the other. A thread's number includes those of the threads
 * that it has yet to create.
 *
 * The numbers are the means over the first executions, which are random walks.
 *
 * Deviations: what is interesting is one of the objects that several threads met in those
 * executions, drawn for each execution, or all of them. An object is known by its address, so one
 * that is allocated in another order is taken for another; which only makes the weights worse, for
 * every interleaving stays possible. When nobody can run but threads about to do something
 * interesting (the one drawn is blocked, or has ended early), one of those that can is drawn.
 * Decisions that are no thread choice are uniform. Implemented from the published descriptions of
 * the algorithm. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/pending.h"
#include "tools/strategies/prng.h"
#include "tools/strategies/strategies.h"

enum { THREADS = 64, OBJECTS = 256, SLOTS = 1024, LEARNING = 4, NOBODY = THREADS };

typedef struct object {
    uint64_t key;
    uint64_t met_by; /* threads of the execution under way, while learning */
    bool written;    /* likewise */
    bool shared;     /* several threads met it in one execution, and one wrote */
    uint32_t count[THREADS];
} object;

typedef struct surw {
    treadle_prng prng;
    uint64_t seed;
    bool learning;
    bool summed_up;
    uint32_t object_count;
    uint32_t shared_count;
    uint16_t slots[SLOTS]; /* index into objects plus one, by key; 0 = free */
    uint8_t shared[OBJECTS];
    uint8_t parent[THREADS]; /* who created it while learning; NOBODY = it was there */

    /* Of the execution under way. */
    uint32_t threads;         /* that have been created */
    const object *selected;   /* NULL: all that are shared */
    uint32_t weight[THREADS]; /* interesting operations left */
    uint32_t intended;        /* whose interesting operation comes next; NOBODY = to be drawn */
    object objects[OBJECTS];
} surw;

static void *create(const treadle_strategy_options *options)
{
    surw *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->seed = options->seed;
        memset(self->parent, NOBODY, sizeof self->parent);
    }
    return self;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* 0 when there is nothing that others could act on, too. */
static uint64_t key_of(const treadle_pending_op *op)
{
    switch (op->space) {
    case TREADLE_SPACE_MEMORY:
    case TREADLE_SPACE_OBJECT: return op->address;
    case TREADLE_SPACE_CLOCK: return 1;
    case TREADLE_SPACE_REDIS: return 2;
    case TREADLE_SPACE_NONE:
    case TREADLE_SPACE_THREAD: return 0;
    }
    return 0;
}

static object *find(surw *self, uint64_t key, bool add)
{
    if (key == 0) {
        return NULL;
    }
    uint32_t slot = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
    for (; self->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        object *found = &self->objects[self->slots[slot] - 1];
        if (found->key == key) {
            return found;
        }
    }
    /* What was met after the table was full is never interesting. */
    if (!add || self->object_count == OBJECTS) {
        return NULL;
    }
    self->slots[slot] = (uint16_t)(self->object_count + 1);
    object *new = &self->objects[self->object_count++];
    new->key = key;
    return new;
}

static const object *interesting(surw *self, uint32_t thread)
{
    const treadle_pending_op op = treadle_pending(thread);
    const uint64_t key = key_of(&op);
    if (self->selected != NULL) {
        return key == self->selected->key ? self->selected : NULL;
    }
    const object *found = self->shared_count ? find(self, key, false) : NULL;
    return found != NULL && found->shared ? found : NULL;
}

/* ---- learning -------------------------------------------------------------------------------- */

static void learn(surw *self, uint32_t thread)
{
    const treadle_pending_op op = treadle_pending(thread);
    if (op.kind == TREADLE_OP_THREAD_CREATE && treadle_thread_count() < THREADS) {
        self->parent[treadle_thread_count()] = (uint8_t)thread;
    }
    object *met = find(self, key_of(&op), true);
    if (met != NULL) {
        met->met_by |= UINT64_C(1) << thread;
        met->written |= op.writes;
        met->count[thread]++;
    }
}

static void end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    surw *self = context;
    for (uint32_t i = 0; self->learning && i < self->object_count; i++) {
        object *met = &self->objects[i];
        met->shared |= met->written && (met->met_by & (met->met_by - 1)) != 0;
        met->met_by = 0;
        met->written = false;
    }
}

/* Sums become means, rounded up: one that was ever met may be met again. */
static void sum_up(surw *self)
{
    self->summed_up = true;
    for (uint32_t i = 0; i < self->object_count; i++) {
        object *met = &self->objects[i];
        if (met->shared) {
            self->shared[self->shared_count++] = (uint8_t)i;
        }
        for (uint32_t thread = 0; thread < THREADS; thread++) {
            met->count[thread] = (met->count[thread] + LEARNING - 1) / LEARNING;
        }
    }
}

/* ---- an execution ---------------------------------------------------------------------------- */

static void add_weights(surw *self, const object *of)
{
    for (uint32_t thread = 0; thread < THREADS; thread++) {
        self->weight[thread] += of->count[thread];
    }
}

/* One shared object, or all of them, each as likely. */
static void select_objects(surw *self)
{
    const uint32_t count = self->shared_count;
    const uint32_t which = count > 1 ? treadle_prng_below(&self->prng, count + 1) : 0;
    self->selected = which < count ? &self->objects[self->shared[which]] : NULL;
    memset(self->weight, 0, sizeof self->weight);
    if (self->selected != NULL) {
        add_weights(self, self->selected);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            add_weights(self, &self->objects[self->shared[i]]);
        }
    }
    /* Children have higher numbers than their creators. */
    for (uint32_t thread = THREADS - 1; thread > 0; thread--) {
        if (self->parent[thread] != NOBODY) {
            self->weight[self->parent[thread]] += self->weight[thread];
        }
    }
}

static bool begin(void *context, uint64_t execution)
{
    surw *self = context;
    treadle_prng_seed(&self->prng, self->seed, execution);
    self->learning = execution < LEARNING;
    self->threads = 1;
    self->intended = NOBODY;
    if (!self->learning) {
        if (!self->summed_up) {
            sum_up(self);
        }
        select_objects(self);
    }
    return true;
}

/* What a new thread will do, its creator no longer has before it. What was drawn for the creator is
 * now drawn between the two. */
static void note_new_threads(surw *self)
{
    for (; self->threads < treadle_thread_count(); self->threads++) {
        const uint32_t parent = self->parent[self->threads];
        const uint32_t moved = self->weight[self->threads];
        if (parent == NOBODY || self->weight[parent] < moved) {
            continue;
        }
        if (self->intended == parent &&
            treadle_prng_below(&self->prng, self->weight[parent]) < moved) {
            self->intended = self->threads;
        }
        self->weight[parent] -= moved;
    }
}

/* At least one for a thread that is about to do something interesting, whatever was expected: no
 * interleaving is left out. */
static uint32_t weight_of(surw *self, uint32_t thread)
{
    const uint32_t weight = self->weight[thread];
    return weight == 0 && interesting(self, thread) != NULL ? 1 : weight;
}

/* One of `threads`, by their weights; NOBODY when all are 0. */
static uint32_t draw(surw *self, uint64_t threads)
{
    uint32_t weights[THREADS];
    uint64_t total = 0;
    for (uint64_t left = threads; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        weights[thread] = weight_of(self, thread);
        total += weights[thread];
    }
    assert(total <= UINT32_MAX);
    if (total == 0) {
        return NOBODY;
    }
    uint32_t at = treadle_prng_below(&self->prng, (uint32_t)total);
    for (uint64_t left = threads; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        if (at < weights[thread]) {
            return thread;
        }
        at -= weights[thread];
    }
    return NOBODY;
}

static uint64_t alive(void)
{
    uint64_t threads = 0;
    for (uint32_t thread = 0; thread < treadle_thread_count(); thread++) {
        if (treadle_pending(thread).kind != TREADLE_OP_NONE) {
            threads |= UINT64_C(1) << thread;
        }
    }
    return threads;
}

static void runs(surw *self, uint32_t thread)
{
    if (self->learning) {
        learn(self, thread);
    } else if (interesting(self, thread) != NULL) {
        self->weight[thread] -= self->weight[thread] > 0;
        self->intended = NOBODY;
    }
}

static uint32_t any_of(surw *self, uint64_t threads)
{
    const uint32_t count = (uint32_t)__builtin_popcountll(threads);
    return treadle_option_thread(threads, (uint32_t)__builtin_ctzll(threads),
                                 treadle_prng_below(&self->prng, count));
}

static uint32_t pick(surw *self, uint64_t enabled)
{
    note_new_threads(self);
    if (self->intended == NOBODY) {
        self->intended = draw(self, alive());
    }
    uint64_t held = 0;
    for (uint64_t left = enabled; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        if (thread != self->intended && interesting(self, thread) != NULL) {
            held |= UINT64_C(1) << thread;
        }
    }
    if (held == enabled) {
        const uint32_t drawn = draw(self, enabled);
        assert(drawn !=
               NOBODY); /* each is about to do something interesting, and so has a weight */
        return drawn;
    }
    return any_of(self, enabled & ~held);
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    surw *self = context;
    if (choice->kind != TREADLE_CHOICE_THREAD) {
        return treadle_prng_below(&self->prng, choice->count);
    }
    const uint32_t thread =
        self->learning ? any_of(self, choice->enabled) : pick(self, choice->enabled);
    assert(thread < THREADS);
    runs(self, thread);
    return treadle_thread_option(choice->enabled, choice->current, thread);
}

static void forced(void *context, uint32_t thread)
{
    surw *self = context;
    if (!self->learning) {
        note_new_threads(self);
    }
    runs(self, thread);
}

const treadle_strategy treadle_strategy_surw = {
    .name = "surw",
    .summary = "selectively uniform random walk: orders of what threads share, equally likely",
    .create = create,
    .destroy = free,
    .begin = begin,
    .choose = choose,
    .end = end,
    .learning = LEARNING,
    .forced = forced,
};
