// SPDX-License-Identifier: MIT
/*
 * The engine: runs one program under one schedule, again and again.
 *
 * All threads of an execution are fibers on the OS thread that called treadle_execute(). The
 * program is ordinary C whose calls (pthreads, clocks, allocation, …) were redirected to the
 * engine's models when its object file was built, and whose memory accesses call the engine's
 * __tsan_* functions.
 *
 * Rules:
 *  1. One engine a process. treadle_engine_open() once, then treadle_execute() as often as wanted,
 *     from the same OS thread; not reentrant.
 *  2. An execution that ends early (violation, deadlock) abandons its fibers where they stand: what
 *     they allocated through the redirected calls is taken back by the next execution; what they
 *     got from elsewhere (a file descriptor from an uninstrumented library) is the caller's to
 * mind.
 *  3. The functions under "from inside" may be called on a fiber only.
 */
#ifndef TREADLE_ENGINE_ENGINE_H
#define TREADLE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/engine/op.h"
#include "tools/engine/outcome.h"
#include "tools/engine/strategy.h"
#include "tools/engine/trace.h"

#define TREADLE_THREADS_MAX 64u
#define TREADLE_DECISIONS_MAX (1u << 20)
#define TREADLE_CLOCK_JUMPS_MAX 8u

/* Virtual time at the start of every execution. */
#define TREADLE_REALTIME_START_NS (INT64_C(1700000000) * 1000000000)
#define TREADLE_MONOTONIC_START_NS (INT64_C(1000) * 1000000000)

/* The decisions of the execution under way: may lie in memory shared with other processes, and is
 * complete before each step, so that nothing is lost when the program dies. */
typedef struct treadle_decisions {
    uint32_t count;
    uint16_t values[TREADLE_DECISIONS_MAX];
} treadle_decisions;

/* The program of an execution. `body` runs on fiber 0, "main"; the execution passes when it
 * returns. When main ends otherwise (pthread_exit, a cancellation) the others go on, and at the end
 * of the last one nobody is left to say what it came to: a finding, "exit". */
typedef struct treadle_program {
    void (*body)(void *argument);
    void *argument;
} treadle_program;

/* Zero means the default. */
typedef struct treadle_execution_options {
    treadle_granularity granularity; /* default sync */
    uint32_t step_limit;             /* default 20,000; beyond: outcome CUT, "step-limit" */
    uint32_t spin_reads_max;         /* default 4: identical reads before a spinner waits */
    size_t heap_bytes_max;           /* default 64 MiB; beyond: outcome CUT, "memory-limit" */
    uint32_t heap_reuse_after;       /* a freed block is handed out again when its thread freed so
                                        many of its size (1 = at once); default: not while the
                                        thread has taken less than a quarter of the heap */
    uint32_t overtaken_max; /* default: no bound. A thread that waits for a mutex, semaphore
                               or read-write lock and sees others take it more often is
                               starving */
    bool watch_cycles;      /* a long execution that comes back to a state is a livelock,
                               or makes others run, or time pass; costs a microsecond or two a
                               thread */
    bool spurious_wakeups;  /* condition variables may wake without a signal, twice in a row */
    bool weak_cas_may_fail; /* weak CAS may fail spuriously */
    bool look_for_leaks;    /* in the asan build; see leaks.h */
    const struct treadle_observer *observer; /* sees everything touched; see observe.h */
    void *observer_self;
    uint32_t random_values;    /* different values each random number may take; default 1 */
    bool serial;               /* calls are scheduling points at every granularity */
    uint32_t clock_jump_count; /* clock readings may first advance by one of … */
    int64_t clock_jumps_ns[TREADLE_CLOCK_JUMPS_MAX];
    treadle_trace *trace; /* record into this; NULL while exploring */
    bool record_callers;  /* and who called each operation; costs some microseconds each */
    /* Called after each recorded event, on the fiber; may call treadle_stop(). */
    void (*observe)(void *context, const treadle_event *event);
    void *observe_context;
} treadle_execution_options;

/* Sets up stacks, heap and signal handlers. `decisions` is borrowed until the process ends.
 * 0, or an errno value. */
int treadle_engine_open(treadle_decisions *decisions);

/* In a process that was forked from one with an engine, between executions: goes on with a copy of
 * it, whose decisions are left elsewhere. */
