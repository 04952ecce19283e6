// SPDX-License-Identifier: MIT
/*
 * What the engine's files share: threads, the objects they wait for, and the scheduling step.
 *
 * How a model of a blocking call is written: an object has a mask of the threads whose pending
 * operation it may hold up. treadle_gate_wait() announces the operation and returns when the
 * strategy picked the thread; whoever changes the object calls treadle_gate_set() with whether the
 * gate is now open, and the threads behind it become enabled or not. Nothing is searched.
 */
#ifndef TREADLE_ENGINE_INTERNAL_H
#define TREADLE_ENGINE_INTERNAL_H

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "tools/engine/access.h"
#include "tools/engine/asan.h"
#include "tools/engine/branch.h"
#include "tools/engine/engine.h"
#include "tools/engine/fiber.h"
#include "tools/engine/observe.h"

#define SITE() __builtin_return_address(0)

/* Expanded in the function that the subject calls: TREADLE_FRAME() is that one's. */
#define INLINE static inline __attribute__((always_inline))

/* The name under which a redirected call arrives; see redirect.syms. */
#define SEAM(name) treadle_seam_##name

enum {
    OBJECTS_MAX = 1 << 16,
    TSD_KEYS_MAX = 128,
    WATCHES = 8,
    NO_THREAD = 0xff,
    NESTED_READS_MAX = 8,
    HELD_READS_KEPT = 4,
    FREE_WAITS = 2, /* of a thread in one place that end without what it waits for, in a row */
};

typedef enum object_class {
    OBJECT_NONE,
    OBJECT_MUTEX,
    OBJECT_COND,
    OBJECT_RWLOCK,
    OBJECT_SPIN,
    OBJECT_BARRIER,
    OBJECT_ONCE,
    OBJECT_SEM,
} object_class;

/* The model of one synchronisation object. The subject's own memory holds its index plus one, which
 * counts only when the entry names that address: so stale and zeroed memory are both "new". */
typedef struct object {
    uintptr_t address;
    uint64_t pending;    /* threads whose operation waits for this object's gate */
    uint64_t waiting;    /* cond: waiting for a signal; rwlock: readers that want in */
    uint64_t holders;    /* rwlock: readers inside */
    int64_t count;       /* recursion depth, semaphore value, barrier arrivals, once state; rwlock:
                            writers that hold up readers */
    const void *last_at; /* where it was taken last, or (cond) signalled last; for messages */
    uint32_t last_step;  /* when that was */
    uint32_t limit;      /* barrier: how many; cond: the clock of its timed waits */
    uint8_t class;       /* object_class */
    uint8_t type;        /* mutex: PTHREAD_MUTEX_…; rwlock: its kind */
    uint8_t owner;       /* thread that holds it exclusively, or NO_THREAD */
    uint8_t last_by;     /* who took or signalled it last, or NO_THREAD */
    bool unheard;        /* cond: when it was signalled last nobody waited */
} object;

/* One repeated read of a thread, to recognise spinning. */
typedef struct watch {
    uintptr_t address;
    const void *site;
    uint64_t value;
    uint64_t novelty; /* the thread's, when these repeats began */
    uint32_t repeats;
} watch;

/* A read-write lock that a thread holds for reading more than once. */
typedef struct nested_read {
    object *lock;
    uint32_t again; /* times beyond the first; 0 = this entry is free */
} nested_read;

/* Where a thread took a read-write lock for reading; for messages, the oldest are forgotten. */
typedef struct held_read {
    const object *lock;
    const void *at;
} held_read;

/* What the engine's caller left: its registers, and where its frames begin. */
typedef struct caller_state {
    jmp_buf registers;
    uintptr_t frame;
} caller_state;

typedef struct cleanup cleanup; /* a pthread_cleanup_push; see thread.c */

