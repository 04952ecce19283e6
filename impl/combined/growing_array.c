// SPDX-License-Identifier: MIT
#include "growing_array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
#define FIRST_CHUNK 64 /* elements; whole cache lines of them */

void growing_array_init(struct growing_array *array, size_t element_size)
{
    array->element_size = element_size;
    for (size_t i = 0; i < GROWING_ARRAY_CHUNKS; i++) {
        atomic_init(&array->chunks[i], NULL);
    }
}

void growing_array_free(struct growing_array *array)
{
    for (size_t i = 0; i < GROWING_ARRAY_CHUNKS; i++) {
        free(atomic_load_explicit(&array->chunks[i], memory_order_relaxed));
    }
}

/* Chunk 0 begins at element 0, and each other where all before it end. */
static size_t chunk_begin(size_t chunk)
{
    return chunk == 0 ? 0 : (size_t)FIRST_CHUNK << (chunk - 1);
}

static size_t chunk_of(size_t index)
{
    size_t chunk = 0;
    for (size_t rest = index / FIRST_CHUNK; rest > 0; rest /= 2) {
        chunk++;
    }
    return chunk;
}

static bool add_chunk(struct growing_array *array, size_t chunk)
{
    const size_t size = (chunk_begin(chunk + 1) - chunk_begin(chunk)) * array->element_size;
    void *none = NULL;
    void *added = aligned_alloc(CACHE_LINE, size);
    if (added == NULL) {
        return false;
    }
    memset(added, 0, size);
    if (!atomic_compare_exchange_strong_explicit(&array->chunks[chunk], &none, added,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        free(added); /* somebody else was first */
    }
    return true;
}

bool growing_array_reach(struct growing_array *array, size_t count)
{
    assert(count >= 1 && count <= GROWING_ARRAY_MAX);
    const size_t last = chunk_of(count - 1);
    for (size_t i = 0; i <= last; i++) {
        if (atomic_load_explicit(&array->chunks[i], memory_order_acquire) == NULL &&
            !add_chunk(array, i)) {
            return false;
        }
    }
    return true;
}

void *growing_array_at(struct growing_array *array, size_t index)
{
    const size_t chunk = chunk_of(index);
    char *elements = atomic_load_explicit(&array->chunks[chunk], memory_order_acquire);
    assert(elements != NULL);
    return elements + (index - chunk_begin(chunk)) * array->element_size;
}
