// SPDX-License-Identifier: MIT
/* Litmus programs that use memory wrongly under some orders of two threads: what is found at every
 * granularity at which the threads can meet so. Instrumented. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/registry.h"

enum { SLOTS = 2 };

typedef struct item {
    atomic_int users;
    int value;
} item;

typedef struct state {
    bool fixed;
    pthread_mutex_t lock;
    sem_t done;
    _Atomic(item *) current;
    _Atomic(int *) lent;
    atomic_uint used;
    atomic_uint version;
    atomic_uint reads;
    int *slots;
    int seen;
    bool stale;
} state;

static void *setup(const treadle_run *run)
{
    state *self = calloc(1, sizeof *self);
    self->fixed = strcmp(run->variant, "fixed") == 0;
    pthread_mutex_init(&self->lock, NULL);
    sem_init(&self->done, 0, 0);
    item *first = calloc(1, sizeof *first);
    first->users = 1;
    self->current = first;
    self->slots = calloc(SLOTS, sizeof *self->slots);
    self->slots[0] = 1;
    self->used = 1;
    return self;
}

static void check_nothing(void *context)
{
    state *self = context;
    pthread_mutex_destroy(&self->lock);
    sem_destroy(&self->done);
}

/* ---- use after free ----------------------------------------------------------------------------
 */

static void put(item *taken)
{
    if (atomic_fetch_sub(&taken->users, 1) == 1) {
        free(taken);
    }
}

/* One removes the item, the other reads it: naively without a share in it. */
static void remove_or_read(void *context, uint32_t index)
{
    state *self = context;
    if (index == 0) {
        pthread_mutex_lock(&self->lock);
        item *removed = atomic_exchange(&self->current, NULL);
        pthread_mutex_unlock(&self->lock);
        put(removed);
        return;
    }
    pthread_mutex_lock(&self->lock);
    item *found = atomic_load(&self->current);
    if (found != NULL && self->fixed) {
        atomic_fetch_add(&found->users, 1);
    }
    pthread_mutex_unlock(&self->lock);
    if (found != NULL) {
        atomic_fetch_add(&self->reads, 1);
        self->seen = found->value;
        if (self->fixed) {
            put(found);
        }
    }
}

/* ---- double free -------------------------------------------------------------------------------
 */

/* Both close; whoever comes second must find nothing. */
static void close_once(void *context, uint32_t index)
{
    (void)index;
    state *self = context;
    if (self->fixed) {
        free(atomic_exchange(&self->current, NULL));
        return;
    }
    item *found = atomic_load(&self->current);
    atomic_store(&self->current, NULL);
    free(found);
}

/* ---- overflow ----------------------------------------------------------------------------------
 */

/* Both look for room, of which there is for one, then take it. */
static void append(void *context, uint32_t index)
{
    state *self = context;
    unsigned place = atomic_load(&self->used);
    if (self->fixed) {
        while (place < SLOTS && !atomic_compare_exchange_strong(&self->used, &place, place + 1)) {
        }
    } else if (place < SLOTS) {
        place = atomic_fetch_add(&self->used, 1);
    } else {
        return;
    }
    if (place < SLOTS || !self->fixed) {
        self->slots[place] = (int)index;
    }
}

/* ---- dead stack --------------------------------------------------------------------------------
 */

/* One lends a variable of its own, the other uses it: naively for as long as it likes. */
static void lend_or_use(void *context, uint32_t index)
{
    state *self = context;
    if (index == 0) {
        int local = 7;
        atomic_store(&self->lent, &local);
        if (self->fixed) {
            sem_wait(&self->done);
        }
        return;
    }
    int *borrowed;
    do {
        borrowed = atomic_load(&self->lent);
    } while (borrowed == NULL);
    self->seen = *borrowed;
    sem_post(&self->done);
}

/* ---- ABA ---------------------------------------------------------------------------------------
 */

/* One replaces the item, the other takes "the same address" for "nothing has changed". Nobody
 * touches what was freed: it shows only where the address is handed out again. */