typedef struct thread {
    void *sp;
    uint64_t bit;
    uint32_t id;

    /* The pending operation. */
    treadle_op_kind kind;
    uintptr_t address;
    uint8_t size;
    uint8_t order;
    const void *site;
    object *object; /* what it waits for, for deadlock reports; NULL */

    bool finished;
    bool detached;
    bool joined;
    bool scenario_thread; /* started by treadle_run_threads(), which waits for it */
    bool signalled;       /* a condition variable's signal reached it */
    uint8_t cancel_state;
    uint8_t cancel_type;
    bool cancel_requested;
    bool exiting;
    struct thread *eager_parent; /* runs up to its first operation for this thread */

    object *wait_mutex; /* of a condition wait */
    object *held_up_by; /* closed when the thread came to it: what it is overtaken at; or NULL */
    uint32_t overtaken; /* times that another thread took that since */
    uint32_t wait_step; /* when its wait began */
    const void *created_at;
    const void *exits_at; /* where it called pthread_exit; or NULL */
    held_read held_reads[HELD_READS_KEPT];
    uint32_t held_reads_taken;
    int64_t clock_seen_ns;
    int64_t deadline_ns;        /* of a sleep or a timed wait, since the execution began */
    int64_t realtime_offset_ns; /* see treadle_clock_offset() */
    uint64_t joiners;           /* threads that wait for its end */
    void *(*start)(void *);
    int (*start_c11)(void *);
    void (*start_indexed)(void *, uint32_t);
    void *argument;
    uint32_t index;
    void *result;
    cleanup *cleanups;
    struct once_frame *once_frames; /* initialisers of pthread_once under way, innermost first */
    void *specific[TSD_KEYS_MAX];
    uint32_t specific_used; /* keys below this may be set */
    uint32_t nested_used;   /* of nested_reads */
    uint64_t novelty_start; /* watches from before are another execution's */
    uint32_t idle_repeats;  /* sleeps or yields from one site with nothing else in between */
    const void *idle_site;
    int saved_errno;
    /* Kept over executions. */
    uint64_t novelty;    /* counts what a thread that merely spins would not do */
    caller_state caller; /* when it came to its pending operation; kept with `watch_cycles` only */
    watch watches[WATCHES];
    nested_read nested_reads[NESTED_READS_MAX];
    void *tls;
    void *fake_stack; /* AddressSanitizer's */
    char name[TREADLE_THREAD_NAME_MAX];
} thread;

typedef struct tsd_key {
    bool used;
    void (*destructor)(void *);
} tsd_key;

/* What plain accesses need beside being recognised when they spin. */
typedef enum plain_care {
    PLAIN_CLOSELY, /* they are scheduling points, or someone observes them (AddressSanitizer, too);
                      or nothing executes */
    PLAIN_SAFELY,  /* to be in memory that may be accessed */
    PLAIN_AGAIN,   /* nothing: up to the end of its plan the execution repeats what was looked at */
} plain_care;

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what belongs together is together */
typedef struct engine {
    int level; /* treadle_granularity of the execution under way; 0 outside */
    uint32_t steps;
    uint64_t executions;
    thread *self;
    uint64_t enabled;  /* threads whose pending operation can run */
    uint64_t timed;    /* threads that no gate disables: timed or cancelled waits */
    uint64_t yielded;  /* threads that yielded, until something changes */
    uint64_t polling;  /* of these, in a timed wait that may not time out until then */
    uint64_t gave_way; /* threads whose next step goes on after they yielded */
    uint64_t in_call;  /* threads inside a call of the subject */
    char call_ended[TREADLE_THREADS_MAX]; /* by thread: an address for what ends a call */
    uint64_t spinning;                    /* threads that wait for another's write */
    plain_care plain;
    bool hurry;          /* something rare is to be looked at in the next scheduling step */
    bool alone;          /* main is: all that others did, if there were any, happened before */
    uint32_t observing;  /* OBSERVE_… */
    uint32_t turn_began; /* E.steps when the current thread was switched to */
    uint32_t run_left;   /* steps that the current thread has left in the plan's run */
    uint32_t coast;      /* … before those, so many that nothing needs to be looked at for */
    bool coasts;         /* nobody looks at steps of the plan one by one */
    uint32_t step_limit;
    uint32_t step_mark;   /* beyond, treadle_late_step() looks at every step */
    uint64_t unseen;      /* counts what a state of the subject does not show; see cycles.c */
    uint64_t clock_reads; /* likewise, unless the clock stood still */
    uint32_t spin_reads_max;
    uint32_t (*choose)(void *, const treadle_choice *);
    uint32_t (*step)(void *, const treadle_step *); /* NULL for strategies that only choose */
    void (*forced)(void *, uint32_t);
    void *strategy_self;
    treadle_decisions *decisions;
    treadle_event *event; /* of the step under way, while recording */
    int *errno_location;
    void *tls; /* the executable's thread-local block; NULL when it has none */
    size_t tls_bytes;

    treadle_plan plan;
    uint32_t plan_runs;   /* of the plan that were begun */
    uint32_t plan_values; /* of the plan that were given out */
    uint32_t switches;
    uint32_t preemptions;
    uint32_t spin_blocks;
    uint32_t recorded_steps;
    uint32_t object_count;
    uint32_t thread_count;
    uint32_t scenario_threads_left;
    uint64_t scenario_threads; /* those that were started together last */
    uint64_t progress;         /* steps that may change what another thread sees */
    uint64_t stuck_progress;
    uint64_t yield_progress;
    uint32_t stuck_rounds;
    int64_t clock_ns;
    uint64_t random_calls;
    uint64_t seeded_calls; /* likewise, since srandom() */
    uint32_t random_seed;
    bool random_seeded;
    char *token; /* where strtok() goes on */
    uint32_t tsd_key_count;
    treadle_execution_options options;
    treadle_trace *trace;
    treadle_outcome *outcome;
    const treadle_program *program;
    void *controller_sp;
    treadle_stacks stacks;
    bool opened;

    tsd_key tsd_keys[TSD_KEYS_MAX];
    thread threads[TREADLE_THREADS_MAX];
    object objects[OBJECTS_MAX];
} engine;

