// SPDX-License-Identifier: MIT
#ifndef MEMORY_STORE_ARENA_H
#define MEMORY_STORE_ARENA_H

/*
 * Memory that lives until the store is closed.
 *
 * In Python a list or a lock that has been replaced lives on for as long as somebody still uses
 * it. C has no collector: were a replaced list freed at once, a thread still reading it would read
 * freed memory, and a lost update would become a crash. So the variants that follow the Python
 * never free before the end. They grow with every request, and are not for long runs.
 *
 * Allocation is the one thing here that is safe from any number of threads. It is deliberately
 * *relaxed*: an arena that ordered its users' other accesses would hide the races they have.
 */

#include <stdatomic.h>
#include <stddef.h>

struct store_arena_block;

struct store_arena {
    _Atomic(struct store_arena_block *) newest;
};

void store_arena_init(struct store_arena *arena);

/* Zeroed memory, aligned for anything, or NULL. `dispose`, unless NULL, is called on it when the
 * arena is emptied. */
void *store_arena_alloc(struct store_arena *arena, size_t size, void (*dispose)(void *memory));

/* Frees everything. No thread may be using any of it. */
void store_arena_empty(struct store_arena *arena);

#endif
