// SPDX-License-Identifier: MIT
/* The heap itself; heap.h says what for. One region, laid out anew in every execution. Each thread
 * has a slice of it, and lists of what it freed: so the addresses that a thread gets depend on what
 * it allocated and freed itself, and on nothing that others do at the same time. Blocks are taken
 * from the start of a slice upwards, their records from its end downwards.
 *
 * A freed block is not handed out again while there is memory, so that a stale access is seen and
 * hits no other block; or after as many more frees as the options say, for bugs that need a reused
 * address (ABA). What an execution leaves is taken back by the next. */
#include "tools/engine/heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/engine/access.h"
#include "tools/engine/asan.h"
#include "tools/engine/internal.h"
#include "tools/engine/leaks.h"

enum {
    SMALL_CLASSES = 64, /* up to 1 KiB in steps of a grain; above that powers of two */
    CLASSES = SMALL_CLASSES + 32,
    ZONE_BYTES_MIN = 32, /* of the red zone after a block; it is as long as the block up to … */
    ZONE_BYTES_MAX = 512,
    OWN_SHARE = 4, /* a thread that took this part of the limit reuses what it freed */
};

static const size_t SLICE_BYTES = (size_t)1 << 30;
static const size_t REGION_BYTES = TREADLE_THREADS_MAX * ((size_t)1 << 30);
static const size_t SIZE_MAX_BYTES = (size_t)1 << 40;
#ifndef TREADLE_HEAP_HINT
#define TREADLE_HEAP_HINT UINT64_C(0x200000000000) /* free under AddressSanitizer, too */
#endif
/* Of main's slice and of the others'; pages beyond are given back. */
static const size_t KEPT_BYTES_MAIN = (size_t)4 << 20;
static const size_t KEPT_BYTES = (size_t)256 << 10;
/* Closed at a time, ahead of the blocks: what is beyond has never been used. */
static const size_t CLOSED_BYTES = (size_t)256 << 10;

/* Lies before each block, and tells its record. */
typedef struct header {
    heap_block *block;
    uint64_t mark; /* the record's address, mixed */
} header;

_Static_assert(sizeof(header) == HEAP_GRAIN, "blocks stay aligned");

/* Freed blocks of one class, the oldest first. */
typedef struct freed_list {
    heap_block *first;
    heap_block *last;
    uint32_t count;
} freed_list;

typedef struct slice {
    char *top;
    char *closed;        /* to here ASan takes for closed what is no block; kept over executions */
    heap_block *records; /* the newest; the first lies at the end of the slice */
    size_t taken;
    uint64_t classes_used[2];
    freed_list freed[CLASSES];
} slice;

static struct {
    char *base;
    size_t left;   /* bytes that the execution may still take */
    size_t limit;  /* … of this many */
    uint64_t used; /* the threads that took from their slices */
    slice slices[TREADLE_THREADS_MAX];
} heap;

arena treadle_arena;

/* ---- the region -------------------------------------------------------------------------------
 */