extern engine E __attribute__((visibility("hidden")));

/* ---- observing ---------------------------------------------------------------------------------
 */

enum { OBSERVE_FOOTPRINT = 1, OBSERVE_ALL = 2 };

extern treadle_footprint treadle_footprint_now __attribute__((visibility("hidden")));

void treadle_observe_touch(const volatile void *address, size_t size, uint32_t flags,
                           const void *site);
void treadle_observe_only(const volatile void *address, size_t size, uint32_t flags,
                          const void *site);
void treadle_observe_footprint(const volatile void *address, size_t size, uint32_t flags);
void treadle_observe_fence(int order);
void treadle_observe_diversion(uint64_t of);
void treadle_observe_edges(uint64_t from, uint64_t to); /* every one with every one */

/* Another thread may have something new to see: wakes spinners that watch `address`. */
void treadle_wake_spinners(uintptr_t address, size_t size);

/* The step under way touches this; see observe.h. */
static inline void treadle_touching(const volatile void *address, size_t size, uint32_t flags,
                                    const void *site)
{
    if (UNLIKELY(E.observing)) {
        treadle_observe_touch(address, size, flags, site);
    }
}

/* What is touched now was looked at when it was first executed. */
static inline bool treadle_looked_at(void)
{
    return E.coast != 0 || E.plain == PLAIN_AGAIN;
}

/* One of the engine's own shared things, or a synchronisation object. The latter must not lie in
 * memory that is gone. */
static inline __attribute__((always_inline)) void
treadle_touching_object(const volatile void *address, uint32_t flags)
{
    if (!treadle_looked_at()) {
        treadle_access(address, 1, ACCESS_OBJECT,
                       E.level >= TREADLE_GRANULARITY_SYNC ? E.self->site : NULL);
    }
    if (UNLIKELY(E.observing)) {
        treadle_observe_touch(address, 1, flags | TREADLE_TOUCH_OBJECT, E.self->site);
    }
}

/* The engine is about to write this for the subject. */
static inline __attribute__((always_inline)) void treadle_writes(void *out, size_t size,
                                                                 const void *site)
{
    if (!treadle_looked_at()) {
        treadle_access(out, size, ACCESS_WRITE, site);
    }
    treadle_touching(out, size, TREADLE_TOUCH_WRITE, site);
    if (UNLIKELY(E.spinning)) {
        treadle_wake_spinners((uintptr_t)out, size);
    }
}

