// SPDX-License-Identifier: MIT
#include "tools/checkers/races.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/checkers/race_internal.h"

enum { ACCESSES_MAX = 1 << 22, LOCKS_MAX = 1 << 20, BLOCKS_MAX = 1 << 20, GRANULE_BYTES = 8 };

static const size_t accesses_bytes = ACCESSES_MAX * sizeof(race_access);
static const size_t locks_bytes = LOCKS_MAX * sizeof(held_lock);
static const size_t blocks_bytes = BLOCKS_MAX * sizeof(heap_block);

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Sets of kinds. */
#define KIND(name) (1u << RACE_##name)

/* What an access of a kind races with when nothing orders the two. */
static const uint8_t conflicts[] = {
    [RACE_READ] = KIND(WRITE) | KIND(SYNC_WRITE),
    [RACE_WRITE] = KIND(READ) | KIND(WRITE) | KIND(SYNC_READ) | KIND(SYNC_WRITE),
    [RACE_SYNC_READ] = KIND(WRITE),
    [RACE_SYNC_WRITE] = KIND(READ) | KIND(WRITE),
};

/* The kinds that conflict with nothing that this one does not conflict with. */
static const uint8_t subsumes[] = {
    [RACE_READ] = KIND(READ) | KIND(SYNC_READ),
    [RACE_WRITE] = KIND(READ) | KIND(WRITE) | KIND(SYNC_READ) | KIND(SYNC_WRITE),
    [RACE_SYNC_READ] = KIND(SYNC_READ),
    [RACE_SYNC_WRITE] = KIND(SYNC_READ) | KIND(SYNC_WRITE),
};

