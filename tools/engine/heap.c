// SPDX-License-Identifier: MIT
/* The subject's heap: one region, laid out anew in every execution. Each thread has a slice of it
 * and free lists of its own, which hold what it freed itself: so the addresses that a thread gets
 * depend on what it allocated and freed, and on nothing that others do at the same time. Blocks
 * come from free lists by size class, else from the top of the slice; what an execution leaves is
 * taken back by the next. Each block has a header that tells double and wild frees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/engine/internal.h"

enum {
    GRAIN = 16,
    SMALL_CLASSES = 64, /* up to 1 KiB in steps of 16; above that powers of two */
    CLASSES = SMALL_CLASSES + 32,
    FRESH_BYTE = 0xbe, /* what new memory holds: never what happened to be there */
};

static const uint64_t LIVE = UINT64_C(0x74726561646c6541);
static const uint64_t FREED = UINT64_C(0x74726561646c6546);

static const size_t SLICE_BYTES = (size_t)1 << 30;
static const size_t REGION_BYTES = TREADLE_THREADS_MAX * ((size_t)1 << 30);
static const uintptr_t REGION_HINT = UINT64_C(0x100000000000);
/* Of main's slice and of the others'; pages beyond are given back. */
static const size_t KEPT_BYTES_MAIN = (size_t)4 << 20;
static const size_t KEPT_BYTES = (size_t)256 << 10;

typedef struct header {
    uint64_t size; /* asked for */
    uint64_t mark; /* LIVE or FREED, or 1 + distance to the real header when aligned further */
} header;

_Static_assert(sizeof(header) == GRAIN, "blocks stay aligned");

typedef struct slice {
    char *top;
    header *free[CLASSES];
} slice;

static struct {
    char *base;
    size_t left;   /* bytes that the execution may still take */
    size_t limit;  /* … of this many */
    uint64_t used; /* the threads that took from their slices */
    slice slices[TREADLE_THREADS_MAX];
} heap;

