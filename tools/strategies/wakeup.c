// SPDX-License-Identifier: MIT
#include "tools/strategies/wakeup.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_NODES = 1024 };

/* ---- sequences ------------------------------------------------------------------------------- */

void treadle_sequence_clear(treadle_sequence *self)
{
    self->count = 0;
    self->left = 0;
    memset(self->first_index, 0xff, sizeof self->first_index);
    memset(self->first_item, 0xff, sizeof self->first_item);
}

void treadle_sequence_add(treadle_sequence *self, treadle_sequence_item item)
{
    if (self->first_item[item.thread] == TREADLE_NO_STEP) {
        self->first_item[item.thread] = (uint16_t)self->count;
        self->first_index[item.thread] = (uint16_t)item.index;
    }
    self->items[self->count++] = item;
    self->left++;
}

/* The first item of a thread has been executed. */
static void remove_first(treadle_sequence *self, uint32_t thread)
{
    uint32_t i = self->first_item[thread];
    self->items[i].step = NULL;
    self->items[i].clock = NULL;
    self->left--;
    do {
        i++;
    } while (i < self->count && self->items[i].thread != thread);
    const bool more = i < self->count;
    self->first_item[thread] = more ? (uint16_t)i : TREADLE_NO_STEP;
    self->first_index[thread] = more ? (uint16_t)self->items[i].index : UINT16_MAX;
}

bool treadle_sequence_initial(const treadle_sequence *self, uint32_t thread)
{
    const treadle_clock *clock = self->items[self->first_item[thread]].clock;
    uint32_t before = 0;
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        before += (uint16_t)clock->of[i] >= self->first_index[i];
    }
    return before == 1; /* itself */
}

bool treadle_sequence_commutes(const treadle_sequence *self, const treadle_executed *step)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const treadle_sequence_item *item = &self->items[i];
        if (item->clock != NULL && item->thread != step->thread &&
            (item->step == NULL || treadle_executed_conflict(item->step, step))) {
            return false;
        }
    }
    return true;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

typedef struct chunk {
    struct chunk *next;
    treadle_wakeup nodes[CHUNK_NODES];
} chunk;

struct treadle_wakeup_pool {
    treadle_step_pool *steps;
    treadle_wakeup *free; /* linked by sibling */
    chunk *chunks;
    uint64_t used;
};

treadle_wakeup_pool *treadle_wakeup_pool_create(treadle_step_pool *steps)
{
    treadle_wakeup_pool *pool = calloc(1, sizeof *pool);
    if (pool != NULL) {
        pool->steps = steps;
    }
    return pool;
}

void treadle_wakeup_pool_destroy(treadle_wakeup_pool *pool)
{
    while (pool->chunks != NULL) {
        chunk *gone = pool->chunks;
        pool->chunks = gone->next;
        free(gone);
    }
    free(pool);
}

uint64_t treadle_wakeup_pool_used(const treadle_wakeup_pool *pool)
{
    return pool->used;
}

static treadle_wakeup *new_node(treadle_wakeup_pool *pool, const treadle_sequence_item *item)
{
    if (pool->free == NULL) {
        chunk *made = malloc(sizeof *made);
        if (made == NULL) {
            return NULL;
        }
        made->next = pool->chunks;
        pool->chunks = made;
        for (uint32_t i = 0; i < CHUNK_NODES; i++) {
            made->nodes[i].sibling = pool->free;
            pool->free = &made->nodes[i];
        }
    }
    treadle_wakeup *node = pool->free;
    pool->free = node->sibling;
    pool->used++;
    *node = (treadle_wakeup){.step = item->step, .thread = item->thread,
                              .open = item->open,
                              .fixed = item->fixed};
    if (node->step != NULL) {
        treadle_executed_keep(node->step);
    }
    return node;
}

treadle_wakeup *treadle_wakeup_pop(treadle_wakeup **children)
{
    treadle_wakeup *first = *children;
    *children = first->sibling;
    first->sibling = NULL;
    return first;
}

void treadle_wakeup_drop_all(treadle_wakeup_pool *pool, treadle_wakeup **children)
{
    while (*children != NULL) {
        treadle_wakeup_drop(pool, treadle_wakeup_pop(children));
    }
}

void treadle_wakeup_drop(treadle_wakeup_pool *pool, treadle_wakeup *node)
{
    treadle_wakeup_drop_all(pool, &node->child);
    if (node->step != NULL) {
        treadle_executed_drop(pool->steps, node->step);
    }
    node->sibling = pool->free;
    pool->free = node;
    pool->used--;
}

/* ---- insertion ------------------------------------------------------------------------------- */

static inline uint16_t decided(const treadle_executed *step, uint32_t i)
{
    return treadle_executed_values(step)[i].taken;
}

static uint32_t meant_of(const treadle_sequence_item *item)
{
    return item->open ? item->fixed : item->step->value_count;
}

bool treadle_sequence_means(const treadle_sequence_item *item, const treadle_executed *step)
{
    const uint32_t meant = meant_of(item);
    if (step->value_count < meant || (!item->open && step->value_count != meant)) {
        return false;
    }
    for (uint32_t i = 0; i < meant; i++) {
        if (decided(step, i) != decided(item->step, i)) {
            return false;
        }
    }
    return true;
}

/* Likewise for a node, which may not have met all its decisions yet. */
static bool means_node(const treadle_sequence_item *item, const treadle_wakeup *node)
{
    if (!node->open) {
        return treadle_sequence_means(item, node->step);
    }
    const uint32_t meant = meant_of(item);
    for (uint32_t i = 0; i < meant; i++) {
        if (decided(item->step, i) != (i < node->fixed ? decided(node->step, i) : 0)) {
            return false;
        }
    }
    return true;
}

/* Whether what a node stands for is a weak initial of the sequence, and then takes it off. */
static bool take(treadle_sequence *sequence, const treadle_wakeup *node)
{
    const uint16_t at = sequence->first_item[node->thread];
    if (at == TREADLE_NO_STEP) {
        return node->step != NULL && treadle_sequence_commutes(sequence, node->step);
    }
    const treadle_sequence_item *item = &sequence->items[at];
    if (!means_node(item, node)) {
        return false;
    }
    const bool initial =
        !item->open ? treadle_sequence_initial(sequence, node->thread)
                    : sequence->left == 1 || (node->step != NULL &&
                                              treadle_sequence_commutes(sequence, node->step));
    if (initial) {
        remove_first(sequence, node->thread);
    }
    return initial;
}

/* The rest of a sequence as a chain of nodes. */
static treadle_inserted append(treadle_wakeup_pool *pool, treadle_wakeup **end,
                               const treadle_sequence *sequence)
{
    treadle_wakeup *last = NULL;
    for (uint32_t i = 0; i < sequence->count; i++) {
        const treadle_sequence_item *item = &sequence->items[i];
        if (item->clock == NULL) {
            continue;
        }
        last = *end = new_node(pool, item);
        if (last == NULL) {
            return TREADLE_INSERT_FAILED;
        }
        end = &last->child;
    }
    last->leaf = true;
    return TREADLE_INSERTED;
}

treadle_inserted treadle_wakeup_insert(treadle_wakeup_pool *pool, treadle_wakeup **children,
                                       treadle_sequence *sequence)
{
    while (*children != NULL && sequence->left > 0) {
        children = take(sequence, *children) ? &(*children)->child : &(*children)->sibling;
    }
    return sequence->left > 0 ? append(pool, children, sequence) : TREADLE_COVERED;
}
