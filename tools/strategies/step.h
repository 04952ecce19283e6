// SPDX-License-Identifier: MIT
/*
 * A step that was executed, as partial order reduction remembers it: whose it was, which values
 * were decided in it, and what it touched. Immutable and counted: the trace, wakeup trees and sleep
 * sets share it. A thread mostly does again what it did before, in another order: then it is the
 * same step again.
 *
 * Memory comes from a pool that grows while new sizes and locations are met and not afterwards; it
 * keeps what was met lately. Not thread-safe.
 */
#ifndef TREADLE_STRATEGIES_STEP_H
#define TREADLE_STRATEGIES_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/engine/observe.h"
#include "tools/strategies/locations.h"

/* A decision inside a step. */
typedef struct treadle_step_value {
    uint16_t taken;
    uint16_t options;
} treadle_step_value;

/* A location that a step touched, with the flags of the touch. */
typedef struct treadle_visit {
    uint32_t location;
    uint32_t flags;
} treadle_visit;

typedef struct treadle_executed {
    uint32_t references;
    uint8_t thread;
    uint8_t size_class;
    uint16_t value_count;
    uint32_t touch_count;
    uint32_t visit_count;
    bool everything; /* it commutes with no step of another thread */
    uint64_t reads;  /* a Bloom filter of the granules read */
    uint64_t writes; /* likewise */
    treadle_touch touches[];
} treadle_executed;

static inline const treadle_step_value *treadle_executed_values(const treadle_executed *step)
{
    return (const treadle_step_value *)&step->touches[step->touch_count];
}

static inline const treadle_visit *treadle_executed_visits(const treadle_executed *step)
{
    return (const treadle_visit *)(treadle_executed_values(step) + step->value_count);
}

typedef struct treadle_step_pool treadle_step_pool;

treadle_step_pool *treadle_step_pool_create(void);
void treadle_step_pool_destroy(treadle_step_pool *pool);

/* Of all its steps. Borrowed. */
const treadle_locations *treadle_step_locations(const treadle_step_pool *pool);

/* With a reference for the caller. NULL when out of memory. */
treadle_executed *treadle_executed_new(treadle_step_pool *pool, uint32_t thread,
                                       const treadle_touch *touches, uint32_t touch_count,
                                       const treadle_step_value *values, uint32_t value_count);

static inline treadle_executed *treadle_executed_keep(treadle_executed *step)
{
    step->references++;
    return step;
}

void treadle_executed_free(treadle_step_pool *pool, treadle_executed *step);

static inline void treadle_executed_drop(treadle_step_pool *pool, treadle_executed *step)
{
    if (--step->references == 0) {
        treadle_executed_free(pool, step);
    }
}

bool treadle_executed_touch_in_common(const treadle_executed *one, const treadle_executed *other);

/* Whether two steps of different threads touch a common byte and one of them writes it, or one does
 * not commute with anything. */
static inline bool treadle_executed_conflict(const treadle_executed *one,
                                             const treadle_executed *other)
{
    const uint64_t common =
        (one->writes & (other->reads | other->writes)) | (one->reads & other->writes);
    return one->everything || other->everything ||
           (common != 0 && treadle_executed_touch_in_common(one, other));
}

/* Whether the same values were decided. */
bool treadle_executed_same_values(const treadle_executed *one, const treadle_executed *other);

#endif