void treadle_engine_forked(treadle_decisions *decisions);

/* Runs `program` once. `strategy->begin` has been called; `end` has not. */
void treadle_execute(const treadle_program *program, const treadle_execution_options *options,
                     const treadle_strategy *strategy, void *strategy_self,
                     treadle_outcome *outcome);

/* Called by the fatal-signal handler before the process dies, with a description of the crash: the
 * process may not continue, but may write to shared memory. One hook a process. */
void treadle_on_crash(void (*hook)(const char *property, const char *message));

/* Called once a second from a signal handler, for as long as signals reach the process. One hook a
 * process. */
void treadle_on_tick(void (*hook)(void));

/* Hooks run off-fiber at the start of each execution; for what lies outside the engine (the Redis
 * seam). At most 4. */
void treadle_on_execution_start(void (*hook)(void));

/* ---- from inside ---------------------------------------------------------------------------- */

/* Whether the caller is on a fiber of an execution. */
bool treadle_inside(void);

/* Starts `count` threads that run function(argument, 0 … count-1), named `prefix`-1 …, and waits
 * until all of them and every thread they joined or detached have ended. */
void treadle_run_threads(uint32_t count, const char *prefix,
                         void (*function)(void *argument, uint32_t index), void *argument);

/* Ends the execution: a property does not hold. `format` as in printf. */
_Noreturn void treadle_violation(const char *property, const char *format, ...)
    __attribute__((cold, format(printf, 2, 3)));

/* Ends the execution with any outcome. */
_Noreturn void treadle_stop(treadle_outcome_kind kind, const char *property, const char *format,
                            ...) __attribute__((cold, format(printf, 3, 4)));

/* A decision with `count` options (1 or more); 0 without asking when there is one only. */
uint32_t treadle_decide(treadle_choice_kind kind, uint32_t count);

/* Announces an operation that the engine does not model itself (a Redis command) and returns when
 * it is to run. `number` tells objects of one kind apart (a connection number). Returns the event
 * of the operation while recording, to be completed with treadle_event_text(); else NULL. */
treadle_event *treadle_announce_external(treadle_op_kind kind, uint64_t number, const void *site);

/* While recording: gives an event a text (copied) and makes it part of the hash. */
void treadle_event_text(treadle_event *event, const char *text, size_t length, bool failed);

/* While recording: what a server holds after that event, a line a key. Not part of the hash. */
void treadle_event_state(treadle_event *event, const char *text, size_t length);

/* A remark in the trace: an invocation, a response. Costs nothing while not recording. */
void treadle_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many events the trace has so far; 0 while exploring. */
uint32_t treadle_recorded_events(void);

/* While recording: says something of thread `who` and of the moment at which the trace had
 * `after` events. A few are kept; see trace.h. */
void treadle_remark(uint32_t after, uint32_t who, const void *site, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Leaves what follows out of the trace, or takes it in again; for set-up and checks. */
void treadle_record_pause(bool pause);

/* Virtual time since the execution began. */
int64_t treadle_clock_ns(void);

/* The virtual time that the calling thread saw last: at its last reading of a clock or external
 * operation in the call under way; -1 when there was none. */
int64_t treadle_clock_seen_ns(void);

/* The calling thread begins and ends a call of the subject: what checkers take for one operation.
 * The beginning is an operation of its own, since what ended before it is ordered before it.
 * `text` (for the trace) may be NULL; `site` is where it is called. A thread of
 * treadle_run_threads() that never begins a call is inside one from its start to its end. */
void treadle_call_begin(const char *text, const void *site);
void treadle_call_end(void);

/* The threads that are inside a call, bit i = thread i. */
uint64_t treadle_threads_in_call(void);

/* From now on the calling thread's readings of CLOCK_REALTIME (time, gettimeofday, …), and the
 * absolute times on it that the thread waits for, are `offset_ns` ahead of the execution's clock:
 * what a machine sees whose clock is wrong. Neither CLOCK_MONOTONIC nor a server's clock is
 * shifted. Threads that it creates inherit the offset; those of treadle_run_threads() start with
 * none. Leaves a note in the trace. */
void treadle_clock_offset(int64_t offset_ns);

/* The number of the calling thread: 0 main, 1 … */
uint32_t treadle_thread_number(void);

/* Whether a trace is being recorded. */
bool treadle_recording(void);

#endif