static void *reserve(void *hint, size_t bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *got = MAP_FAILED;
    if (hint != NULL) {
        got = mmap(hint, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
    }
    return got != MAP_FAILED ? got : mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

int treadle_heap_open(void)
{
    char *base = reserve((void *)TREADLE_HEAP_HINT, REGION_BYTES);
    uint8_t *shadow = reserve(NULL, REGION_BYTES / HEAP_GRAIN);
    if (base == MAP_FAILED || (void *)shadow == MAP_FAILED) {
        return ENOMEM;
    }
    heap.base = base;
    const uintptr_t stacks = (uintptr_t)E.stacks.base;
    const uintptr_t stacks_end = stacks + E.stacks.slot_bytes * E.stacks.count;
    const uintptr_t low = (uintptr_t)base < stacks ? (uintptr_t)base : stacks;
    const uintptr_t end = (uintptr_t)base + REGION_BYTES;
    treadle_arena = (arena){.low = low,
                            .span = (end > stacks_end ? end : stacks_end) - low,
                            .heap = (uintptr_t)base,
                            .heap_bytes = REGION_BYTES,
                            .shadow = shadow};
    return 0;
}

static char *slice_base(uint32_t owner)
{
    return heap.base + owner * SLICE_BYTES;
}

static heap_block *slice_records_end(uint32_t owner)
{
    return (heap_block *)(void *)slice_base(owner + 1);
}

static uint8_t *shadow_of(const char *address)
{
    return treadle_arena.shadow + (uintptr_t)(address - heap.base) / HEAP_GRAIN;
}

static void give_back(char *from, const char *end)
{
    const uintptr_t page = 4096;
    char *first = (char *)(((uintptr_t)from + page - 1) & ~(page - 1));
    if (first < end) {
        madvise(first, (size_t)(end - first), MADV_DONTNEED);
    }
}

static void slice_reset(slice *self, uint32_t owner)
{
    char *base = slice_base(owner);
    const size_t kept = owner == 0 ? KEPT_BYTES_MAIN : KEPT_BYTES;
    memset(shadow_of(base), 0, (size_t)(self->top - base) / HEAP_GRAIN);
    give_back(base + kept, self->top);
    treadle_asan_close(base, (size_t)(self->top - base));
    char *records_end = (char *)slice_records_end(owner);
    if ((size_t)(records_end - (char *)self->records) > KEPT_BYTES) {
        give_back((char *)self->records, records_end - KEPT_BYTES);
    }
    for (uint32_t word = 0; word < 2; word++) {
        for (uint64_t left = self->classes_used[word]; left; left &= left - 1) {
            const uint32_t class = word * 64 + (uint32_t)__builtin_ctzll(left);
            self->freed[class] = (freed_list){0};
        }
        self->classes_used[word] = 0;
    }
}

void treadle_heap_reset(size_t bytes_max)
{
#ifdef TREADLE_ASAN
    treadle_leaks_reset();
#endif
    heap.limit = bytes_max < SLICE_BYTES ? bytes_max : SLICE_BYTES;
    heap.left = heap.limit;
    for (; heap.used; heap.used &= heap.used - 1) {
        const uint32_t owner = (uint32_t)__builtin_ctzll(heap.used);
        slice_reset(&heap.slices[owner], owner);
    }
}

bool treadle_heap_owns(const void *address)
{
    return (uintptr_t)address - (uintptr_t)heap.base < REGION_BYTES && heap.base;
}

/* The calling thread's. */
static slice *own_slice(void)
{
    const thread *self = E.self;
    slice *own = &heap.slices[self->id];
    if (!(heap.used & self->bit)) {
        heap.used |= self->bit;
        own->top = slice_base(self->id);
        own->closed = own->closed != NULL ? own->closed : own->top;
        own->records = slice_records_end(self->id);
        own->taken = 0;
    }
    return own;
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

static uint32_t class_of(size_t size, size_t *rounded)
{
    if (size <= (size_t)SMALL_CLASSES * HEAP_GRAIN) {
        const size_t grains = size ? (size + HEAP_GRAIN - 1) / HEAP_GRAIN : 1;
        *rounded = grains * HEAP_GRAIN;
        return (uint32_t)grains - 1;
    }
    const uint32_t log = 64 - (uint32_t)__builtin_clzll(size - 1);
    *rounded = (size_t)1 << log;
    return SMALL_CLASSES + log - 10;
}

static size_t zone_after(size_t room)
{
    return room < ZONE_BYTES_MIN ? ZONE_BYTES_MIN : room > ZONE_BYTES_MAX ? ZONE_BYTES_MAX : room;
}

static header *header_of(char *begin)
{
    return (header *)(void *)begin - 1;
}

static uint64_t mark_of(const heap_block *block)
{
    return (uintptr_t)block * UINT64_C(0x9e3779b97f4a7c15);
}

static TREADLE_RAW void header_put(heap_block *block)
{
    *header_of(block->begin) = (header){block, mark_of(block)};
}

static TREADLE_RAW header header_get(char *begin)
{
    return *header_of(begin);
}

/* Before the slice is used up to there. */
static inline void close_ahead(slice *own, const char *end)
{
    for (; own->closed < end; own->closed += CLOSED_BYTES) {
        treadle_asan_close(own->closed, CLOSED_BYTES);
    }
}

/* A freed block of the class that may be used again; NULL when there is none, or not yet. */
static heap_block *reusable(slice *own, uint32_t class, size_t room)
{
    freed_list *list = &own->freed[class];
    if (list->count == 0) {
        return NULL;
    }
    const uint32_t after = E.options.heap_reuse_after;
    const bool spent = own->taken + room > heap.limit / OWN_SHARE;
    if (!spent && (after == 0 || list->count < after)) {
        return NULL;
    }
    heap_block *block = list->first;
    list->first = block->next;
    list->count--;
    return block;
}

static _Noreturn void stop_spent(size_t size)
{
    treadle_stop(TREADLE_OUTCOME_CUT, "memory-limit",
                 "%s asks for %zu bytes more than the heap of %zu MiB has", E.self->name, size,
                 heap.limit >> 20);
}

static heap_block *take_new(slice *own, uint32_t class, size_t room, size_t size)
{
    const size_t cost = sizeof(header) + room + sizeof(heap_block);
    const size_t span = sizeof(header) + room + zone_after(room);
    const size_t gap = (size_t)((char *)own->records - own->top);
    if (heap.left < cost || gap < span + sizeof(heap_block)) {
        stop_spent(size);
    }
    heap_block *block = --own->records;
    *block = (heap_block){.room = own->top + sizeof(header), .class = (uint16_t) class};
    close_ahead(own, own->top + span);
    own->top += span;
    own->taken += cost;
    heap.left -= cost;
    return block;
}

static void shadow_open(const heap_block *block)
{
    treadle_asan_open(block->begin, block->size);
    uint8_t *shadow = shadow_of(block->begin);
    memset(shadow, HEAP_GRAIN, block->size / HEAP_GRAIN);
    if (block->size % HEAP_GRAIN) {
        shadow[block->size / HEAP_GRAIN] = (uint8_t)(block->size % HEAP_GRAIN);
    }
}

static void shadow_close(const heap_block *block)
{
    treadle_asan_close(block->begin, block->size);
    memset(shadow_of(block->begin), 0, (block->size + HEAP_GRAIN - 1) / HEAP_GRAIN);
}

void *treadle_heap_allocate(size_t size, size_t alignment, const void *site)
{
    if (size > SIZE_MAX_BYTES || alignment > SIZE_MAX_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
#ifdef TREADLE_ASAN
    if (E.options.look_for_leaks) {
        if (heap.left < size) {
            stop_spent(size);
        }
        heap.left -= size;
        return treadle_leaks_allocate(size, alignment, site);
    }
#endif
    size_t room;
    const uint32_t class = class_of(size + (alignment > HEAP_GRAIN ? alignment : 0), &room);
    slice *own = own_slice();
    heap_block *block = reusable(own, class, room);
    const bool reused = block != NULL;
    if (!reused) {
        block = take_new(own, class, room, size);
    }
    const size_t past = (uintptr_t)block->room % alignment;
    block->begin = block->room + (past ? alignment - past : 0);
    if (reused) { /* who still looks at what it was does not commute with this */
        treadle_touching_quietly(block->begin, size ? size : 1, TREADLE_TOUCH_WRITE);
    }
    block->size = size;
    block->allocated_at = site;
    block->allocated_by = (uint8_t)E.self->id;
    block->freed = false;
    header_put(block);
    shadow_open(block);
    treadle_touching_new_block(block->begin, size ? size : 1, site);
    return memset(block->begin, HEAP_FRESH_BYTE, size);
}

void treadle_heap_release(void *begin, const void *site)
{
    heap_block *block = treadle_heap_block(begin, site);
    if (block->freed) {
        treadle_access_double_free(block, site);
    }
    treadle_touching(begin, block->size ? block->size : 1, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_FREE,
                     site);
    block->freed = true;
    block->freed_at = site;
    block->freed_by = (uint8_t)E.self->id;
    block->next = NULL;
    memset(begin, HEAP_FREED_BYTE, block->size);
    shadow_close(block);
    slice *own = own_slice();
    own->classes_used[block->class / 64] |= UINT64_C(1) << block->class % 64;
    freed_list *list = &own->freed[block->class];
    if (list->count++ == 0) {
        list->first = block;
    } else {
        list->last->next = block;
    }
    list->last = block;
}

void treadle_heap_visit(void (*visit)(const void *bytes, size_t size))
{
    for (uint64_t left = heap.used; left; left &= left - 1) {
        const uint32_t owner = (uint32_t)__builtin_ctzll(left);
        const slice *self = &heap.slices[owner];
        visit(slice_base(owner), (size_t)(self->top - slice_base(owner)));
        visit(self->records,
              (size_t)(slice_records_end(owner) - self->records) * sizeof *self->records);
    }
}

/* ---- looking up -------------------------------------------------------------------------------
 */

/* The records of the slice that an address lies in, the newest first. */
static const heap_block *records_around(uintptr_t address, size_t *count)
{
    const uintptr_t owner = (address - (uintptr_t)heap.base) / SLICE_BYTES;
    *count = 0;
    if (owner >= TREADLE_THREADS_MAX || !(heap.used >> owner & 1)) {
        return NULL;
    }
    const heap_block *records = heap.slices[owner].records;
    *count = (size_t)(slice_records_end((uint32_t)owner) - records);
    return records;
}

/* The number of records, the newest first, whose blocks begin after an address. */
static size_t count_after(const heap_block *records, size_t count, uintptr_t address)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((uintptr_t)records[middle].begin > address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const heap_block *treadle_heap_before(uintptr_t address)
{
    size_t count;
    const heap_block *records = records_around(address, &count);
    const size_t after = count_after(records, count, address);
    return after < count ? &records[after] : NULL;
}

const heap_block *treadle_heap_after(uintptr_t address)
{
    size_t count;
    const heap_block *records = records_around(address, &count);
    const size_t after = count_after(records, count, address);
    return after > 0 ? &records[after - 1] : NULL;
}

heap_block *treadle_heap_block(void *begin, const void *site)
{
    const uintptr_t at = (uintptr_t)begin;
    size_t count;
    const heap_block *records = records_around(at, &count);
    if (count > 0 && at % HEAP_GRAIN == 0 && (char *)begin - heap.base >= HEAP_GRAIN) {
        const header found = header_get(begin);
        if (found.mark == mark_of(found.block) && found.block >= records &&
            found.block < records + count && found.block->begin == (char *)begin) {
            return found.block;
        }
    }
    treadle_access_wild_free(begin, site);
}