/* For footprints alone: observers are not told. */
static inline void treadle_touching_quietly(const volatile void *address, size_t size,
                                            uint32_t flags)
{
    if (UNLIKELY(E.observing & OBSERVE_FOOTPRINT)) {
        treadle_observe_footprint(address, size, flags);
    }
}

/* The step under way lets these threads go on, and none of them could have before. (An object whose
 * gate opens needs no such word: what it lets go on touches it.) */
static inline void treadle_lets_go(uint64_t threads)
{
    treadle_footprint_now.released |= threads;
}

/* The step under way takes from these threads what they could have done, and gives them another way
 * on: a signal reaches who could time out. */
static inline void treadle_diverts(uint64_t threads)
{
    if (UNLIKELY(E.observing)) {
        treadle_observe_diversion(threads);
    }
}

/* What the calling thread did so far happens before what these do from now on. */
static inline void treadle_happens_before(uint64_t threads)
{
    if (UNLIKELY(E.observing)) {
        treadle_observe_edges(E.self->bit, threads);
    }
}

/* For footprints alone: the step under way depends on what all others can do. */
static inline void treadle_depends_on_all(void)
{
    treadle_touching_quietly((const void *)(uintptr_t)TREADLE_TOUCH_EVERYTHING, 1,
                             TREADLE_TOUCH_WRITE | TREADLE_TOUCH_OBJECT);
}

/* For footprints alone: the step under way decides what waiting for this object comes to. */
static inline void treadle_interfering(const void *with)
{
    if (UNLIKELY(E.observing & OBSERVE_FOOTPRINT)) {
        treadle_observe_footprint(with, 1, TREADLE_TOUCH_WRITE);
    }
}

/* For observers alone: a block of the heap is new. */
static inline void treadle_touching_new_block(const void *block, size_t size, const void *site)
{
    if (UNLIKELY(E.observing)) {
        treadle_observe_only(block, size, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_ALLOCATE, site);
    }
}

/* ---- switching ---------------------------------------------------------------------------------
 */

/* Where a fiber begins. */
static inline void treadle_fiber_begins(void)
{
#ifdef TREADLE_ASAN
    treadle_asan_arrive(E.self);
#endif
}

/* Suspends `from` and continues `to`; NULL is the controller. */
static inline __attribute__((always_inline)) void treadle_fiber_go(thread *from, thread *to)
{
#ifdef TREADLE_ASAN
    treadle_asan_leave(from, to);
#endif
    treadle_fiber_switch(from != NULL ? &from->sp : &E.controller_sp,
                         to != NULL ? to->sp : E.controller_sp);
#ifdef TREADLE_ASAN
    treadle_asan_arrive(from);
#endif
}

/* ---- scheduling ------------------------------------------------------------------------------ */

/* Parks the caller with its pending operation published and returns when the strategy picked it. */
void treadle_schedule_now(void);
void treadle_schedule_watched(void); /* likewise, and keeps what the caller left */

static inline void treadle_schedule(void)
{
    if (E.coast != 0) {
        E.coast--;
        E.steps++;
    } else if (UNLIKELY(E.options.watch_cycles)) {
        treadle_schedule_watched();
    } else {
        treadle_schedule_now();
    }
}

/* Whether the next step is one of the plan's that nobody looks at, nor at what it touches. */
static inline bool treadle_coasting(void)
{
    return E.coast != 0 && E.plain == PLAIN_AGAIN;
}

/* Something rare is to be looked at in the next scheduling step. */
static inline void treadle_hurry(void)
{
    E.hurry = true;
    E.run_left += E.coast;
    E.coast = 0;
}

/* A step of an execution that has become long: ends it at the step limit, or when it goes round in
 * a cycle. True when it goes round only because others that could run do not: the caller has been
 * made to wait for them. */
RARELY bool treadle_late_step(void);

/* Parks the caller for good. */
_Noreturn void treadle_schedule_away(void);

/* Main goes on after those that it ran: perhaps it is alone then. */
void treadle_scenario_threads_ended(void);

