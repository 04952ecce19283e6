// SPDX-License-Identifier: MIT
/*
 * Vector clocks: what happens before what, by C11.
 *
 * Thread t's clock says for each thread up to which of its epochs everything happens before t's
 * next access; its own entry is its epoch, which grows with each release. Epochs grow over
 * executions, so that all that an execution left behind is told by being smaller than the next
 * one's first epoch, and nothing needs clearing.
 *
 * A location that threads synchronise through (an atomic, a lock) has a list of releases: snapshots
 * of clocks that an acquire there takes over. There is one for each thread that heads a release
 * sequence (C11 5.1.2.4 p. 10): a store by another thread ends the sequence, a store by its own
 * head and read-modify-writes by anyone continue it. A release fence makes the relaxed stores after
 * it heads with the clock that the fence saw, and an acquire fence takes over what was there to
 * acquire at the relaxed reads before it (7.17.4 p. 2 to 4).
 *
 * Since a thread's epoch grows at each release, each snapshot has an epoch of its own: who knows
 * that epoch knows all of the snapshot, and an acquire of what is known costs one comparison.
 */
#ifndef TREADLE_CHECKERS_RACE_CLOCKS_H
#define TREADLE_CHECKERS_RACE_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/engine/engine.h"

typedef struct race_thread {
    uint32_t clock[TREADLE_THREADS_MAX];
    uint32_t fence[TREADLE_THREADS_MAX];   /* its clock at its last release fence */
    uint32_t pending[TREADLE_THREADS_MAX]; /* for its next acquire fence */
    bool fenced;
    bool has_pending;
} race_thread;

/* A release in force at a location. */
typedef struct release {
    uint32_t next; /* 0 = the last */
    uint8_t head;  /* the thread whose clock it is */
    uint8_t mask;  /* bytes of the location's eight */
    bool shared;   /* by a reader of a read-write lock: not for readers */
    uint8_t count; /* threads covered */
    uint32_t clock[TREADLE_THREADS_MAX];
} release;

typedef struct race_clocks {
    uint32_t base;   /* the first epoch of this execution */
    uint32_t latest; /* of all threads */
    uint32_t count;  /* threads known */
    uint32_t release_count;
    uint32_t release_free; /* list of those given back */
    release *releases;     /* [0] is not used */
    race_thread threads[TREADLE_THREADS_MAX];
} race_clocks;

/* How a location is released. */
typedef enum race_release {
    RACE_STORE,        /* ends the sequences of others */
    RACE_RMW,          /* ends none */
    RACE_READER_LEAVES /* ends none, and readers do not acquire it */
} race_release;

/* 0, or ENOMEM. */
int race_clocks_open(race_clocks *self);
void race_clocks_close(race_clocks *self);
/* An execution begins, with thread 0. False when the epochs are used up: all that remembers one
 * must be cleared, and they start again. */
bool race_clocks_start(race_clocks *self);

/* All that `from` did happens before all that `to` will do; `to` may be new. */
void race_clocks_edge(race_clocks *self, uint32_t from, uint32_t to);

/* Thread reads at a location: bytes `mask` of those that `releases` lists. It acquires, or else an
 * acquire fence may later. */
void race_clocks_read(race_clocks *self, uint32_t thread, uint32_t releases, uint32_t mask,
                      bool acquires, bool reader);
/* Thread writes there; it releases, or else it is a relaxed write. */
void race_clocks_write(race_clocks *self, uint32_t thread, uint32_t *releases, uint32_t mask,
                       race_release how, bool releasing);
void race_clocks_fence(race_clocks *self, uint32_t thread, int memory_order);

/* Gives a list back. */
void race_clocks_forget(race_clocks *self, uint32_t releases);

#endif
