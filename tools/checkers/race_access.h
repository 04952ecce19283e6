// SPDX-License-Identifier: MIT
/*
 * One access against the records of a granule: whether it races, and what is to be remembered. Here
 * and inline is what happens at almost every access; what is rare is in race_access.c.
 */
#ifndef TREADLE_CHECKERS_RACE_ACCESS_H
#define TREADLE_CHECKERS_RACE_ACCESS_H

#include "tools/checkers/race_internal.h"
#include "tools/engine/branch.h"

enum { ACCESSES_MAX = 1 << 22, GRANULE_BYTES = 8 };

/* Sets of kinds. */
#define KIND(name) (1u << RACE_##name)

#define ANY_KIND (KIND(READ) | KIND(WRITE) | KIND(SYNC_READ) | KIND(SYNC_WRITE) | KIND(NEW))

/* What an access of a kind races with when nothing orders the two. */
static const uint8_t conflicts[] = {
    [RACE_READ] = KIND(WRITE) | KIND(SYNC_WRITE) | KIND(NEW),
    [RACE_WRITE] = ANY_KIND,
    [RACE_SYNC_READ] = KIND(WRITE) | KIND(NEW),
    [RACE_SYNC_WRITE] = KIND(READ) | KIND(WRITE) | KIND(NEW),
    [RACE_NEW] = ANY_KIND,
};

/* The kinds that conflict with nothing that this one does not conflict with. */
static const uint8_t subsumes[] = {
    [RACE_READ] = KIND(READ) | KIND(SYNC_READ),
    [RACE_WRITE] = ANY_KIND,
    [RACE_SYNC_READ] = KIND(SYNC_READ),
    [RACE_SYNC_WRITE] = KIND(SYNC_READ) | KIND(SYNC_WRITE),
    [RACE_NEW] = ANY_KIND,
};

/* The kinds that add nothing after this one in the same epoch of its thread. A write after the
 * allocation adds nothing either, but says more. */
static const uint8_t covers[] = {
    [RACE_READ] = KIND(READ) | KIND(SYNC_READ),
    [RACE_WRITE] = ANY_KIND,
    [RACE_SYNC_READ] = KIND(SYNC_READ),
    [RACE_SYNC_WRITE] = KIND(SYNC_READ) | KIND(SYNC_WRITE),
    [RACE_NEW] = KIND(READ) | KIND(SYNC_READ) | KIND(SYNC_WRITE),
};

/* An access under way. It stays in registers: what is not inlined gets the parts that it needs. */
typedef struct pending {
    treadle_touch touch; /* its flags as they are meant */
    const void *site;
    const uint32_t *clock; /* the thread's */
    uint32_t thread;
    uint32_t epoch;
    uint32_t access; /* its index, once a record needs one; 0 before */
    race_kind kind;
    uint64_t granule; /* where the one under way begins */
} pending;

/* An access that happens neither before nor after a recorded one: ends the execution when they
 * conflict. */
void race_unordered(treadle_races *self, const record *earlier, treadle_touch touch,
                    const void *site, uint32_t thread);
/* Holds it against the records for which a granule has no room. */
void race_settle_extras(treadle_races *self, granule *at, uint32_t mask, treadle_touch touch,
                        const void *site, uint32_t thread);
/* A granule that is touched for the first time may lie in a large block: then it was written when
 * that was allocated. */
bool race_inherit_large(const treadle_races *self, granule *at, uint64_t begin);

static inline race_kind kind_of(uint32_t flags)
{
    enum { SYNC = TREADLE_TOUCH_ATOMIC | TREADLE_TOUCH_VOLATILE | TREADLE_TOUCH_OBJECT };
    if (flags & TREADLE_TOUCH_WRITE) {
        return flags & TREADLE_TOUCH_ALLOCATE ? RACE_NEW
               : flags & SYNC                 ? RACE_SYNC_WRITE
                                              : RACE_WRITE;
    }
    return flags & SYNC ? RACE_SYNC_READ : RACE_READ;
}

#define HOT static inline __attribute__((always_inline))

/* The index of an access that may have to be reported. */
HOT uint32_t remember(treadle_races *self, treadle_touch touch, const void *site, uint32_t thread)
{
    const uint32_t index = self->access_count;
    if (UNLIKELY(index == ACCESSES_MAX)) {
        treadle_stop(TREADLE_OUTCOME_CUT, TREADLE_PROPERTY_RACE_LIMIT,
                     "more than %d accesses in one execution", ACCESSES_MAX);
    }
    self->access_count = index + 1;
    race_access *access = &self->accesses[index];
    access->address = touch.address;
    access->site = site;
    access->size = touch.size;
    access->locks = self->held[thread];
    access->event = UNLIKELY(self->recording) ? treadle_recorded_events() : 0;
    access->flags = (uint16_t)touch.flags;
    access->thread = (uint8_t)thread;
    return index;
}

