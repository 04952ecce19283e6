// SPDX-License-Identifier: MIT
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

struct store_arena_block {
    struct store_arena_block *older;
    void (*dispose)(void *memory);
    alignas(max_align_t) unsigned char memory[];
};

void store_arena_init(struct store_arena *arena)
{
    atomic_init(&arena->newest, NULL);
}

void *store_arena_alloc(struct store_arena *arena, size_t size, void (*dispose)(void *memory))
{
    if (size > SIZE_MAX - sizeof(struct store_arena_block)) {
        return NULL;
    }
    struct store_arena_block *block = calloc(1, sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    block->dispose = dispose;
    /* The chain is only walked when all threads are done, so `older` may be set after the block is
     * in it, and one exchange will do where a stack would need a loop. */
    block->older = atomic_exchange_explicit(&arena->newest, block, memory_order_relaxed);
    return block->memory;
}

void store_arena_empty(struct store_arena *arena)
{
    struct store_arena_block *block =
        atomic_exchange_explicit(&arena->newest, NULL, memory_order_relaxed);
    while (block != NULL) {
        struct store_arena_block *older = block->older;
        if (block->dispose != NULL) {
            block->dispose(block->memory);
        }
        free(block);
        block = older;
    }
}