/* An access under way. By value to what is not inlined, so that it can stay in registers. */
typedef struct pending {
    uint64_t address;
    const void *site;
    uint32_t thread;
    uint32_t epoch;
    uint32_t size;
    uint32_t flags;
    uint32_t access; /* its index, once a record needs one; 0 before */
    race_kind kind;
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

treadle_races *treadle_races_open(void)
{
    treadle_races *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
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
            (race_access){.address = now->address,
                          .site = now->site,
                          .size = now->size,
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
           subsumes[at->kind] >> now->kind & 1;
}

static __attribute__((noinline)) void unordered(treadle_races *self, const record *earlier,
                                                pending now)
{
    if (conflicts[now.kind] >> earlier->kind & 1) {
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
        unordered(self, at, *now);
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
                                                    pending now)
{
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

HOT void access_granule(treadle_races *self, granule *at, uint32_t mask, pending *now)
{
    record *one = &at->records[0];
    record *other = &at->records[1];
    if (one->epoch < self->clocks.base) {
        other->epoch = 0;
        at->more = 0;
        at->releases = 0;
        put(self, one, mask, now);
        return;
    }
    if (repeats(one, mask, now) || repeats(other, mask, now)) {
        return;
    }
    const bool one_free = settle(self, one, mask, now);
    const bool other_free = settle(self, other, mask, now);
    if (UNLIKELY(at->more != 0)) {
        settle_extras(self, at, mask, *now);
    }
    if (LIKELY(one_free || other_free)) {
        put(self, one_free ? one : other, mask, now);
    } else {
        put(self, &race_shadow_extra(&self->shadow, at)->record, mask, now);
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
    if (flags & TREADLE_TOUCH_LOCK && flags & TREADLE_TOUCH_SHARED) {
        return RACE_READER_LEAVES;
    }
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
        race_clocks_read(&self->clocks, thread, at->releases, mask, acquires,
                         flags & TREADLE_TOUCH_SHARED);
    }
    if (releasing || (writes && !object)) {
        race_clocks_write(&self->clocks, thread, &at->releases, mask, release_of(flags), releasing);
    }
}

static void note_lock(treadle_races *self, const pending *now)
{
    uint32_t *held = &self->held[now->thread];
    if (now->flags & TREADLE_TOUCH_ACQUIRE) {
        *held = with_lock(self, *held, now->address, now->flags & TREADLE_TOUCH_SHARED);
    } else {
        *held = without_lock(self, *held, now->address);
    }
}

static void note_block(treadle_races *self, const pending *now)
{
    if (self->block_count < BLOCKS_MAX) { /* beyond it a block has no name */
        self->blocks[self->block_count++] = (heap_block){.address = now->address,
                                                         .site = now->site,
                                                         .size = now->size,
                                                         .thread = (uint8_t)now->thread};
    }
}

/* ---- a touch --------------------------------------------------------------------------------- */

static race_kind kind_of(uint32_t flags)
{
    enum { SYNC = TREADLE_TOUCH_ATOMIC | TREADLE_TOUCH_VOLATILE | TREADLE_TOUCH_OBJECT };
    if (flags & TREADLE_TOUCH_WRITE) {
        return flags & SYNC ? RACE_SYNC_WRITE : RACE_WRITE;
    }
    return flags & SYNC ? RACE_SYNC_READ : RACE_READ;
}

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
    if (now->kind >= RACE_SYNC_READ) {
        synchronise(self, at, mask, now->thread, now->flags);
    }
}

static __attribute__((noinline)) void touch_range(treadle_races *self, pending now)
{
    uint64_t address = now.address;
    uint64_t left = now.size;
    while (left > 0) {
        const uint64_t offset = address % GRANULE_BYTES;
        const uint64_t here = GRANULE_BYTES - offset < left ? GRANULE_BYTES - offset : left;
        const uint32_t mask = ((UINT32_C(1) << here) - 1) << offset;
        touch_one(self, race_shadow_granule(&self->shadow, address), mask, &now);
        address += here;
        left -= here;
    }
}

HOT void touch_memory(treadle_races *self, pending *now)
{
    const uint64_t offset = now->address % GRANULE_BYTES;
    if (LIKELY(offset + now->size <= GRANULE_BYTES)) {
        const uint32_t mask = ((UINT32_C(1) << now->size) - 1) << offset;
        touch_one(self, race_shadow_granule(&self->shadow, now->address), mask, now);
    } else {
        touch_range(self, *now);
    }
}

/* Whatever is not plain. */
static __attribute__((noinline)) void touch_special(treadle_races *self, pending now)
{
    if (concerns_nobody(now.flags)) {
        return;
    }
    now.kind = kind_of(now.flags);
    if (now.flags & TREADLE_TOUCH_LOCK) {
        note_lock(self, &now);
    } else if (now.flags & TREADLE_TOUCH_ALLOCATE) {
        note_block(self, &now);
    }
    touch_memory(self, &now);
}

/* The code of a library of primitives, when there is one. */
extern const char __start_treadle_primitives_code[] __attribute__((weak));
extern const char __stop_treadle_primitives_code[] __attribute__((weak));

static bool in_primitives(const void *site)
{
    const uintptr_t begin = (uintptr_t)__start_treadle_primitives_code;
    return (uintptr_t)site - begin < (uintptr_t)__stop_treadle_primitives_code - begin;
}

static void touch(void *context, uint32_t thread, const treadle_touch *touched, const void *site)
{
    treadle_races *self = context;
    pending now = {.address = touched->address,
                   .site = site,
                   .thread = thread,
                   .epoch = race_epoch(&self->clocks, thread),
                   .size = touched->size,
                   .flags = touched->flags,
                   .kind = touched->flags & TREADLE_TOUCH_WRITE ? RACE_WRITE : RACE_READ};
    if (UNLIKELY(now.flags & ~(uint32_t)TREADLE_TOUCH_WRITE)) {
        touch_special(self, now);
    } else if (UNLIKELY(in_primitives(site))) {
        now.flags |= TREADLE_TOUCH_VOLATILE; /* what it is meant as */
        touch_special(self, now);
    } else {
        touch_memory(self, &now);
    }
}

const treadle_observer treadle_races_observer = {
    .start = start, .touch = touch, .fence = fence, .edge = edge};
