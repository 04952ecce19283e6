// SPDX-License-Identifier: MIT
/*
 * Steps and sequences as bytes, which another process of the same program reads: one that was
 * forked from this one or from the same one, so that addresses mean the same to both.
 *
 * A reader stops at the end: what is read then is zero. Not thread-safe.
 */
#ifndef TREADLE_STRATEGIES_PARCEL_H
#define TREADLE_STRATEGIES_PARCEL_H

#include <stddef.h>

#include "tools/strategies/wakeup.h"

/* Zeroed to begin with; `bytes` is the owner's to free, and may be written again after `used` has
 * become 0. */
typedef struct treadle_parcel {
    uint8_t *bytes;
    size_t size;
    size_t used;
    bool failed; /* out of memory: something is missing */
} treadle_parcel;

typedef struct treadle_parcel_reader {
    const uint8_t *bytes; /* borrowed */
    size_t left;
} treadle_parcel_reader;

void treadle_parcel_put_number(treadle_parcel *to, uint32_t number);
void treadle_parcel_put_step(treadle_parcel *to, const treadle_executed *step);
void treadle_parcel_put_item(treadle_parcel *to, const treadle_sequence_item *item);

/* What is left of it. */
void treadle_parcel_put_sequence(treadle_parcel *to, const treadle_sequence *sequence);

uint32_t treadle_parcel_get_number(treadle_parcel_reader *from);

/* The step has one reference, the caller's. NULL when out of memory. */
treadle_executed *treadle_parcel_get_step(treadle_parcel_reader *from, treadle_step_pool *pool);

/* The sequence's steps have one reference each, the caller's: treadle_parcel_drop_sequence().
 * False when out of memory. */
bool treadle_parcel_get_sequence(treadle_parcel_reader *from, treadle_step_pool *pool,
                                 treadle_sequence *sequence);
void treadle_parcel_drop_sequence(treadle_step_pool *pool, const treadle_sequence *sequence);

#endif