static inline void treadle_publish(treadle_op_kind kind, const void *address, uint8_t size,
                                   uint8_t order, const void *site)
{
    thread *self = E.self;
    self->kind = kind;
    self->address = (uintptr_t)address;
    self->size = size;
    self->order = order;
    self->site = site;
    self->object = NULL;
}

/* An operation that can always run. */
static inline void treadle_announce(treadle_op_kind kind, const void *address, uint8_t size,
                                    uint8_t order, const void *site)
{
    treadle_publish(kind, address, size, order, site);
    treadle_schedule();
}

/* Parks behind a gate; see the top of this file. With `timed`, the thread may be picked though the
 * gate is closed. */
void treadle_gate_park(uint64_t *gate, bool open, object *behind, treadle_op_kind kind,
                       const void *address, bool timed, const void *site);

/* Likewise, and goes through at once where that is known. */
static inline void treadle_gate_wait(uint64_t *gate, bool open, object *behind,
                                     treadle_op_kind kind, const void *address, bool timed,
                                     const void *site)
{
    if (E.coast != 0 && open && !timed) {
        treadle_publish(kind, address, 0, 0, site);
        E.self->object = behind;
        E.self->held_up_by = NULL;
        E.self->overtaken = 0;
        E.self->wait_step = E.steps;
        treadle_schedule();
    } else {
        treadle_gate_park(gate, open, behind, kind, address, timed, site);
    }
}

static inline void treadle_gate_set(uint64_t gate, bool open)
{
    if (open) {
        E.enabled |= gate;
    } else {
        E.enabled &= ~(gate & ~E.timed);
    }
}

/* Another thread may have something new to see: wakes spinners that watch `address` and those that
 * yielded. */
static inline void treadle_progress(const void *address, size_t size)
{
    E.progress++;
    E.self->novelty++;
    if (UNLIKELY(E.spinning)) {
        treadle_wake_spinners((uintptr_t)address, size);
    }
}

/* ---- the C library -----------------------------------------------------------------------------
 * What its functions read and write for the subject is looked at and observed as if the subject did
 * it itself; but none of it is a scheduling point. */

/* Whether it matters what one reads. */
static inline bool treadle_library_matters(void)
{
    return E.level != TREADLE_GRANULARITY_NONE && (E.observing || !treadle_looked_at());
}

INLINE void treadle_library_reads(const void *from, size_t size, const void *site)
{
    if (size > 0 && treadle_library_matters()) {
        if (!treadle_looked_at()) {
            treadle_access(from, size, ACCESS_TEXT, site);
        }
        treadle_touching(from, size, TREADLE_TOUCH_READ, site);
    }
}

INLINE void treadle_library_writes(void *to, size_t size, const void *site)
{
    if (size > 0 && E.level != TREADLE_GRANULARITY_NONE) {
        if (!treadle_looked_at()) {
            treadle_access(to, size, ACCESS_WRITE, site);
        }
        treadle_touching(to, size, TREADLE_TOUCH_WRITE, site);
        treadle_progress(to, size);
    }
}

/* A text with its end, or `max` bytes of it. */
INLINE void treadle_library_reads_text(const char *text, size_t max, const void *site)
{
    if (treadle_library_matters()) {
        const size_t length = strnlen(text, max);
        treadle_library_reads(text, length < max ? length + 1 : length, site);
    }
}

/* ---- spinning ----------------------------------------------------------------------------------
 */

static inline watch *treadle_watch_of(const void *site)
{
    return &E.self->watches[((uintptr_t)site ^ (uintptr_t)site >> 3) % WATCHES];
}

/* A read (or a failed attempt) found `value`. A thread that finds the same values at the same sites
 * again and again, and does nothing else, is spinning: true then. */
static inline bool treadle_spins(uintptr_t address, const void *site, uint64_t value)
{
    thread *self = E.self;
    watch *seen = treadle_watch_of(site);
    if (seen->address != address || seen->site != site || seen->value != value ||
        seen->novelty < self->novelty_start) {
        self->novelty++;
        *seen = (watch){address, site, value, self->novelty, 1};
    } else if (seen->novelty != self->novelty) {
        seen->novelty = self->novelty;
        seen->repeats = 1;
    } else {
        return ++seen->repeats > E.spin_reads_max;
    }
    return false;
}

