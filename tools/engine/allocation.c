// SPDX-License-Identifier: MIT
/* malloc and its kin, on the engine's heap. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/heap.h"
#include "tools/engine/internal.h"
#include "tools/engine/leaks.h"

void *SEAM(malloc)(size_t size)
{
    if (!treadle_inside()) {
        return malloc(size);
    }
    return treadle_heap_allocate(size, HEAP_GRAIN, SITE());
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
    void *block = treadle_heap_allocate(bytes, HEAP_GRAIN, SITE());
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

void SEAM(free)(void *block)
{
    if (block == NULL) {
        return;
    }
    if (!treadle_inside()) {
        if (!treadle_heap_owns(block)) {
            free(block);
        }
    } else if (treadle_heap_owns(block) || treadle_stacks_hold(&E.stacks, block)) {
        treadle_heap_release(block, SITE());
    } else { /* from a library that was not redirected */
        if (UNLIKELY(E.observing)) {
            treadle_observe_only(block, malloc_usable_size(block), TREADLE_TOUCH_FORGET, SITE());
        }
        free(block);
    }
}

static void *reallocate(void *block, size_t size, const void *site)
{
#ifdef TREADLE_ASAN
    if (treadle_inside() && E.options.look_for_leaks) {
        return treadle_leaks_reallocate(block, size, site);
    }
#endif
    if (block != NULL && !treadle_heap_owns(block)) {
        return realloc(block, size);
    }
    if (!treadle_inside()) {
        return block == NULL ? realloc(NULL, size) : NULL;
    }
    if (block == NULL) {
        return treadle_heap_allocate(size, HEAP_GRAIN, site);
    }
    const size_t old = treadle_heap_block(block, site)->size;
    treadle_touching_quietly(block, old ? old : 1, TREADLE_TOUCH_READ);
    void *moved = treadle_heap_allocate(size, HEAP_GRAIN, site);
    if (moved != NULL) {
        memcpy(moved, block, old < size ? old : size);
        treadle_heap_release(block, site);
    }
    return moved;
}

void *SEAM(realloc)(void *block, size_t size)
{
    return reallocate(block, size, SITE());
}

void *SEAM(reallocarray)(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(block, bytes, SITE());
}

void *SEAM(aligned_alloc)(size_t alignment, size_t size)
{
    if (!treadle_inside()) {
        return aligned_alloc(alignment, size);
    }
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return treadle_heap_allocate(size, alignment, SITE());
}

int SEAM(posix_memalign)(void **out, size_t alignment, size_t size)
{
    if (!treadle_inside()) {
        return posix_memalign(out, alignment, size);
    }
    if (alignment == 0 || alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    void *block = treadle_heap_allocate(size, alignment, SITE());
    if (block == NULL) {
        return ENOMEM;
    }
    treadle_writes(out, sizeof *out, SITE());
    *out = block;
    return 0;
}

static char *duplicate(const char *text, size_t max, const void *site)
{
    treadle_library_reads_text(text, max, site);
    const size_t length = strnlen(text, max);
    char *copy =
        treadle_inside() ? treadle_heap_allocate(length + 1, HEAP_GRAIN, site) : malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *SEAM(strdup)(const char *text)
{
    return duplicate(text, SIZE_MAX, SITE());
}

char *SEAM(strndup)(const char *text, size_t max)
{
    return duplicate(text, max, SITE());
}
