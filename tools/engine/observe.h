// SPDX-License-Identifier: MIT
/*
 * What a step touched: for those who must know which steps commute (partial order reduction) and
 * which accesses are ordered (data race detection).
 *
 * A step is what a thread does between two picks: its announced operation and whatever follows up
 * to its next one. Its footprint is every location that it read or wrote, in order, without most of
 * the repetitions: memory, synchronisation objects (by their address), and what the engine itself
 * shares between threads (the clock, the numbering of threads, random numbers, the order of calls,
 * keys of a server), which have addresses of their own. Two steps of different threads commute
 * unless they touch a common byte and one of them writes it, one touches TREADLE_TOUCH_EVERYTHING,
 * or one has an edge to the other: it let that thread go on, which could not have before (it
 * created or signalled it, or it was the last to arrive at its barrier). That a lock was released
 * is no edge: who takes it touches it.
 *
 * Footprints are collected only while a strategy that follows steps (strategy.h) is past its plan;
 * an observer sees everything from the start, and is told more: what kind of access it is, and what
 * orders it. Who may go on is no order: a signal, a spinner woken by a write or a time that was
 * reached synchronise nothing. What does, by C11 and POSIX, an observer learns from the touches'
 * ACQUIRE and RELEASE, from fences, and from `edge` where there is no object between two threads.
 * Neither sees set-up code outside an execution.
 *
 * Owned by the engine, valid until the next step begins; not thread-safe.
 */
#ifndef TREADLE_ENGINE_OBSERVE_H
#define TREADLE_ENGINE_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TREADLE_TOUCH_READ = 0,
    TREADLE_TOUCH_WRITE = 1,
    TREADLE_TOUCH_ATOMIC = 2,   /* a C11 atomic access */
    TREADLE_TOUCH_VOLATILE = 4, /* a volatile access: what Concurrency Kit is made of */
    TREADLE_TOUCH_ACQUIRE = 8,  /* what was released there happens before what follows */
    TREADLE_TOUCH_RELEASE = 16,
    TREADLE_TOUCH_OBJECT = 32,     /* a synchronisation object, or something of the engine's */
    TREADLE_TOUCH_OPEN = 64,       /* before it, a thread that waits for this could have gone on */
    TREADLE_TOUCH_OPEN_READ = 128, /* likewise, a reader that waits for a read-write lock */
    /* For observers only; footprints leave these out. */
    TREADLE_TOUCH_RMW = 256,       /* a read-modify-write: what was released there before stays */
    TREADLE_TOUCH_LOCK = 512,      /* ACQUIRE: a lock is held from now on; RELEASE: no longer */
    TREADLE_TOUCH_SHARED = 1024,   /* by a reader */
    TREADLE_TOUCH_FREE = 2048,     /* a block of the heap is given back */
    TREADLE_TOUCH_ALLOCATE = 4096, /* a block is new: nothing of its memory's past counts */
    TREADLE_TOUCH_FORGET = 8192,   /* it goes back to another allocator: its past does not count */
    TREADLE_TOUCH_FOOTPRINT = 255,
};

/* In footprints, as an address: the step depends on what all other threads can do, so it commutes
 * with no step of theirs. So do those by which a thread lets others have their turn, and by which
 * it goes on after that (spinning.c). */
#define TREADLE_TOUCH_EVERYTHING UINT64_C(0xfffffffffffffff0)

typedef struct treadle_touch {
    uint64_t address;
    uint32_t size;
    uint32_t flags;
} treadle_touch;

#define TREADLE_FOOTPRINT_MAX 16384u

typedef struct treadle_footprint {
    uint32_t count;
    uint64_t released; /* threads that this step lets go on */
    uint64_t diverted; /* threads that could go on before it, and now go on otherwise */
    treadle_touch touches[TREADLE_FOOTPRINT_MAX];
} treadle_footprint;

/* What a thread's pending operation waits for. */
typedef struct treadle_gate {
    uint64_t address; /* of the object; 0 = it can run whenever it is enabled */
    uint32_t open;    /* TREADLE_TOUCH_OPEN or _OPEN_READ: how touches say that it was open */
} treadle_gate;

/* Someone who sees every touch when it happens. All members are needed. */
typedef struct treadle_observer {
    void (*start)(void *self); /* an execution begins */
    void (*touch)(void *self, uint32_t thread, treadle_touch touch, const void *site);
    void (*fence)(void *self, uint32_t thread, int memory_order);
    /* What `from` did so far happens before all that `to` does from now on. */
    void (*edge)(void *self, uint32_t from, uint32_t to);
} treadle_observer;

/* Inside an execution, for seams that lie outside the engine: the step under way reads or writes
 * something with this address. Addresses from TREADLE_TOUCH_SPACE on are no memory. */
void treadle_touch_external(uint64_t address, uint32_t size, bool write);
#define TREADLE_TOUCH_SPACE UINT64_C(0x8000000000000000)

/* Valid in treadle_strategy.step and .end. */
treadle_gate treadle_gate_of(uint32_t thread);

/* Inside an execution, for reports: the name of a thread; of the synchronisation object at an
 * address, like "mutex 2" ("" when there is none); of the thread whose stack an address is on (NULL
 * when it is on none). */
const char *treadle_thread_name(uint32_t thread);
const char *treadle_object_name(uint64_t address, char *buffer, size_t size);
const char *treadle_stack_owner(uint64_t address);

#endif