/* Parks a caller that spins. */
void treadle_spin_park(watch *seen);

/* Likewise, and makes it wait: true then, for the value may be another by now. */
static inline bool treadle_spin_read(uintptr_t address, const void *site, uint64_t value)
{
    if (UNLIKELY(treadle_spins(address, site, value))) {
        treadle_spin_park(treadle_watch_of(site));
        return true;
    }
    return false;
}

/* A sleep or yield from `site`: true when the caller should first let another thread step. */
bool treadle_idle_again(const void *site, uint32_t free_repeats);
void treadle_yield_park(void);
/* treadle_gate_wait() with a timeout, for all timed waits: others get their turn between the
 * timeouts of a thread that polls. Whoever got what it waited for calls treadle_polled(). */
void treadle_timed_wait(uint64_t *gate, bool open, object *behind, treadle_op_kind kind,
                        const void *address, const void *site);
static inline void treadle_polled(void)
{
    E.self->idle_repeats = 0;
}
/* Those who yielded or poll may go on. */
static inline void treadle_wake_yielded(uint64_t woken)
{
    E.enabled |= woken;
    E.timed |= woken & E.polling;
    E.polling &= ~woken;
    E.yielded &= ~woken;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* The model of the object at `address`, which is new in this execution. */
object *treadle_object_new(void *address, object_class class);
/* Likewise, from the program's own call of …_init: what uses it does not commute with that, and has
 * to be ordered after it. */
object *treadle_object_init(void *address, object_class class, const void *site);
static inline object *treadle_object_known(const void *address, object_class class)
{
    const uint32_t index = *(const uint32_t *)address - 1;
    if (LIKELY(index < E.object_count)) {
        object *found = &E.objects[index];
        if (LIKELY(found->address == (uintptr_t)address && found->class == class)) {
            return found;
        }
    }
    return NULL;
}
/* The calling thread takes it: remembers where, and counts whom it overtakes. */
void treadle_object_taken(object *taken, const void *site);
/* Forgets it (destroy): the memory may become anything. What used it has to be ordered before. */
void treadle_object_forget(object *gone, const void *site);

/* ---- mutexes, shared with condition variables ---------------------------------------------------
 */

object *treadle_mutex_of(pthread_mutex_t *mutex);
void treadle_mutex_take_any(object *mutex, const void *site); /* waits; used after a cond wait */
void treadle_mutex_release(object *mutex);

/* ---- what pthreads and C11 threads have in common; `site` is the caller's ---------------------
 */

int treadle_mutex_init(pthread_mutex_t *mutex, int type, const void *site);
int treadle_mutex_destroy(pthread_mutex_t *mutex, const void *site);
int treadle_mutex_lock(pthread_mutex_t *mutex, const void *site);
int treadle_mutex_trylock(pthread_mutex_t *mutex, const void *site);
int treadle_mutex_timedlock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until,
                            const void *site);
int treadle_mutex_unlock(pthread_mutex_t *mutex, const void *site);
int treadle_cond_init(pthread_cond_t *condition, clockid_t clock, const void *site);
int treadle_cond_destroy(pthread_cond_t *condition, const void *site);
int treadle_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const void *site);
int treadle_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until, const void *site);
int treadle_cond_signal(pthread_cond_t *condition, const void *site);
int treadle_cond_broadcast(pthread_cond_t *condition, const void *site);
int treadle_thread_create_c11(pthread_t *handle, int (*start)(void *), void *argument,
                              const void *site);
int treadle_thread_join(pthread_t handle, void **result, bool timed, const void *site);
_Noreturn void treadle_thread_exit(void *result, const void *site);
int treadle_sleep_for(const struct timespec *duration, const void *site);
int treadle_yield(const void *site);

/* The caller is inside a call from now on. In a serial execution nobody else may be: that one waits
 * for another, so this is no serial order, and the execution ends as cut. */
void treadle_enter_call(void);

/* ---- threads --------------------------------------------------------------------------------- */

