// SPDX-License-Identifier: MIT
#include "tools/strategies/step.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLASSES = 32,
    SMALLEST = 64,   /* bytes of the first class; each next one is twice as large */
    CHUNK = 1 << 16, /* bytes asked for at once, for blocks of up to a quarter of it */
    RECENT = 1 << 10,
    RECENT_BYTES_MAX = 4096, /* larger ones are not kept for the next time */
};

typedef struct chunk {
    struct chunk *next;
    max_align_t bytes[];
} chunk;

struct treadle_step_pool {
    treadle_executed *free[CLASSES]; /* linked through their first bytes */
    chunk *chunks;
    treadle_locations locations;
    treadle_executed *recent[RECENT]; /* by what they did; with a reference each */
};

treadle_step_pool *treadle_step_pool_create(void)
{
    return calloc(1, sizeof(treadle_step_pool));
}

void treadle_step_pool_destroy(treadle_step_pool *pool)
{
    while (pool->chunks != NULL) {
        chunk *gone = pool->chunks;
        pool->chunks = gone->next;
        free(gone);
    }
    treadle_locations_destroy(&pool->locations);
    free(pool);
}

const treadle_locations *treadle_step_locations(const treadle_step_pool *pool)
{
    return &pool->locations;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static uint8_t class_of(size_t bytes)
{
    uint8_t class = 0;
    while (((size_t)SMALLEST << class) < bytes) {
        class ++;
    }
    return class;
}

static bool refill(treadle_step_pool *pool, uint8_t class)
{
    const size_t bytes = (size_t)SMALLEST << class;
    const size_t count = bytes * 4 <= CHUNK ? CHUNK / bytes : 1;
    chunk *made = malloc(sizeof *made + count * bytes);
    if (made == NULL) {
        return false;
    }
    made->next = pool->chunks;
    pool->chunks = made;
    for (size_t i = 0; i < count; i++) {
        void *block = (char *)made->bytes + i * bytes;
        memcpy(block, &pool->free[class], sizeof(void *));
        pool->free[class] = block;
    }
    return true;
}

void treadle_executed_free(treadle_step_pool *pool, treadle_executed *step)
{
    const uint8_t class = step->size_class;
    memcpy(step, &pool->free[class], sizeof(void *));
    pool->free[class] = step;
}

/* ---- what is touched ------------------------------------------------------------------------- */

/* The first granule that a touch lies in, and the one after the last. */
static uint64_t first_granule(const treadle_touch *touch)
{
    return touch->address / TREADLE_GRANULE;
}

static uint64_t end_granule(const treadle_touch *touch)
{
    return (touch->address + touch->size - 1) / TREADLE_GRANULE + 1;
}

static uint64_t bloom_bit(uint64_t granule)
{
    return UINT64_C(1) << (granule * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* The bytes of a granule that a touch has, by bit. */
static uint8_t bytes_in(const treadle_touch *touch, uint64_t granule)
{
    const uint64_t begin = granule * TREADLE_GRANULE;
    const uint64_t end = begin + TREADLE_GRANULE;
    const uint64_t from = touch->address > begin ? touch->address : begin;
    const uint64_t to = touch->address + touch->size < end ? touch->address + touch->size : end;
    return (uint8_t)(((1u << (to - from)) - 1) << (from - begin));
}

static bool is_everything(const treadle_touch *touch)
{
    return touch->address == TREADLE_TOUCH_EVERYTHING;
}

static uint32_t count_visits(const treadle_touch *touches, uint32_t count)
{
    uint32_t visits = 0;
    for (uint32_t i = 0; i < count; i++) {
        visits += is_everything(&touches[i])
                      ? 0
                      : (uint32_t)(end_granule(&touches[i]) - first_granule(&touches[i]));
    }
    return visits;
}

/* Fills in the visits and the filters. False when out of memory. */
static bool visit(treadle_step_pool *pool, treadle_executed *step)
{
    treadle_visit *visits = (treadle_visit *)treadle_executed_visits(step);
    for (uint32_t i = 0; i < step->touch_count; i++) {
        const treadle_touch *touch = &step->touches[i];
        if (is_everything(touch)) {
            step->everything = true;
            continue;
        }
        uint64_t *filter = touch->flags & TREADLE_TOUCH_WRITE ? &step->writes : &step->reads;
        const uint64_t end = end_granule(touch);
        for (uint64_t granule = first_granule(touch); granule < end; granule++) {
            const uint32_t location =
                treadle_locations_number(&pool->locations, granule, bytes_in(touch, granule));
            if (location == TREADLE_NO_LOCATION) {
                return false;
            }
            *visits++ = (treadle_visit){location, touch->flags};
            *filter |= bloom_bit(granule);
        }
    }
    return true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static __attribute__((noinline, cold)) treadle_executed *
make(treadle_step_pool *pool, uint32_t thread, const treadle_touch *touches, uint32_t touch_count,
     const treadle_step_value *values, uint32_t value_count)
{
    const uint32_t visit_count = count_visits(touches, touch_count);
    const size_t bytes = sizeof(treadle_executed) + touch_count * sizeof touches[0] +
                         value_count * sizeof values[0] + visit_count * sizeof(treadle_visit);
    const uint8_t class = class_of(bytes);
    if (class >= CLASSES || (pool->free[class] == NULL && !refill(pool, class))) {
        return NULL;
    }
    treadle_executed *step = pool->free[class];
    memcpy(&pool->free[class], step, sizeof(void *));
    *step = (treadle_executed){.references = 1,
                               .thread = (uint8_t)thread,
                               .size_class = class,
                               .value_count = (uint16_t)value_count,
                               .touch_count = touch_count,
                               .visit_count = visit_count};
    if (touch_count > 0) {
        memcpy(step->touches, touches, touch_count * sizeof touches[0]);
    }
    if (value_count > 0) {
        memcpy(&step->touches[touch_count], values, value_count * sizeof values[0]);
    }
    if (!visit(pool, step)) {
        treadle_executed_free(pool, step);
        return NULL;
    }
    return step;
}

static inline bool same_touches(const treadle_touch *one, const treadle_touch *other,
                                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (one[i].address != other[i].address || one[i].size != other[i].size ||
            one[i].flags != other[i].flags) {
            return false;
        }
    }
    return true;
}

static bool same_values(const treadle_executed *step, const treadle_step_value *values,
                        uint32_t count)
{
    return step->value_count == count &&
           (count == 0 ||
            memcmp(treadle_executed_values(step), values, count * sizeof *values) == 0);
}

/* One that was not met lately. */
static __attribute__((noinline, cold)) treadle_executed *
make_recent(treadle_step_pool *pool, treadle_executed **recent, uint32_t thread,
            const treadle_touch *touches, uint32_t touch_count, const treadle_step_value *values,
            uint32_t value_count)
{
    treadle_executed *made = make(pool, thread, touches, touch_count, values, value_count);
    if (made != NULL && (size_t)SMALLEST << made->size_class <= RECENT_BYTES_MAX) {
        if (*recent != NULL) {
            treadle_executed_drop(pool, *recent);
        }
        *recent = treadle_executed_keep(made);
    }
    return made;
}

treadle_executed *treadle_executed_new(treadle_step_pool *pool, uint32_t thread,
                                       const treadle_touch *touches, uint32_t touch_count,
                                       const treadle_step_value *values, uint32_t value_count)
{
    uint64_t hash = (thread << 8 | touch_count) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < touch_count; i++) {
        hash = (hash ^ touches[i].address ^ touches[i].flags) * UINT64_C(0x9e3779b97f4a7c15);
    }
    treadle_executed **recent = &pool->recent[hash >> 54];
    treadle_executed *known = *recent;
    if (known != NULL && known->thread == thread && known->touch_count == touch_count &&
        same_touches(known->touches, touches, touch_count) &&
        same_values(known, values, value_count)) {
        return treadle_executed_keep(known);
    }
    return make_recent(pool, recent, thread, touches, touch_count, values, value_count);
}

bool treadle_executed_touch_in_common(const treadle_executed *one, const treadle_executed *other)
{
    for (uint32_t i = 0; i < one->touch_count; i++) {
        const treadle_touch *a = &one->touches[i];
        for (uint32_t j = 0; j < other->touch_count; j++) {
            const treadle_touch *b = &other->touches[j];
            if (((a->flags | b->flags) & TREADLE_TOUCH_WRITE) &&
                a->address < b->address + b->size && b->address < a->address + a->size) {
                return true;
            }
        }
    }
    return false;
}

bool treadle_executed_same_values(const treadle_executed *one, const treadle_executed *other)
{
    return same_values(one, treadle_executed_values(other), other->value_count);
}
