// SPDX-License-Identifier: MIT
/*
 * What steps touch, in pieces that have numbers: some bytes of one granule of memory. The same
 * bytes have the same number as long as the table lives, so that what is known of them is found by
 * index, without looking for it (order.c).
 *
 * Zeroed to begin with. Allocates when it meets new locations and at no other time. Not
 * thread-safe.
 */
#ifndef TREADLE_STRATEGIES_LOCATIONS_H
#define TREADLE_STRATEGIES_LOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

#define TREADLE_GRANULE 8u
#define TREADLE_NO_LOCATION UINT32_MAX

typedef struct treadle_location {
    uint64_t granule; /* address / TREADLE_GRANULE */
    uint32_t next;    /* another location of the granule: a ring; itself when it is the only one */
    uint8_t bytes;    /* which of the granule's, by bit */
} treadle_location;

typedef struct treadle_locations {
    treadle_location *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* a location of a granule and one; 0 = free */
    uint32_t slot_count;
    uint32_t granules;
} treadle_locations;

/* Whether any granule has more than one. */
static inline bool treadle_locations_overlap(const treadle_locations *locations)
{
    return locations->count > locations->granules;
}

/* Frees what is in it. */
void treadle_locations_destroy(treadle_locations *locations);

/* TREADLE_NO_LOCATION when nobody has touched it yet. */
uint32_t treadle_locations_find(const treadle_locations *locations, uint64_t granule,
                                uint8_t bytes);

/* Likewise, and gives it a number; TREADLE_NO_LOCATION when out of memory, or of the 2^20 that
 * there are. */
uint32_t treadle_locations_number(treadle_locations *locations, uint64_t granule, uint8_t bytes);

#endif
