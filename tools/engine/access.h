// SPDX-License-Identifier: MIT
/*
 * Memory safety: every instrumented access, at every granularity, is held against the heap's shadow
 * and the state of the stacks. A range test for what lies elsewhere (globals), one look-up for the
 * rest.
 */
#ifndef TREADLE_ENGINE_ACCESS_H
#define TREADLE_ENGINE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/engine/heap.h"

typedef enum access_kind {
    ACCESS_READ,
    ACCESS_WRITE,
    ACCESS_TEXT,   /* read byte after byte: to the first that is wrong, and no further */
    ACCESS_OBJECT, /* a mutex, a semaphore, … is used */
} access_kind;

/* Where heap and stacks lie. */
typedef struct arena {
    uintptr_t low; /* of both */
    size_t span;
    uintptr_t heap;
    size_t heap_bytes;
    uint8_t *shadow; /* of the heap, a byte a grain */
} arena;

extern arena treadle_arena __attribute__((visibility("hidden")));

typedef struct access_fault {
    const char *property;
    char message[512];
} access_fault;

/* What is wrong with an access; false when nothing is. `frame` as below. */
bool treadle_access_explain(uintptr_t address, size_t size, access_kind kind, const void *site,
                            uintptr_t frame, access_fault *out);

/* Looks closely; ends the execution when the access is wrong. `frame` is the stack pointer of the
 * subject's function. */
void treadle_access_look(uintptr_t address, size_t size, access_kind kind, const void *site,
                         uintptr_t frame);

/* To be expanded in the function that the subject calls: its caller's frame ends where that of the
 * subject's function begins. */
#define TREADLE_FRAME() ((uintptr_t)__builtin_dwarf_cfa())

/* Whether nothing can be wrong with an access, as far as this is seen without looking closely. */
static inline __attribute__((always_inline)) bool treadle_accessible(uintptr_t address, size_t size)
{
    if (address - treadle_arena.low >= treadle_arena.span) {
        return true;
    }
    const uintptr_t offset = address - treadle_arena.heap;
    return offset < treadle_arena.heap_bytes &&
           offset % HEAP_GRAIN + size <= treadle_arena.shadow[offset / HEAP_GRAIN];
}

static inline __attribute__((always_inline)) void
treadle_access(const volatile void *address, size_t size, access_kind kind, const void *site)
{
    if (!treadle_accessible((uintptr_t)address, size)) {
        treadle_access_look((uintptr_t)address, size, kind, site, TREADLE_FRAME());
    }
}

#endif
