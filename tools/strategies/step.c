// SPDX-License-Identifier: MIT
#include "tools/strategies/step.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLASSES = 32,
    SMALLEST = 64,     /* bytes of the first class; each next one is twice as large */
    CHUNK = 1 << 16,   /* bytes asked for at once, for blocks of up to a quarter of it */
    MERGED_LATELY = 8, /* how far back repetitions are looked for */
};

typedef struct chunk {
    struct chunk *next;
    max_align_t bytes[];
} chunk;

struct treadle_step_pool {
    treadle_executed *free[CLASSES]; /* linked through their first bytes */
    chunk *chunks;
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
    free(pool);
}

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

static uint64_t place(uint64_t granule)
{
    return UINT64_C(1) << (granule * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

static uint64_t places(const treadle_touch *touch)
{
    const uint64_t first = touch->address >> 3;
    const uint64_t last = (touch->address + touch->size - 1) >> 3;
    uint64_t filter = place(first);
    if (last - first >= 16) {
        return UINT64_MAX;
    }
    for (uint64_t granule = first + 1; granule <= last; granule++) {
        filter |= place(granule);
    }
    return filter;
}

/* Appends, or makes an earlier touch of the same bytes a write. */
static void add(treadle_executed *step, const treadle_touch *touch)
{
    const uint32_t count = step->touch_count;
    for (uint32_t i = count > MERGED_LATELY ? count - MERGED_LATELY : 0; i < count; i++) {
        treadle_touch *earlier = &step->touches[i];
        if (earlier->address == touch->address && earlier->size == touch->size &&
            !((earlier->flags | touch->flags) & TREADLE_TOUCH_OBJECT)) {
            if (touch->flags & ~earlier->flags & TREADLE_TOUCH_WRITE) {
                earlier->flags |= TREADLE_TOUCH_WRITE;
                step->writes |= places(touch);
            }
            return;
        }
    }
    step->touches[step->touch_count++] = *touch;
    uint64_t *filter = touch->flags & TREADLE_TOUCH_WRITE ? &step->writes : &step->reads;
    *filter |= places(touch);
}

treadle_executed *treadle_executed_new(treadle_step_pool *pool, uint32_t thread,
                                       const treadle_touch *touches, uint32_t touch_count,
                                       const treadle_step_value *values, uint32_t value_count)
{
    const size_t bytes =
        sizeof(treadle_executed) + touch_count * sizeof touches[0] + value_count * sizeof values[0];
    const uint8_t class = class_of(bytes);
    if (class >= CLASSES || (pool->free[class] == NULL && !refill(pool, class))) {
        return NULL;
    }
    treadle_executed *step = pool->free[class];
    memcpy(&pool->free[class], step, sizeof(void *));
    *step = (treadle_executed){.references = 1,
                               .thread = (uint8_t)thread,
                               .size_class = class,
                               .value_count = (uint16_t)value_count};
    for (uint32_t i = 0; i < touch_count; i++) {
        add(step, &touches[i]);
    }
    if (value_count > 0) {
        memcpy(&step->touches[step->touch_count], values, value_count * sizeof values[0]);
    }
    return step;
}

void treadle_executed_free(treadle_step_pool *pool, treadle_executed *step)
{
    const uint8_t class = step->size_class;
    memcpy(step, &pool->free[class], sizeof(void *));
    pool->free[class] = step;
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
    return one->value_count == other->value_count &&
           (one->value_count == 0 ||
            memcmp(treadle_executed_values(one), treadle_executed_values(other),
                   one->value_count * sizeof(treadle_step_value)) == 0);
}
