// SPDX-License-Identifier: MIT
#include "tools/checkers/races.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/checkers/race_internal.h"

enum { LARGE_BYTES = 256 }; /* blocks from here on are recorded where they are touched */

enum { ACCESSES_MAX = 1 << 22, LOCKS_MAX = 1 << 20, BLOCKS_MAX = 1 << 20, GRANULE_BYTES = 8 };

static const size_t accesses_bytes = ACCESSES_MAX * sizeof(race_access);
static const size_t locks_bytes = LOCKS_MAX * sizeof(held_lock);
static const size_t blocks_bytes = BLOCKS_MAX * sizeof(heap_block);

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

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
    const treadle_touch *touch;
    const void *site;
    uint32_t thread;
    uint32_t epoch;
    uint32_t flags;  /* of the touch, or as they are meant */
    uint32_t access; /* its index, once a record needs one; 0 before */
    race_kind kind;
    uint64_t granule; /* where the one under way begins */
} pending;

/* ---- life ------------------------------------------------------------------------------------ */

static void *reserve(size_t bytes)
{
    void *got = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return got == MAP_FAILED ? NULL : got;
}

static void give_back(void *memory, size_t bytes)
{
    if (memory != NULL) {
        munmap(memory, bytes);
    }
}

/* The code of a library of primitives, when there is one; see subject.cmake. */
extern const char __start_treadle_primitives_code[] __attribute__((weak));
extern const char __stop_treadle_primitives_code[] __attribute__((weak));

treadle_races *treadle_races_open(void)
{
    treadle_races *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->primitives = (uintptr_t)__start_treadle_primitives_code;
    self->primitives_bytes = (uintptr_t)__stop_treadle_primitives_code - self->primitives;
    self->accesses = reserve(accesses_bytes);
    self->locks = reserve(locks_bytes);
    self->blocks = reserve(blocks_bytes);
    int error = race_clocks_open(&self->clocks);
    error = error ? error : race_shadow_open(&self->shadow);
    if (error || !self->accesses || !self->locks || !self->blocks) {
        treadle_races_close(self);
        return NULL;
    }
    return self;
}

void treadle_races_close(treadle_races *self)
{
    if (self == NULL) {
        return;
    }
    race_clocks_close(&self->clocks);
    race_shadow_close(&self->shadow);
    give_back(self->accesses, accesses_bytes);
    give_back(self->locks, locks_bytes);
    give_back(self->blocks, blocks_bytes);
    free(self);
}

static void start(void *context)
{
    treadle_races *self = context;
    if (!race_clocks_start(&self->clocks)) {
        race_shadow_clear(&self->shadow);
    }
    race_shadow_start(&self->shadow);
    self->access_count = 1;
    self->lock_count = 1;
    self->block_count = 0;
    self->large_count = 0;
    self->freed_begin = UINT64_MAX;
    self->freed_end = 0;
    self->recording = treadle_recording();
    memset(self->held, 0, sizeof self->held);
}

static void edge(void *context, uint32_t from, uint32_t to)
{
    treadle_races *self = context;
    race_clocks_edge(&self->clocks, from, to);
}

static void fence(void *context, uint32_t thread, int memory_order)
{
    treadle_races *self = context;
    race_clocks_fence(&self->clocks, thread, memory_order);
}

/* ---- locks held ------------------------------------------------------------------------------ */

/* The set that holds one lock more; the same set has the same index, mostly. */
static uint32_t with_lock(treadle_races *self, uint32_t below, uint64_t address, bool shared)
{
    const uint64_t mixed = (address ^ below) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t *cached = &self->lock_cache[mixed >> 56 & (LOCK_CACHE - 1)];
    const held_lock *known = &self->locks[*cached];
    if (*cached != 0 && *cached < self->lock_count && known->address == address &&
        known->below == below && known->shared == shared) {
        return *cached;
    }
    if (self->lock_count == LOCKS_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "race-limit", "more than %d sets of locks are held",
                     LOCKS_MAX);
    }
    *cached = self->lock_count++;
    self->locks[*cached] = (held_lock){.address = address, .below = below, .shared = shared};
    return *cached;
}

static uint32_t without_lock(treadle_races *self, uint32_t set, uint64_t address)
{
    if (set == 0) {
        return 0;
    }
    const held_lock top = self->locks[set];
    if (top.address == address) {
        return top.below;
    }
    const uint32_t below = without_lock(self, top.below, address);
    return below == top.below ? set : with_lock(self, below, top.address, top.shared);
}