thread *treadle_thread_new(const char name[TREADLE_THREAD_NAME_MAX], const void *site);
_Noreturn void treadle_thread_end(void *result);
/* Acts on a pending cancellation: does not return then. */
void treadle_cancellation_point(void);
/* Whether the caller is to be cancelled at the next cancellation point. */
static inline bool treadle_cancel_due(const thread *self)
{
    treadle_touching_object(&self->cancel_requested, TREADLE_TOUCH_READ);
    return UNLIKELY(self->cancel_requested) && self->cancel_state == PTHREAD_CANCEL_ENABLE &&
           !self->exiting;
}

/* Before a cancellation point, for footprints: who is cancelled there did not get what it waited
 * for, and might have before. */
static inline void treadle_cancelled_at(const volatile void *waited_for)
{
    if (treadle_cancel_due(E.self)) {
        treadle_touching_quietly(waited_for, 1, TREADLE_TOUCH_READ | TREADLE_TOUCH_OBJECT);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Nanoseconds since the start of the execution that an absolute time on `clock` stands for. */
int64_t treadle_deadline(clockid_t clock, const struct timespec *absolute);
/* Nobody moves the clock, and somebody seems to wait for it: it moves by itself, the further the
 * more often that was so. */
void treadle_clock_pass(uint32_t rounds);
/* Time passes at least until then. */
static inline void treadle_clock_reach(int64_t deadline_ns)
{
    treadle_touching_object(&E.clock_ns,
                            deadline_ns > E.clock_ns ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ);
    if (deadline_ns > E.clock_ns) {
        E.clock_ns = deadline_ns;
    }
}
bool treadle_timespec_valid(const struct timespec *time);

/* ---- heap, globals, thread-local storage
 * ----------------------------------------------------------- */

int treadle_heap_open(void);
void treadle_heap_reset(size_t bytes_max);
bool treadle_heap_owns(const void *address);
int treadle_globals_open(void);
void treadle_globals_restore(void);
void treadle_environment_restore(void);
/* The C library converts a time; with `anew` it looks at TZ again. */
void treadle_zone_used(bool anew, const void *site);
const void *treadle_globals(size_t *size);
int treadle_tls_open(void);
void treadle_tls_fresh(thread *owner);
/* Around an execution: fresh variables for its main thread, the caller's own back afterwards. */
void treadle_tls_enter(void);
void treadle_tls_leave(void);

/* ---- recording ------------------------------------------------------------------------------- */

RARELY void treadle_record_start(treadle_trace *trace);
RARELY void treadle_record_step(void);
RARELY void treadle_record_commit(void);

static inline void treadle_event_value(uint64_t value)
{
    if (UNLIKELY(E.event != NULL)) {
        E.event->value = value;
        E.event->flags |= TREADLE_EVENT_HAS_VALUE;
    }
}
static inline void treadle_event_failed(void)
{
    if (UNLIKELY(E.event != NULL)) {
        E.event->flags |= TREADLE_EVENT_FAILED;
    }
}

/* ---- places in messages -----------------------------------------------------------------------
 */

/* " at @0x5582…", which those who show messages turn into a line of source (outcome.h); "" where it
 * is not known. */
typedef struct place {
    char text[40];
} place;
place treadle_place(const void *site);
/* Likewise ", taken at @0x…": where `holder` took a lock for reading; "" when that was forgotten.
 */
place treadle_read_place(const thread *holder, const object *lock);

/* ---- findings -------------------------------------------------------------------------------- */

/* No thread can go on: lets spinners try again, or ends the execution. Returns a thread to run. */
RARELY uint32_t treadle_nobody_enabled(void);
/* Nobody can go on: a finding when main has ended before its time, and then everybody else. */
void treadle_process_ended(void);
/* At the end of an execution: what was left held, or never joined. */
void treadle_check_leaks(void);
const char *treadle_object_describe(const object *which, char *buffer, size_t size);
/* Who waits for what, held by whom, taken where: a cycle first, when there is one. */
void treadle_describe_deadlock(char *text, size_t size);

void treadle_signals_open(void);
/* The process is about to die of something in the execution under way: makes that its outcome. */
void treadle_crash_say(const char *property, const char *message);
/* Likewise, and dies. */
_Noreturn void treadle_crash(const char *property, const char *message);

#endif
