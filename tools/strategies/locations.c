// SPDX-License-Identifier: MIT
#include "tools/strategies/locations.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 1 << 10, ITEMS_FIRST = 1 << 9, ITEMS_MAX = 1 << 20 }; /* powers of two */

void treadle_locations_destroy(treadle_locations *locations)
{
    free(locations->items);
    free(locations->slots);
    *locations = (treadle_locations){0};
}

static uint32_t slot_of(const treadle_locations *locations, uint64_t granule)
{
    const uint32_t mask = locations->slot_count - 1;
    uint32_t slot = (uint32_t)(granule * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (locations->slots[slot] != 0 &&
           locations->items[locations->slots[slot] - 1].granule != granule) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* The location of exactly these bytes, in the ring of the one given. */
static uint32_t find_in_ring(const treadle_locations *locations, uint32_t of, uint8_t bytes)
{
    uint32_t at = of;
    do {
        if (locations->items[at].bytes == bytes) {
            return at;
        }
        at = locations->items[at].next;
    } while (at != of);
    return TREADLE_NO_LOCATION;
}

uint32_t treadle_locations_find(const treadle_locations *locations, uint64_t granule, uint8_t bytes)
{
    if (locations->count == 0) {
        return TREADLE_NO_LOCATION;
    }
    const uint32_t known = locations->slots[slot_of(locations, granule)];
    return known == 0 ? TREADLE_NO_LOCATION : find_in_ring(locations, known - 1, bytes);
}

/* With twice as many slots. */
static bool grow_slots(treadle_locations *locations)
{
    const uint32_t old_count = locations->slot_count;
    uint32_t *old = locations->slots;
    const uint32_t count = old_count ? old_count * 2 : SLOTS_FIRST;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    locations->slots = slots;
    locations->slot_count = count;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i] != 0) {
            slots[slot_of(locations, locations->items[old[i] - 1].granule)] = old[i];
        }
    }
    free(old);
    return true;
}

static bool grow_items(treadle_locations *locations)
{
    const uint32_t capacity = locations->capacity ? locations->capacity * 2 : ITEMS_FIRST;
    treadle_location *grown =
        capacity <= ITEMS_MAX ? realloc(locations->items, capacity * sizeof *grown) : NULL;
    if (grown == NULL) {
        return false;
    }
    locations->items = grown;
    locations->capacity = capacity;
    return true;
}

uint32_t treadle_locations_number(treadle_locations *locations, uint64_t granule, uint8_t bytes)
{
    if ((locations->count == locations->capacity && !grow_items(locations)) ||
        (locations->granules >= locations->slot_count / 2 && !grow_slots(locations))) {
        return TREADLE_NO_LOCATION;
    }
    const uint32_t slot = slot_of(locations, granule);
    const uint32_t known = locations->slots[slot];
    const uint32_t same = known ? find_in_ring(locations, known - 1, bytes) : TREADLE_NO_LOCATION;
    if (same != TREADLE_NO_LOCATION) {
        return same;
    }
    const uint32_t made = locations->count++;
    locations->items[made] = (treadle_location){.granule = granule, .next = made, .bytes = bytes};
    if (known != 0) {
        locations->items[made].next = locations->items[known - 1].next;
        locations->items[known - 1].next = made;
    } else {
        locations->slots[slot] = made + 1;
        locations->granules++;
    }
    return made;
}
