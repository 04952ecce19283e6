// SPDX-License-Identifier: MIT
/* The subject's heap: one region, laid out anew in every execution, so that addresses and contents
 * are the same whenever the schedule is. Blocks come from free lists by size class, else from the
 * top; what an execution leaves is taken back by the next. Each block has a header that tells
 * double and wild frees. */
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

static const size_t REGION_BYTES = (size_t)1 << 32;
static const uintptr_t REGION_HINT = UINT64_C(0x100000000000);
static const size_t KEPT_BYTES = (size_t)4 << 20; /* pages beyond are given back */

typedef struct header {
    uint64_t size; /* asked for */
    uint64_t mark; /* LIVE or FREED, or 1 + distance to the real header when aligned further */
} header;

_Static_assert(sizeof(header) == GRAIN, "blocks stay aligned");

static struct {
    char *base;
    char *top;
    char *limit;
    header *free[CLASSES];
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
    heap.top = heap.base;
    return 0;
}

void treadle_heap_reset(size_t bytes_max)
{
    heap.limit = heap.base + (bytes_max < REGION_BYTES ? bytes_max : REGION_BYTES);
    if (heap.top == heap.base) {
        return;
    }
    if ((size_t)(heap.top - heap.base) > KEPT_BYTES) {
        madvise(heap.base + KEPT_BYTES, (size_t)(heap.top - heap.base) - KEPT_BYTES, MADV_DONTNEED);
    }
    heap.top = heap.base;
    memset(heap.free, 0, sizeof heap.free);
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

/* Inline, for the site is that of the subject's call. */
static inline __attribute__((always_inline)) void *allocate(size_t size)
{
    size_t rounded;
    if (size > REGION_BYTES) {
        errno = ENOMEM;
        return NULL; /* no machine would give it either */
    }
    const uint32_t class = class_of(size, &rounded);
    header *block = heap.free[class];
    if (block != NULL) {
        memcpy(&heap.free[class], block + 1, sizeof(void *));
    } else {
        if ((size_t)(heap.limit - heap.top) < rounded + sizeof *block) {
            treadle_stop(TREADLE_OUTCOME_CUT, "memory-limit",
                         "%s asks for %zu bytes more than the heap of %zu MiB has", E.self->name,
                         size, (size_t)(heap.limit - heap.base) >> 20);
        }
        block = (header *)(void *)heap.top;
        heap.top += rounded + sizeof *block;
    }
    *block = (header){.size = size, .mark = LIVE};
    treadle_touching_new_block(block + 1, size ? size : 1, SITE());
    return block + 1;
}

static void release(void *block, const void *site)
{
    header *found = header_of(block);
    if (found->mark == FREED) {
        treadle_violation("double-free", "%s frees a block of %llu bytes that is free already",
                          E.self->name, (unsigned long long)found->size);
    }
    treadle_touching(found + 1, found->size ? found->size : 1,
                     TREADLE_TOUCH_WRITE | TREADLE_TOUCH_FREE, site);
    size_t rounded;
    const uint32_t class = class_of(found->size, &rounded);
    found->mark = FREED;
    memcpy(found + 1, &heap.free[class], sizeof(void *));
    heap.free[class] = found;
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
