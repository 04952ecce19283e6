// SPDX-License-Identifier: MIT
/* What the files of the race detector share; see races.h. */
#ifndef TREADLE_CHECKERS_RACE_INTERNAL_H
#define TREADLE_CHECKERS_RACE_INTERNAL_H

#include "tools/checkers/race_clocks.h"
#include "tools/checkers/race_shadow.h"
#include "tools/checkers/races.h"

enum { LOCK_CACHE = 256, LOCKS_MAX = 1 << 20, LARGES_MAX = 16 };

/* An access that left a record, for the report. */
typedef struct race_access {
    uint64_t address;
    const void *site;
    uint32_t size;
    uint32_t locks; /* held: the newest one, an index; 0 = none */
    uint32_t event; /* while recording: events of the trace before it */
    uint16_t flags; /* of the touch */
    uint8_t thread;
} race_access;

_Static_assert(sizeof(race_access) == 32, "one is written for almost every access");

/* A lock that is held, on top of others. Never changed, so that it stands for the whole set. */
typedef struct held_lock {
    uint64_t address;
    uint32_t below; /* 0 = none */
    bool shared;
} held_lock;

/* A block of the heap, for its name. */
typedef struct heap_block {
    uint64_t address;
    const void *site;
    uint32_t size;
    uint8_t thread;
} heap_block;

/* A block that was written as a whole, when it was allocated. */
typedef struct large_block {
    uint64_t begin;
    uint64_t end;
    record record;
} large_block;

struct treadle_races {
    race_clocks clocks;
    race_shadow shadow;
    race_access *accesses; /* [0] is not used */
    held_lock *locks;      /* [0] is not used */
    heap_block *blocks;
    uint32_t access_count;
    uint32_t lock_count;
    uint32_t block_count;
    uint64_t freed_begin; /* around all that was given back */
    uint64_t freed_end;
    uint32_t large_count;
    large_block larges[LARGES_MAX];
    bool recording;
    uint32_t held[TREADLE_THREADS_MAX]; /* the newest lock of each thread */
    uint32_t lock_cache[LOCK_CACHE];
};

/* The set that holds one lock more than `below`, and one less than `set`: the same set has the same
 * index, mostly. */
uint32_t race_with_lock(treadle_races *self, uint32_t below, uint64_t address, bool shared);
uint32_t race_without_lock(treadle_races *self, uint32_t set, uint64_t address);

/* Ends the execution: `now` races with an earlier access. */
_Noreturn void race_report(const treadle_races *races, const race_access *earlier,
                           const race_access *now);

#endif