/* ---- accesses -------------------------------------------------------------------------------- */

static race_kind kind_of(uint32_t flags)
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

HOT uint32_t remember(treadle_races *self, pending *now)
{
    if (now->access == 0) {
        if (UNLIKELY(self->access_count == ACCESSES_MAX)) {
            treadle_stop(TREADLE_OUTCOME_CUT, "race-limit",
                         "more than %d accesses in one execution", ACCESSES_MAX);
        }
        now->access = self->access_count++;
        self->accesses[now->access] =
            (race_access){.address = now->touch->address,
                          .site = now->site,
                          .size = now->touch->size,
                          .locks = self->held[now->thread],
                          .event = UNLIKELY(self->recording) ? treadle_recorded_events() : 0,
                          .flags = (uint16_t)now->flags,
                          .thread = (uint8_t)now->thread};
    }
    return now->access;
}

HOT void put(treadle_races *self, record *at, uint32_t mask, pending *now)
{
    *at = (record){.epoch = now->epoch,
                   .access = remember(self, now),
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

static __attribute__((noinline)) void unordered(treadle_races *self, const record *earlier,
                                                const treadle_touch *touch, const void *site,
                                                uint32_t thread, uint32_t flags)
{
    if (conflicts[kind_of(flags)] >> earlier->kind & 1) {
        pending now = {.touch = touch, .site = site, .thread = thread, .flags = flags};
        race_report(self, &self->accesses[earlier->access], &self->accesses[remember(self, &now)]);
    }
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
    if (UNLIKELY(!race_ordered(&self->clocks, now->thread, at->thread, at->epoch))) {
        unordered(self, at, now->touch, now->site, now->thread, now->flags);
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

static __attribute__((noinline)) void settle_extras(treadle_races *self, granule *at, uint32_t mask,
                                                    const treadle_touch *touch, const void *site,
                                                    uint32_t thread, uint32_t flags)
{
    pending now = {
        .touch = touch, .site = site, .thread = thread, .flags = flags, .kind = kind_of(flags)};
    for (uint32_t *link = &at->more; *link != 0;) {
        extra *other = &self->shadow.extras[*link];
        if (!settle(self, &other->record, mask, &now)) {
            link = &other->next;
            continue;
        }
        const uint32_t freed = *link;
        *link = other->next;
        other->next = self->shadow.extra_free;
        self->shadow.extra_free = freed;
    }
}

/* A granule that is touched for the first time may lie in a large block: then it was written when
 * that was allocated. */
static __attribute__((noinline)) bool inherit_large(const treadle_races *self, granule *at,
                                                    const pending *now)
{
    const uint64_t begin = now->granule;
    for (uint32_t i = 0; i < self->large_count; i++) {
        const large_block *block = &self->larges[i];
        if (begin + GRANULE_BYTES > block->begin && begin < block->end) {
            const uint64_t over =
                begin + GRANULE_BYTES > block->end ? begin + GRANULE_BYTES - block->end : 0;
            at->records[0] = block->record;
            at->records[0].mask = (uint8_t)(UINT8_MAX >> over);
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
        if (LIKELY(self->large_count == 0) || !inherit_large(self, at, now)) {
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
        settle_extras(self, at, mask, now->touch, now->site, now->thread, now->flags);
    }
    if (LIKELY(one_free || other_free)) {
        put(self, one_free ? one : other, mask, now);
    } else {
        put(self, &race_shadow_extra(&self->shadow, at)->record, mask, now);
    }
}

/* Holds the access against what is there, and leaves no record: a lock that is taken will be let
 * go, by the same thread, which does. */
HOT void visit_granule(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    if (at->records[0].epoch < self->clocks.base || at->more != 0) {
        access_granule(self, at, mask, now);
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const record *found = &at->records[i];
        if (found->epoch >= self->clocks.base && found->mask & mask &&
            !race_ordered(&self->clocks, now->thread, found->thread, found->epoch)) {
            unordered(self, found, now->touch, now->site, now->thread, now->flags);
        }
    }
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
    put(self, &at->records[0], mask, now);
}

/* ---- synchronising through memory ------------------------------------------------------------ */

static race_release release_of(uint32_t flags)
{
    return flags & (TREADLE_TOUCH_RMW | TREADLE_TOUCH_VOLATILE) ? RACE_RMW : RACE_STORE;
}

static void synchronise(treadle_races *self, granule *at, uint32_t mask, uint32_t thread,
                        uint32_t flags)
{
    const bool is_volatile = flags & TREADLE_TOUCH_VOLATILE;
    const bool writes = flags & TREADLE_TOUCH_WRITE;
    const bool object = flags & TREADLE_TOUCH_OBJECT;
    const bool acquires = flags & TREADLE_TOUCH_ACQUIRE || (is_volatile && !writes);
    const bool releasing = flags & TREADLE_TOUCH_RELEASE || (is_volatile && writes);
    const bool reads = !writes || flags & TREADLE_TOUCH_RMW;
    if (acquires || (reads && !object)) {
        race_clocks_read(&self->clocks, thread, at->releases, mask, acquires, false);
    }
    if (releasing || (writes && !object)) {
        race_clocks_write(&self->clocks, thread, &at->releases, mask, release_of(flags), releasing);
    }
}

static void note_block(treadle_races *self, uint32_t thread, const treadle_touch *touch,
                       const void *site)
{
    if (self->block_count < BLOCKS_MAX) { /* beyond it a block has no name */
        self->blocks[self->block_count++] = (heap_block){.address = touch->address,
                                                         .site = site,
                                                         .size = touch->size,
                                                         .thread = (uint8_t)thread};
    }
}

/* ---- a touch --------------------------------------------------------------------------------- */

/* What is neither the subject's memory nor orders anything: the engine's own. */
static bool concerns_nobody(uint32_t flags)
{
    return flags & TREADLE_TOUCH_OBJECT &&
           !(flags & (TREADLE_TOUCH_ACQUIRE | TREADLE_TOUCH_RELEASE));
}

HOT void touch_one(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    if (UNLIKELY(now->flags & TREADLE_TOUCH_ALLOCATE)) {
        renew_granule(self, at, mask, now);
        return;
    }
    access_granule(self, at, mask, now);
    if (now->kind == RACE_SYNC_READ || now->kind == RACE_SYNC_WRITE) {
        synchronise(self, at, mask, now->thread, now->flags);
    }
}

HOT pending pending_of(const treadle_races *self, const treadle_touch *touch, const void *site,
                       uint32_t thread, uint32_t flags)
{
    return (pending){.touch = touch,
                     .site = site,
                     .thread = thread,
                     .epoch = race_epoch(&self->clocks, thread),
                     .flags = flags,
                     .kind = kind_of(flags)};
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
        now->flags & TREADLE_TOUCH_ALLOCATE) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const record *found = &at->records[i];
        if (found->epoch >= self->clocks.base &&
            !race_ordered(&self->clocks, now->thread, found->thread, found->epoch)) {
            unordered(self, found, now->touch, now->site, now->thread, now->flags);
        }
    }
    at->records[0] = *with;
    at->records[1].epoch = 0;
    return true;
}

/* Whole granules of one page, from `at` on. */
static void touch_granules(treadle_races *self, granule *at, uint64_t count, pending *now)
{
    record with = {0};
    const bool overwrites = now->kind == RACE_WRITE || now->kind == RACE_NEW;
    if (overwrites) {
        put(self, &with, UINT8_MAX, now);
    }
    for (const granule *end = at + count; at < end; at++, now->granule += GRANULE_BYTES) {
        if (!overwrites || !overwrite_granule(self, at, &with, now)) {
            touch_one(self, at, UINT8_MAX, now);
        }
    }
}

static __attribute__((noinline)) void touch_range(treadle_races *self, const treadle_touch *touch,
                                                  const void *site, uint32_t thread, uint32_t flags)
{
    pending now = pending_of(self, touch, site, thread, flags);
    uint64_t address = touch->address;
    uint64_t left = touch->size;
    while (left > 0) {
        granule *at = race_shadow_granule(&self->shadow, address);
        const uint64_t offset = address % GRANULE_BYTES;
        now.granule = address - offset;
        uint64_t here = GRANULE_BYTES - offset < left ? GRANULE_BYTES - offset : left;
        if (here < GRANULE_BYTES) {
            touch_one(self, at, ((UINT32_C(1) << here) - 1) << offset, &now);
        } else {
            const uint64_t rest_of_page = SHADOW_PAGE_BYTES - address % SHADOW_PAGE_BYTES;
            here = (left < rest_of_page ? left : rest_of_page) / GRANULE_BYTES * GRANULE_BYTES;
            touch_granules(self, at, here / GRANULE_BYTES, &now);
        }
        address += here;
        left -= here;
    }
}

HOT void touch_memory(treadle_races *self, const treadle_touch *touch, const void *site,
                      uint32_t thread, uint32_t flags)
{
    const uint64_t offset = touch->address % GRANULE_BYTES;
    if (LIKELY(offset + touch->size <= GRANULE_BYTES)) {
        pending now = pending_of(self, touch, site, thread, flags);
        const uint32_t mask = ((UINT32_C(1) << touch->size) - 1) << offset;
        now.granule = touch->address - offset;
        touch_one(self, race_shadow_granule(&self->shadow, touch->address), mask, &now);
    } else {
        touch_range(self, touch, site, thread, flags);
    }
}

HOT void touch_lock(treadle_races *self, const treadle_touch *touch, const void *site,
                    uint32_t thread, uint32_t flags)
{
    const uint32_t offset = touch->address % GRANULE_BYTES;
    const uint32_t mask = UINT32_C(1) << offset;
    const bool reader = flags & TREADLE_TOUCH_SHARED;
    uint32_t *held = &self->held[thread];
    granule *at = race_shadow_granule(&self->shadow, touch->address);
    pending now = pending_of(self, touch, site, thread, flags);
    now.granule = touch->address - offset;
    if (flags & TREADLE_TOUCH_ACQUIRE) {
        visit_granule(self, at, mask, &now);
        race_clocks_read(&self->clocks, thread, at->releases, mask, true, reader);
        *held = with_lock(self, *held, touch->address, reader);
    } else {
        access_granule(self, at, mask, &now);
        race_clocks_write(&self->clocks, thread, &at->releases, mask,
                          reader ? RACE_READER_LEAVES : RACE_STORE, true);
        *held = without_lock(self, *held, touch->address);
    }
}

/* A block that begins a granule in memory that this execution has not given back: its granules are
 * as new, and get their record when they are touched. */
static bool allocate_large(treadle_races *self, const treadle_touch *touch, const void *site,
                           uint32_t thread, uint32_t flags)
{
    const uint64_t end = touch->address + touch->size;
    if (touch->size < LARGE_BYTES || self->large_count == LARGES_MAX ||
        touch->address % GRANULE_BYTES != 0 ||
        (touch->address < self->freed_end && end > self->freed_begin)) {
        return false;
    }
    pending now = pending_of(self, touch, site, thread, flags);
    large_block *block = &self->larges[self->large_count++];
    block->begin = touch->address;
    block->end = end;
    put(self, &block->record, UINT8_MAX, &now);
    return true;
}

static void note_freed(treadle_races *self, const treadle_touch *touch)
{
    const uint64_t end = touch->address + touch->size;
    self->freed_begin = touch->address < self->freed_begin ? touch->address : self->freed_begin;
    self->freed_end = end > self->freed_end ? end : self->freed_end;
}

/* Whatever is not plain. */
static __attribute__((noinline)) void touch_special(treadle_races *self, const treadle_touch *touch,
                                                    const void *site, uint32_t thread,
                                                    uint32_t flags)
{
    if (concerns_nobody(flags)) {
        return;
    }
    if (flags & TREADLE_TOUCH_LOCK) {
        touch_lock(self, touch, site, thread, flags);
        return;
    }
    if (flags & TREADLE_TOUCH_ALLOCATE) {
        note_block(self, thread, touch, site);
        if (allocate_large(self, touch, site, thread, flags)) {
            return;
        }
    } else if (flags & TREADLE_TOUCH_FREE) {
        note_freed(self, touch);
    }
    touch_memory(self, touch, site, thread, flags);
}

static void touch(void *context, uint32_t thread, const treadle_touch *touched, const void *site)
{
    treadle_races *self = context;
    const uint32_t flags = touched->flags;
    if (UNLIKELY(flags & ~(uint32_t)TREADLE_TOUCH_WRITE)) {
        touch_special(self, touched, site, thread, flags);
    } else if (UNLIKELY((uintptr_t)site - self->primitives < self->primitives_bytes)) {
        /* What it is meant as. */
        touch_special(self, touched, site, thread, flags | TREADLE_TOUCH_VOLATILE);
    } else {
        touch_memory(self, touched, site, thread, flags & TREADLE_TOUCH_WRITE);
    }
}

const treadle_observer treadle_races_observer = {
    .start = start, .touch = touch, .fence = fence, .edge = edge};
