// SPDX-License-Identifier: MIT
/*
 * The subject's heap as the engine sees it: which bytes may be accessed, and whose each block is.
 *
 * A shadow byte for every 16 bytes of the heap says how many of them, from the first on, may be
 * accessed: 16 inside a block, fewer at its end, 0 in headers, red zones, freed blocks and where no
 * block has been (shadow memory after Serebryany et al., "AddressSanitizer: A Fast Address Sanity
 * Checker", 2012). An access outside is looked up in the records of the blocks, which lie apart
 * from what the subject can reach.
 *
 * Owned by the engine; records are valid until the execution ends.
 */
#ifndef TREADLE_ENGINE_HEAP_H
#define TREADLE_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAP_GRAIN = 16, HEAP_FRESH_BYTE = 0xbe, HEAP_FREED_BYTE = 0xdd };

/* What became of one block. */
typedef struct heap_block {
    char *room;  /* where it can begin */
    char *begin; /* where it does: further on when aligned to more than a grain */
    size_t size; /* asked for */
    const void *allocated_at;
    const void *freed_at;
    struct heap_block *next; /* freed after this one by the same thread */
    uint16_t class;
    uint8_t allocated_by;
    uint8_t freed_by;
    bool freed;
} heap_block;

/* A new block of `size` bytes for the calling thread, filled with HEAP_FRESH_BYTE; `alignment` is a
 * power of two. NULL when no machine would give that much; an execution whose memory is spent ends.
 */
void *treadle_heap_allocate(size_t size, size_t alignment, const void *site);
/* Ends the execution when `begin` is no block of the heap or has been freed. */
void treadle_heap_release(void *begin, const void *site);
/* The block that begins there, live or freed; ends the execution when none does. */
heap_block *treadle_heap_block(void *begin, const void *site);

/* All that the heap holds, piece by piece: contents, then records. */
void treadle_heap_visit(void (*visit)(const void *bytes, size_t size));

/* The last block, live or freed, that begins at or before `address`, and the first after it, among
 * those that lie in the same slice; NULL where there is none. */
const heap_block *treadle_heap_before(uintptr_t address);
const heap_block *treadle_heap_after(uintptr_t address);

/* A free that is wrong: end the execution. See access.c. */
_Noreturn void treadle_access_double_free(const heap_block *block, const void *site);
_Noreturn void treadle_access_wild_free(const void *address, const void *site);

#endif
