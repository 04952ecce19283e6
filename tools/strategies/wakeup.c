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
    memset(self->first, 0xff, sizeof self->first);
}

void treadle_sequence_remove(treadle_sequence *self, uint32_t thread)
{
    uint32_t i = self->first[thread];
    self->items[i].gone = true;
    self->left--;
    do {
        i++;
    } while (i < self->count && self->items[i].thread != thread);
    self->first[thread] = i < self->count ? (uint16_t)i : TREADLE_NO_STEP;
}

/* Whether a step commutes with the first `end` items that are of other threads. */
static bool commutes(const treadle_sequence *self, const treadle_executed *step, uint32_t end)
{
    for (uint32_t i = 0; i < end; i++) {
        const treadle_sequence_item *item = &self->items[i];
        if (!item->gone && item->thread != step->thread &&
            (item->step == NULL || treadle_executed_conflict(item->step, step))) {
            return false;
        }
    }
    return true;
}

static inline uint16_t decided(const treadle_executed *step, uint32_t i)
{
    return treadle_executed_values(step)[i].taken;
}

static inline uint32_t meant(const treadle_sequence_item *item)
{
    return item->open ? item->fixed : item->step->value_count;
}

/* Whether an item stands for a step that was executed, as far as decisions go. */
static bool means(const treadle_sequence_item *item, const treadle_executed *step)
{
    const uint32_t count = meant(item);
    if (step->value_count < count || (!item->open && step->value_count != count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (decided(step, i) != decided(item->step, i)) {
            return false;
        }
    }
    return true;
}

static bool may_begin(const treadle_sequence *self, uint32_t thread, const treadle_executed *step)
{
    const uint16_t first = self->first[thread];
    if (first == TREADLE_NO_STEP || self->items[first].open) {
        return step != NULL ? commutes(self, step, self->count)
                            : first != TREADLE_NO_STEP && self->left == 1;
    }
    return commutes(self, self->items[first].step, first);
}

bool treadle_sequence_may_begin(const treadle_sequence *self, const treadle_executed *step)
{
    const uint16_t first = self->first[step->thread];
    return (first == TREADLE_NO_STEP || means(&self->items[first], step)) &&
           may_begin(self, step->thread, step);
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
    treadle_wakeup *path[TREADLE_ORDER_STEPS_MAX]; /* of those who walk the trees */
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
    *node = (treadle_wakeup){
        .step = item->step, .fixed = item->fixed, .thread = item->thread, .open = item->open};
    if (node->step != NULL) {
        treadle_executed_keep(node->step);
    }
    return node;
}

static void free_node(treadle_wakeup_pool *pool, treadle_wakeup *node)
{
    if (node->step != NULL) {
        treadle_executed_drop(pool->steps, node->step);
    }
    node->sibling = pool->free;
    pool->free = node;
}

treadle_wakeup *treadle_wakeup_pop(treadle_wakeup **children)
{
    treadle_wakeup *first = *children;
    *children = first->sibling;
    first->sibling = NULL;
    return first;
}

/* Puts a list before another. */
static void splice(treadle_wakeup **children, treadle_wakeup *first)
{
    if (first != NULL) {
        treadle_wakeup *last = first;
        while (last->sibling != NULL) {
            last = last->sibling;
        }
        last->sibling = *children;
        *children = first;
    }
}

void treadle_wakeup_drop_all(treadle_wakeup_pool *pool, treadle_wakeup **children)
{
    while (*children != NULL) {
        treadle_wakeup *node = treadle_wakeup_pop(children);
        splice(children, node->child);
        free_node(pool, node);
    }
}

void treadle_wakeup_drop(treadle_wakeup_pool *pool, treadle_wakeup *node)
{
    node->sibling = NULL;
    treadle_wakeup_drop_all(pool, &node);
}

/* ---- insertion ------------------------------------------------------------------------------- */

treadle_sequence_item treadle_wakeup_item(const treadle_wakeup *node)
{
    return (treadle_sequence_item){
        .step = node->step, .fixed = node->fixed, .thread = node->thread, .open = node->open};
}

bool treadle_wakeup_means(const treadle_wakeup *node, const treadle_executed *step)
{
    const treadle_sequence_item item = treadle_wakeup_item(node);
    return node->thread == step->thread && means(&item, step);
}

/* Whether an item stands for what a node is going to decide. */
static bool means_node(const treadle_sequence_item *item, const treadle_wakeup *node)
{
    if (!node->open) {
        return means(item, node->step);
    }
    const uint32_t count = meant(item);
    for (uint32_t i = 0; i < count; i++) {
        if (decided(item->step, i) != (i < node->fixed ? decided(node->step, i) : 0)) {
            return false;
        }
    }
    return true;
}

/* Whether what a node stands for is a weak initial of the sequence, for all that is known. */
static bool seems_to_begin(const treadle_sequence *sequence, const treadle_wakeup *node)
{
    const uint16_t first = sequence->first[node->thread];
    return (first == TREADLE_NO_STEP || means_node(&sequence->items[first], node)) &&
           may_begin(sequence, node->thread, node->step);
}

/* What is left of a sequence, as a chain of nodes. */
static bool append(treadle_wakeup_pool *pool, treadle_wakeup **end,
                   const treadle_sequence *sequence)
{
    treadle_wakeup *last = NULL;
    for (uint32_t i = 0; i < sequence->count; i++) {
        const treadle_sequence_item *item = &sequence->items[i];
        if (!item->gone) {
            last = *end = new_node(pool, item);
            if (last == NULL) {
                return false;
            }
            end = &last->child;
        }
    }
    if (last != NULL) {
        last->leaf = true;
    }
    return true;
}

/* Whether the sequence is this leaf and nothing else, and asks for no more of its decisions. */
static bool is_leaf(const treadle_sequence *sequence, const treadle_wakeup *node)
{
    const uint16_t first = sequence->first[node->thread];
    return sequence->left == 1 && first != TREADLE_NO_STEP &&
           meant(&sequence->items[first]) <= node->fixed;
}

bool treadle_wakeup_insert(treadle_wakeup_pool *pool, treadle_wakeup **children,
                           treadle_sequence *sequence)
{
    while (*children != NULL && sequence->left > 0) {
        treadle_wakeup *node = *children;
        if (!seems_to_begin(sequence, node)) {
            children = &node->sibling;
        } else if (!node->leaf) {
            if (sequence->first[node->thread] != TREADLE_NO_STEP) {
                treadle_sequence_remove(sequence, node->thread);
            }
            children = &node->child;
        } else if (is_leaf(sequence, node)) {
            return true;
        } else {
            children = &node->child;
        }
    }
    return sequence->left == 0 || append(pool, children, sequence);
}

uint32_t treadle_wakeup_find(treadle_wakeup_pool *pool, treadle_wakeup *children,
                             treadle_wakeup *const **out)
{
    treadle_wakeup **path = pool->path;
    uint32_t depth = 0;
    path[0] = children;
    for (;;) {
        treadle_wakeup *node = path[depth];
        if (node == NULL) {
            if (depth == 0) {
                return 0;
            }
            depth--;
            path[depth] = path[depth]->sibling;
        } else if (!node->leaf) {
            path[++depth] = node->child;
        } else if (node->loan == 0) {
            *out = path;
            return depth + 1;
        } else {
            path[depth] = node->sibling;
        }
    }
}

bool treadle_wakeup_take_apart(treadle_wakeup_pool *pool, treadle_wakeup **children,
                               treadle_sequence *sequence, bool (*take)(void *context),
                               void *context)
{
    treadle_wakeup **path = pool->path;
    uint32_t depth = 0;
    path[0] = *children;
    *children = NULL;
    bool going_on = true;
    while (path[0] != NULL) {
        treadle_wakeup *node = path[depth];
        if (node == NULL) {
            node = path[--depth];
            node->child = NULL;
        } else if (node->leaf && going_on) {
            treadle_sequence_clear(sequence);
            for (uint32_t i = 0; i <= depth; i++) {
                treadle_sequence_add(sequence, treadle_wakeup_item(path[i]));
            }
            going_on = take(context);
        }
        if (node->leaf) {
            splice(&node->sibling, node->child);
            node->child = NULL;
        }
        if (node->child != NULL) {
            path[++depth] = node->child;
            continue;
        }
        path[depth] = node->sibling;
        free_node(pool, node);
    }
    return going_on;
}
