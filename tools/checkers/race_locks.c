// SPDX-License-Identifier: MIT
/* The sets of locks that threads hold. */
#include "tools/checkers/race_internal.h"

uint32_t race_with_lock(treadle_races *self, uint32_t below, uint64_t address, bool shared)
{
    const uint64_t mixed = (address ^ below) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t *cached = &self->lock_cache[mixed >> 56 & (LOCK_CACHE - 1)];
    const held_lock *known = &self->locks[*cached];
    if (*cached != 0 && *cached < self->lock_count && known->address == address &&
        known->below == below && known->shared == shared) {
        return *cached;
    }
    if (self->lock_count == LOCKS_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                     "more than %d sets of locks are held", LOCKS_MAX);
    }
    *cached = self->lock_count++;
    self->locks[*cached] = (held_lock){.address = address, .below = below, .shared = shared};
    return *cached;
}

uint32_t race_without_lock(treadle_races *self, uint32_t set, uint64_t address)
{
    if (set == 0) {
        return 0;
    }
    const held_lock top = self->locks[set];
    if (top.address == address) {
        return top.below;
    }
    const uint32_t below = race_without_lock(self, top.below, address);
    return below == top.below ? set : race_with_lock(self, below, top.address, top.shared);
}
