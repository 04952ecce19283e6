// SPDX-License-Identifier: MIT
#include "tools/checkers/races.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/checkers/race_access.h"

enum { LARGE_BYTES = 256 }; /* blocks from here on are recorded where they are touched */

enum { BLOCKS_MAX = 1 << 20 };

static const size_t accesses_bytes = ACCESSES_MAX * sizeof(race_access);
static const size_t locks_bytes = LOCKS_MAX * sizeof(held_lock);
static const size_t blocks_bytes = BLOCKS_MAX * sizeof(heap_block);

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

static void note_block(treadle_races *self, uint32_t thread, treadle_touch touch, const void *site)
{
    if (self->block_count < BLOCKS_MAX) { /* beyond it a block has no name */
        self->blocks[self->block_count++] = (heap_block){
            .address = touch.address, .site = site, .size = touch.size, .thread = (uint8_t)thread};
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
    if (UNLIKELY(now->touch.flags & (TREADLE_TOUCH_ALLOCATE | TREADLE_TOUCH_FORGET))) {
        renew_granule(self, at, mask, now);
        return;
    }
    access_granule(self, at, mask, now);
    if (now->kind == RACE_SYNC_READ || now->kind == RACE_SYNC_WRITE) {
        synchronise(self, at, mask, now->thread, now->touch.flags);
    }
}

HOT pending pending_of(const treadle_races *self, treadle_touch touch, const void *site,
                       uint32_t thread)
{
    const uint32_t *clock = self->clocks.threads[thread].clock;
    return (pending){.touch = touch,
                     .site = site,
                     .clock = clock,
                     .thread = thread,
                     .epoch = clock[thread],
                     .kind = kind_of(touch.flags)};
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

static __attribute__((noinline)) void touch_range(treadle_races *self, treadle_touch touch,
                                                  const void *site, uint32_t thread)
{
    pending now = pending_of(self, touch, site, thread);
    uint64_t address = touch.address;
    uint64_t left = touch.size;
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

HOT void touch_memory(treadle_races *self, treadle_touch touch, const void *site, uint32_t thread)
{
    const uint64_t offset = touch.address % GRANULE_BYTES;
    if (LIKELY(offset + touch.size <= GRANULE_BYTES)) {
        pending now = pending_of(self, touch, site, thread);
        const uint32_t mask = ((UINT32_C(1) << touch.size) - 1) << offset;
        now.granule = touch.address - offset;
        touch_one(self, race_shadow_granule(&self->shadow, touch.address), mask, &now);
    } else {
        touch_range(self, touch, site, thread);
    }
}

/* A lock that is taken leaves no record: it will be let go, by the same thread, which does. */
HOT void take_lock(treadle_races *self, granule *at, uint32_t mask, treadle_touch touch,
                   const void *site, uint32_t thread)
{
    if (UNLIKELY(!is_lock(self, at, mask))) {
        pending now = pending_of(self, touch, site, thread);
        now.granule = touch.address & ~(uint64_t)(GRANULE_BYTES - 1);
        visit_granule(self, at, mask, &now);
    }
    const bool reader = touch.flags & TREADLE_TOUCH_SHARED;
    race_clocks_read(&self->clocks, thread, at->releases, mask, true, reader);
    self->held[thread] = race_with_lock(self, self->held[thread], touch.address, reader);
}

HOT void drop_lock(treadle_races *self, granule *at, uint32_t mask, treadle_touch touch,
                   const void *site, uint32_t thread)
{
    const uint32_t *clock = self->clocks.threads[thread].clock;
    record *last = &at->records[0];
    if (LIKELY(is_lock(self, at, mask) && last->epoch <= clock[last->thread])) {
        last->epoch = clock[thread];
        last->thread = (uint8_t)thread;
        last->access = remember(self, touch, site, thread);
    } else {
        pending now = pending_of(self, touch, site, thread);
        now.granule = touch.address & ~(uint64_t)(GRANULE_BYTES - 1);
        access_granule(self, at, mask, &now);
    }
    const bool reader = touch.flags & TREADLE_TOUCH_SHARED;
    race_clocks_write(&self->clocks, thread, &at->releases, mask,
                      reader ? RACE_READER_LEAVES : RACE_STORE, true);
    self->held[thread] = race_without_lock(self, self->held[thread], touch.address);
}

static __attribute__((noinline)) void touch_lock(treadle_races *self, treadle_touch touch,
                                                 const void *site, uint32_t thread)
{
    const uint32_t mask = UINT32_C(1) << touch.address % GRANULE_BYTES;
    granule *at = race_shadow_granule(&self->shadow, touch.address);
    if (touch.flags & TREADLE_TOUCH_ACQUIRE) {
        take_lock(self, at, mask, touch, site, thread);
    } else {
        drop_lock(self, at, mask, touch, site, thread);
    }
}

/* A block that begins a granule in memory that this execution has not given back: its granules are
 * as new, and get their record when they are touched. */
static bool allocate_large(treadle_races *self, treadle_touch touch, const void *site,
                           uint32_t thread)
{
    const uint64_t end = touch.address + touch.size;
    if (touch.size < LARGE_BYTES || self->large_count == LARGES_MAX ||
        touch.address % GRANULE_BYTES != 0 ||
        (touch.address < self->freed_end && end > self->freed_begin)) {
        return false;
    }
    pending now = pending_of(self, touch, site, thread);
    large_block *block = &self->larges[self->large_count++];
    block->begin = touch.address;
    block->end = end;
    put(self, &block->record, UINT8_MAX, &now);
    return true;
}

static void note_freed(treadle_races *self, treadle_touch touch)
{
    const uint64_t end = touch.address + touch.size;
    self->freed_begin = touch.address < self->freed_begin ? touch.address : self->freed_begin;
    self->freed_end = end > self->freed_end ? end : self->freed_end;
}

/* Whatever is not plain. */
static __attribute__((noinline)) void touch_special(treadle_races *self, treadle_touch touch,
                                                    const void *site, uint32_t thread)
{
    if (concerns_nobody(touch.flags)) {
        return;
    }
    if (touch.flags & TREADLE_TOUCH_ALLOCATE) {
        note_block(self, thread, touch, site);
        if (allocate_large(self, touch, site, thread)) {
            return;
        }
    } else if (touch.flags & TREADLE_TOUCH_FREE) {
        note_freed(self, touch);
    }
    touch_memory(self, touch, site, thread);
}

static __attribute__((noinline)) void touch_plain(treadle_races *self, treadle_touch touch,
                                                  const void *site, uint32_t thread)
{
    touch.flags &= TREADLE_TOUCH_WRITE; /* which they are: so the compiler knows, too */
    touch_memory(self, touch, site, thread);
}

/* While there is one thread only, and it has made no other, all that it does happens before what
 * any other will do: nothing is to be compared with it. Locks that it holds and blocks that it
 * allocates may be named later. */
static __attribute__((noinline)) void touch_alone(treadle_races *self, treadle_touch touch,
                                                  const void *site, uint32_t thread)
{
    if (touch.flags & TREADLE_TOUCH_LOCK) {
        uint32_t *held = &self->held[thread];
        *held = touch.flags & TREADLE_TOUCH_ACQUIRE
                    ? race_with_lock(self, *held, touch.address, touch.flags & TREADLE_TOUCH_SHARED)
                    : race_without_lock(self, *held, touch.address);
    } else if (touch.flags & TREADLE_TOUCH_ALLOCATE) {
        note_block(self, thread, touch, site);
    }
}

static void touch(void *context, uint32_t thread, treadle_touch touched, const void *site)
{
    treadle_races *self = context;
    if (self->clocks.count == 1) {
        touch_alone(self, touched, site, thread);
    } else if (touched.flags & TREADLE_TOUCH_LOCK) {
        touch_lock(self, touched, site, thread);
    } else if (UNLIKELY(touched.flags & ~(uint32_t)TREADLE_TOUCH_WRITE)) {
        touch_special(self, touched, site, thread);
    } else {
        touch_plain(self, touched, site, thread);
    }
}

const treadle_observer treadle_races_observer = {
    .start = start, .touch = touch, .fence = fence, .edge = edge};