HOT void put(treadle_races *self, record *at, uint32_t mask, pending *now)
{
    if (now->access == 0) {
        now->access = remember(self, now->touch, now->site, now->thread);
    }
    *at = (record){.epoch = now->epoch,
                   .access = now->access,
                   .thread = (uint8_t)now->thread,
                   .mask = (uint8_t)mask,
                   .kind = (uint8_t)now->kind};
}

/* The thread did at least as much here since its last release: nothing can be new. */
HOT bool repeats(const record *at, uint32_t mask, const pending *now)
{
    return at->epoch == now->epoch && at->thread == now->thread && !(mask & ~(uint32_t)at->mask) &&
           covers[at->kind] >> now->kind & 1;
}

/* Holds the access against one record; true when the record's place is free after that. */
HOT bool settle(treadle_races *self, record *at, uint32_t mask, pending *now)
{
    if (at->epoch < self->clocks.base) {
        return true;
    }
    if (!(at->mask & mask)) {
        return false;
    }
    if (UNLIKELY(at->epoch > now->clock[at->thread])) {
        race_unordered(self, at, now->touch, now->site, now->thread);
        return false;
    }
    if (subsumes[now->kind] >> at->kind & 1) {
        at->mask &= (uint8_t)~mask;
        if (at->mask == 0) {
            at->epoch = 0;
            return true;
        }
    }
    return false;
}

HOT void access_granule(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    record *one = &at->records[0];
    record *other = &at->records[1];
    if (one->epoch < self->clocks.base) {
        *at = (granule){.more = 0};
        if (LIKELY(self->large_count == 0) || !race_inherit_large(self, at, now->granule)) {
            put(self, one, mask, now);
            return;
        }
    }
    if (repeats(one, mask, now) || repeats(other, mask, now)) {
        return;
    }
    const bool one_free = settle(self, one, mask, now);
    const bool other_free = settle(self, other, mask, now);
    if (UNLIKELY(at->more != 0)) {
        race_settle_extras(self, at, mask, now->touch, now->site, now->thread);
    }
    if (LIKELY(one_free || other_free)) {
        put(self, one_free ? one : other, mask, now);
    } else {
        put(self, &race_shadow_extra(&self->shadow, at)->record, mask, now);
    }
}

/* Holds the access against what is there, and leaves no record. */
static inline void visit_granule(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    if (at->records[0].epoch < self->clocks.base || at->more != 0) {
        access_granule(self, at, mask, now);
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const record *found = &at->records[i];
        if (found->epoch >= self->clocks.base && found->mask & mask &&
            found->epoch > now->clock[found->thread]) {
            race_unordered(self, found, now->touch, now->site, now->thread);
        }
    }
}

/* Whether the one record of a granule is that a lock was let go there, at these bytes. */
HOT bool is_lock(const treadle_races *self, const granule *at, uint32_t mask)
{
    return at->records[0].epoch >= self->clocks.base && at->records[0].kind == RACE_SYNC_WRITE &&
           at->records[0].mask == mask && at->records[1].epoch == 0 && at->more == 0;
}

/* A new block: nothing of its memory's past counts. */
static inline void renew_granule(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    if (at->records[0].epoch >= self->clocks.base) {
        race_shadow_forget_extras(&self->shadow, at->more);
        race_clocks_forget(&self->clocks, at->releases);
    }
    at->records[1].epoch = 0;
    at->more = 0;
    at->releases = 0;
    if (now->touch.flags & TREADLE_TOUCH_FORGET) {
        at->records[0].epoch = 0;
    } else {
        put(self, &at->records[0], mask, now);
    }
}

/* A plain write of a whole granule, or a new block: most of all large ranges. What was there is
 * held against it and then gone. False when it has to be looked at in detail. */
HOT bool overwrite_granule(treadle_races *self, granule *at, const record *with, pending *now)
{
    if (at->records[0].epoch < self->clocks.base && self->large_count == 0) {
        *at = (granule){.records = {*with}};
        return true;
    }
    if (at->records[0].epoch < self->clocks.base || at->more != 0 ||
        now->touch.flags & TREADLE_TOUCH_ALLOCATE) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const record *found = &at->records[i];
        if (found->epoch >= self->clocks.base && found->epoch > now->clock[found->thread]) {
            race_unordered(self, found, now->touch, now->site, now->thread);
        }
    }
    at->records[0] = *with;
    at->records[1].epoch = 0;
    return true;
}

#endif