static void replace_or_cache(void *context, uint32_t index)
{
    state *self = context;
    pthread_mutex_lock(&self->lock);
    if (index == 0) {
        free(self->current);
        item *next = calloc(1, sizeof *next);
        next->value = 1;
        self->current = next;
        self->version++;
        pthread_mutex_unlock(&self->lock);
        return;
    }
    const item *cached = self->current;
    const int value = cached->value;
    const unsigned version = self->version;
    pthread_mutex_unlock(&self->lock);
    pthread_mutex_lock(&self->lock);
    const bool valid = self->fixed ? self->version == version : self->current == cached;
    self->stale = valid && self->current->value != value;
    pthread_mutex_unlock(&self->lock);
}

static void check_cache(void *context)
{
    const state *self = context;
    if (self->stale) {
        treadle_violation("stale-cache", "an item was replaced and the cache takes it for the old");
    }
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static const treadle_parameter parameters[] = {{"threads", 2, 2, 2, "threads"}, {0}};

#define EXPECT(name, await_verdict, await_property, property, why_await, why_naive, why_fixed) \
    static const treadle_expectation name[] = {                                                \
        TREADLE_MEMORY_ROW("naive", AWAIT, await_verdict, await_property, why_await),          \
        TREADLE_MEMORY_ROW("naive", SYNC, VIOLATED, property, why_naive),                      \
        TREADLE_MEMORY_ROW("naive", MEMORY, VIOLATED, property, why_naive),                    \
        TREADLE_MEMORY_ROW("fixed", SYNC, HOLDS, NULL, why_fixed),                             \
        TREADLE_MEMORY_ROW("fixed", MEMORY, HOLDS, NULL, why_fixed),                           \
        {0},                                                                                   \
    }

EXPECT(expect_use, HOLDS, NULL, "use-after-free", "nothing suspends between finding and reading",
       "it is freed between finding and reading", "a reader has a share in what it reads");
EXPECT(expect_twice, HOLDS, NULL, "double-free", "nothing suspends between look and free",
       "both find it before one of them clears it", "who takes it away frees it");
EXPECT(expect_overflow, HOLDS, NULL, "heap-overflow", "nothing suspends between look and write",
       "both see room for one", "the look and the taking are one step");
EXPECT(expect_stack, VIOLATED, "dead-stack", "dead-stack",
       "the lender ends before the other has looked", "the lender ends before the other has looked",
       "the lender waits for the other");
EXPECT(expect_aba, HOLDS, NULL, "stale-cache", "nothing suspends between the two looks",
       "the new item has the address of the old one", "a version is never used again");

static const treadle_scenario use_after_free = {
    .name = "litmus/use_after_free",
    .summary = "one removes an item that the other reads",
    .parameters = parameters,
    .expectations = expect_use,
    .setup = setup,
    .thread = remove_or_read,
    .check = check_nothing,
};

static const treadle_scenario double_free = {
    .name = "litmus/double_free",
    .summary = "two close the same thing; it is freed once",
    .parameters = parameters,
    .expectations = expect_twice,
    .setup = setup,
    .thread = close_once,
    .check = check_nothing,
    .symmetric = true,
};

static const treadle_scenario heap_overflow = {
    .name = "litmus/heap_overflow",
    .summary = "two append where there is room for one",
    .parameters = parameters,
    .expectations = expect_overflow,
    .setup = setup,
    .thread = append,
    .check = check_nothing,
};

static const treadle_scenario dead_stack = {
    .name = "litmus/dead_stack",
    .summary = "one uses a local variable of the other",
    .parameters = parameters,
    .expectations = expect_stack,
    .setup = setup,
    .thread = lend_or_use,
    .check = check_nothing,
};

static const treadle_scenario aba = {
    .name = "litmus/aba",
    .summary = "a cache is valid as long as its item has not been replaced",
    .parameters = parameters,
    .expectations = expect_aba,
    .setup = setup,
    .thread = replace_or_cache,
    .check = check_cache,
    .heap_reuse_after = 1,
};

const treadle_scenario *const treadle_litmus_memory[] = {
    &use_after_free, &double_free, &heap_overflow, &dead_stack, &aba, NULL,
};