int treadle_heap_open(void)
{
    heap.base = mmap((void *)REGION_HINT, REGION_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (heap.base == MAP_FAILED) {
        heap.base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (heap.base == MAP_FAILED) {
        heap.base = NULL;
        return ENOMEM;
    }
    return 0;
}

static char *slice_base(uint32_t owner)
{
    return heap.base + owner * SLICE_BYTES;
}

void treadle_heap_reset(size_t bytes_max)
{
    heap.limit = bytes_max < SLICE_BYTES ? bytes_max : SLICE_BYTES;
    heap.left = heap.limit;
    for (; heap.used; heap.used &= heap.used - 1) {
        const uint32_t owner = (uint32_t)__builtin_ctzll(heap.used);
        slice *self = &heap.slices[owner];
        char *kept = slice_base(owner) + (owner == 0 ? KEPT_BYTES_MAIN : KEPT_BYTES);
        if (self->top > kept) {
            madvise(kept, (size_t)(self->top - kept), MADV_DONTNEED);
        }
        memset(self->free, 0, sizeof self->free);
    }
}

/* The calling thread's. */
static slice *own_slice(void)
{
    const thread *self = E.self;
    slice *own = &heap.slices[self->id];
    if (!(heap.used & self->bit)) {
        heap.used |= self->bit;
        own->top = slice_base(self->id);
    }
    return own;
}

bool treadle_heap_owns(const void *address)
{
    return (const char *)address >= heap.base && (const char *)address < heap.base + REGION_BYTES;
}

static uint32_t class_of(size_t size, size_t *rounded)
{
    if (size <= (size_t)SMALL_CLASSES * GRAIN) {
        const size_t grains = size ? (size + GRAIN - 1) / GRAIN : 1;
        *rounded = grains * GRAIN;
        return (uint32_t)grains - 1;
    }
    const uint32_t log = 64 - (uint32_t)__builtin_clzll(size - 1);
    *rounded = (size_t)1 << log;
    return SMALL_CLASSES + log - 10;
}

static header *header_of(void *block)
{
    header *found = (header *)block - 1;
    if (found->mark != LIVE && found->mark != FREED) {
        const uint64_t distance = found->mark - 1;
        header *real = (header *)((char *)found - distance);
        if (distance % GRAIN != 0 || !treadle_heap_owns(real) ||
            (real->mark != LIVE && real->mark != FREED)) {
            treadle_violation("wild-free", "%s frees %p, which is no block of the heap",
                              E.self->name, block);
        }
        return real;
    }
    return found;
}

static void *allocate(size_t size)
{
    size_t rounded;
    if (size > REGION_BYTES) {
        errno = ENOMEM;
        return NULL; /* no machine would give it either */
    }
    const uint32_t class = class_of(size, &rounded);
    slice *own = own_slice();
    header *block = own->free[class];
    if (block != NULL) {
        memcpy(&own->free[class], block + 1, sizeof(void *));
    } else {
        if (heap.left < rounded + sizeof *block) {
            treadle_stop(TREADLE_OUTCOME_CUT, "memory-limit",
                         "%s asks for %zu bytes more than the heap of %zu MiB has", E.self->name,
                         size, heap.limit >> 20);
        }
        block = (header *)(void *)own->top;
        own->top += rounded + sizeof *block;
        heap.left -= rounded + sizeof *block;
    }
    *block = (header){.size = size, .mark = LIVE};
    return block + 1;
}

static void release(void *block, const void *site)
{
    header *found = header_of(block);
    if (found->mark == FREED) {
        treadle_violation("double-free", "%s frees a block of %llu bytes that is free already",
                          E.self->name, (unsigned long long)found->size);
    }
    treadle_touching(found + 1, found->size ? found->size : 1, TREADLE_TOUCH_WRITE, site);
    size_t rounded;
    const uint32_t class = class_of(found->size, &rounded);
    found->mark = FREED;
    slice *own = own_slice();
    memcpy(found + 1, &own->free[class], sizeof(void *));
    own->free[class] = found;
}

void *SEAM(malloc)(size_t size)
{
    if (!treadle_inside()) {
        return malloc(size);
    }
    void *block = allocate(size);
    return block != NULL ? memset(block, FRESH_BYTE, size) : NULL;
}

void *SEAM(calloc)(size_t count, size_t size)
{
    if (!treadle_inside()) {
        return calloc(count, size);
    }
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = allocate(bytes);
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

void SEAM(free)(void *block)
{
    if (block == NULL) {
        return;
    }
    if (!treadle_heap_owns(block)) {
        free(block); /* from a library that was not redirected */
    } else if (treadle_inside()) {
        release(block, SITE());
    }
}

void *SEAM(realloc)(void *block, size_t size)
{
    if (block != NULL && !treadle_heap_owns(block)) {
        return realloc(block, size);
    }
    if (!treadle_inside()) {
        return block == NULL ? realloc(NULL, size) : NULL;
    }
    if (block == NULL) {
        return SEAM(malloc)(size);
    }
    const size_t old = header_of(block)->size;
    void *grown = SEAM(malloc)(size);
    if (grown != NULL) {
        memcpy(grown, block, old < size ? old : size);
        release(block, SITE());
    }
    return grown;
}

void *SEAM(reallocarray)(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return SEAM(realloc)(block, bytes);
}

void *SEAM(aligned_alloc)(size_t alignment, size_t size)
{
    if (!treadle_inside()) {
        return aligned_alloc(alignment, size);
    }
    if (alignment <= GRAIN) {
        return SEAM(malloc)(size);
    }
    char *block = allocate(size + alignment);
    if (block == NULL) {
        return NULL;
    }
    const uintptr_t from = (uintptr_t)block;
    char *aligned = block + ((alignment - from % alignment) % alignment);
    if (aligned != block) {
        header *near = (header *)(void *)aligned - 1;
        header *real = (header *)(void *)block - 1;
        near->size = size;
        near->mark = 1 + (uint64_t)((char *)near - (char *)real);
    }
    return memset(aligned, FRESH_BYTE, size);
}

int SEAM(posix_memalign)(void **out, size_t alignment, size_t size)
{
    if (!treadle_inside()) {
        return posix_memalign(out, alignment, size);
    }
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    void *block = SEAM(aligned_alloc)(alignment, size);
    if (block == NULL) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

static char *duplicate(const char *text, size_t length)
{
    char *copy = SEAM(malloc)(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *SEAM(strdup)(const char *text)
{
    return duplicate(text, strlen(text));
}

char *SEAM(strndup)(const char *text, size_t max)
{
    return duplicate(text, strnlen(text, max));
}
