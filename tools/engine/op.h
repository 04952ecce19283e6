// SPDX-License-Identifier: MIT
/*
 * Operations: the visible steps of an execution, and where a thread may be switched away from.
 *
 * A thread announces its next operation (kind, object, size, memory order, site) and parks; the
 * strategy sees every thread's pending operation and picks the one that runs. Whether an operation
 * is a scheduling point depends on the granularity of the execution: each kind names the coarsest
 * granularity at which it is one. An operation that has to wait (a lock that is held, an empty
 * semaphore) parks at every granularity. Volatile accesses count as atomics: they are what
 * Concurrency Kit's primitives are made of.
 *
 * Constants only: nothing to own, safe from every thread.
 */
#ifndef TREADLE_ENGINE_OP_H
#define TREADLE_ENGINE_OP_H

#include <stdint.h>

typedef enum treadle_granularity {
    TREADLE_GRANULARITY_NONE = 0,   /* not inside an execution: the hooks do nothing */
    TREADLE_GRANULARITY_AWAIT = 1,  /* Redis commands, sleeps, blocking waits */
    TREADLE_GRANULARITY_SYNC = 2,   /* plus locks, condition variables, semaphores, atomics */
    TREADLE_GRANULARITY_MEMORY = 3, /* plus every plain load and store */
} treadle_granularity;

/* "await", "sync", "memory"; NULL for anything else. */
const char *treadle_granularity_name(treadle_granularity granularity);
/* The reverse; TREADLE_GRANULARITY_NONE for an unknown name. */
treadle_granularity treadle_granularity_parse(const char *name);

/* name, granularity at which it is a scheduling point, word for traces. Their order is part of
 * trace hashes: new ones come last. */
#define TREADLE_OPS(X)                       \
    X(NONE, NONE, "none")                    \
    X(NOTE, NONE, "note")                    \
    X(THREAD_START, AWAIT, "start")          \
    X(THREAD_CREATE, SYNC, "create")         \
    X(THREAD_JOIN, SYNC, "join")             \
    X(THREAD_EXIT, NONE, "exit")             \
    X(THREAD_CANCEL, SYNC, "cancel")         \
    X(MUTEX_LOCK, SYNC, "lock")              \
    X(MUTEX_TRYLOCK, SYNC, "trylock")        \
    X(MUTEX_TIMEDLOCK, SYNC, "timedlock")    \
    X(MUTEX_UNLOCK, SYNC, "unlock")          \
    X(COND_WAIT, SYNC, "wait")               \
    X(COND_WAKE, AWAIT, "wake")              \
    X(COND_SIGNAL, SYNC, "signal")           \
    X(COND_BROADCAST, SYNC, "broadcast")     \
    X(RWLOCK_RDLOCK, SYNC, "rdlock")         \
    X(RWLOCK_TRYRDLOCK, SYNC, "tryrdlock")   \
    X(RWLOCK_WRLOCK, SYNC, "wrlock")         \
    X(RWLOCK_TRYWRLOCK, SYNC, "trywrlock")   \
    X(RWLOCK_UNLOCK, SYNC, "rwunlock")       \
    X(SPIN_LOCK, SYNC, "spin_lock")          \
    X(SPIN_TRYLOCK, SYNC, "spin_trylock")    \
    X(SPIN_UNLOCK, SYNC, "spin_unlock")      \
    X(BARRIER_WAIT, SYNC, "barrier_wait")    \
    X(BARRIER_LEAVE, AWAIT, "barrier_leave") \
    X(ONCE, SYNC, "once")                    \
    X(SEM_WAIT, SYNC, "sem_wait")            \
    X(SEM_TRYWAIT, SYNC, "sem_trywait")      \
    X(SEM_TIMEDWAIT, SYNC, "sem_timedwait")  \
    X(SEM_POST, SYNC, "sem_post")            \
    X(SEM_GETVALUE, SYNC, "sem_getvalue")    \
    X(ATOMIC_LOAD, SYNC, "load")             \
    X(ATOMIC_STORE, SYNC, "store")           \
    X(ATOMIC_RMW, SYNC, "rmw")               \
    X(ATOMIC_CAS, SYNC, "cas")               \
    X(FENCE, SYNC, "fence")                  \
    X(READ, MEMORY, "read")                  \
    X(WRITE, MEMORY, "write")                \
    X(VOLATILE_READ, SYNC, "vread")          \
    X(VOLATILE_WRITE, SYNC, "vwrite")        \
    X(YIELD, SYNC, "yield")                  \
    X(SLEEP, AWAIT, "sleep")                 \
    X(CLOCK_READ, SYNC, "clock")             \
    X(REDIS, AWAIT, "redis")                 \
    X(CALL, SYNC, "call")

typedef enum treadle_op_kind {
#define X(name, granularity, word) TREADLE_OP_##name,
    TREADLE_OPS(X)
#undef X
        TREADLE_OP_COUNT
} treadle_op_kind;

/* The word of a kind in traces, e.g. "lock". Never NULL. */
const char *treadle_op_word(treadle_op_kind kind);

#endif
