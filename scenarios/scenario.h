// SPDX-License-Identifier: MIT
/*
 * A scenario: a table row plus three functions. It sets a subject up, lets threads work on it, and
 * says what must hold; the row says which verdict is expected where, and why.
 *
 * `setup` runs on the main fiber before any thread and returns the state that the other functions
 * share; `thread` runs once on each of `threads` fibers; `check` runs on the main fiber after all
 * of them have ended. A property that does not hold is reported with treadle_violation(). Whatever
 * was allocated needs no tear-down, but subjects are closed in `check` so that closing is tested
 * too.
 *
 * Scenario files are compiled with their calls redirected to the engine, but instrumented quietly:
 * only the subject's accesses are scheduling points (tools/engine/quiet.c). `scenarios/litmus/` is
 * instrumented.
 *
 * Adding a scenario: one row in a component's table. Adding a component: one file here and one line
 * in registry.c.
 */
#ifndef TREADLE_SCENARIOS_SCENARIO_H
#define TREADLE_SCENARIOS_SCENARIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/engine/engine.h"

typedef enum treadle_verdict {
    TREADLE_VERDICT_NONE = 0,           /* expected: nothing stated */
    TREADLE_VERDICT_HOLDS,              /* the space was exhausted */
    TREADLE_VERDICT_NO_VIOLATION_FOUND, /* within the budget */
    TREADLE_VERDICT_VIOLATED,
    TREADLE_VERDICT_UNKNOWN,
} treadle_verdict;

/* "holds", "no-violation-found", …; "none" for NONE. */
const char *treadle_verdict_name(treadle_verdict verdict);

typedef enum treadle_backend {
    TREADLE_BACKEND_MEMORY,
    TREADLE_BACKEND_REDIS_MODEL,
    TREADLE_BACKEND_REDIS,
    TREADLE_BACKEND_COUNT
} treadle_backend;

/* "memory", "redis-model", "redis". */
const char *treadle_backend_name(treadle_backend backend);
/* false for an unknown name. */
bool treadle_backend_parse(const char *name, treadle_backend *out);

/* One line of a row: what this variant is expected to do there, and why, in one line. */
typedef struct treadle_expectation {
    const char *variant;
    treadle_backend backend;
    treadle_granularity granularity;
    treadle_verdict verdict;
    const char *property; /* the property expected to break, NULL when none */
    const char *reason;
} treadle_expectation;

#define TREADLE_ROW(backend, variant, granularity, verdict, property, reason)  \
    {                                                                          \
        variant, TREADLE_BACKEND_##backend, TREADLE_GRANULARITY_##granularity, \
            TREADLE_VERDICT_##verdict, property, reason                        \
    }
#define TREADLE_MEMORY_ROW(...) TREADLE_ROW(MEMORY, __VA_ARGS__)
/* Clients share nothing but the server: what interleaves is commands, and await shows it all. */
#define TREADLE_REDIS_ROW(variant, ...) TREADLE_ROW(REDIS, variant, AWAIT, __VA_ARGS__)

typedef struct treadle_parameter {
    const char *name;
    int64_t fallback;
    int64_t min;
    int64_t max;
    const char *summary;
} treadle_parameter;

#define TREADLE_PARAMETERS_MAX 8
#define TREADLE_CLOCK_OFFSETS_MAX 4

/* How many of each fault the schedule may strike in one execution; zero = never. A flush is what a
 * client sends at once: a command, or a pipeline. At most one fault strikes a flush. */
typedef struct treadle_faults {
    uint32_t cut_before; /* the connection ends before a flush is sent; nothing of it runs */
    uint32_t cut_after;  /* it ends after the server ran the flush and before the reply arrived */
    uint32_t cut_inside; /* it ends within a pipeline: the server runs the first commands only, how
                            many is a decision; no reply arrives */
    /* In the server, hence only in one that the harness started. */
    uint32_t scripts_flushed; /* it forgets its scripts before a flush that calls one: NOSCRIPT */
    uint32_t error_reply;     /* it refuses every write of a flush: NOREPLICAS */
    uint32_t evicted;         /* it evicts a key of a flush, which key is a decision, before that */
    uint32_t answered;        /* it answers every command of a flush with an error, reads too, and
                                 runs none; which error is a decision */
    /* Not at a flush but from the start of a thread. */
    uint32_t wrong_clocks; /* threads whose wall clock is off, by one of clock_offsets_ns: a
                              decision */
} treadle_faults;

/* Whether any fault is allowed for. */
bool treadle_faults_any(const treadle_faults *faults);

/* What one run of a scenario was given. Borrowed by the scenario's functions for that run. */
typedef struct treadle_run {
    const struct treadle_scenario *scenario;
    const char *variant;
    treadle_backend backend;
    int64_t parameters[TREADLE_PARAMETERS_MAX]; /* in the order of scenario->parameters */
} treadle_run;

typedef struct treadle_scenario {
    const char *name;                        /* "component/scenario" */
    const char *summary;                     /* one line: what is tried, what must hold */
    const treadle_parameter *parameters;     /* ends with a NULL name; the first is "threads" */
    const treadle_expectation *expectations; /* ends with a NULL variant */
    const char *thread_prefix;               /* "client": threads are named client-1 … */
    void *(*setup)(const treadle_run *run);
    void (*thread)(void *state, uint32_t index);
    void (*check)(void *state);
    const char *no_baseline; /* why no variant breaks here; NULL where one must (baseline.h) */
    treadle_faults faults;
    bool serial_outcomes;   /* check() calls treadle_outcome_text(); see tools/checkers/serial.h */
    bool moves_clock;       /* sleeps, compares a client's clock with the server's, or counts on
                               time that stands still: on a live server only where that follows the
                               virtual clock */
    bool symmetric;         /* its threads are interchangeable: they run the same code with the same
                               argument, and nothing that check() or they say of a violation
                               depends on which of them did what; see --symmetry */
    uint32_t step_limit;    /* 0 = the engine's default */
    uint32_t random_values; /* see engine.h */
    uint32_t heap_reuse_after; /* likewise */
    uint32_t overtaken_max;    /* likewise */
    bool watch_cycles;         /* likewise */
    bool spurious_wakeups;
    bool weak_cas_may_fail;
    uint32_t clock_jump_count;
    int64_t clock_jumps_ns[TREADLE_CLOCK_JUMPS_MAX];
    int64_t clock_offsets_ns[TREADLE_CLOCK_OFFSETS_MAX]; /* of faults.wrong_clocks; ends with 0 */
} treadle_scenario;

/* Why a scenario cannot run on a server given by URL, after "it"; NULL when it can. */
const char *treadle_scenario_needs_own_server(const treadle_scenario *scenario);

/* Whether a variant is one that we stand behind: `fixed` or `lockfree`. */
bool treadle_variant_is_solution(const char *variant);

/* The expectation that shows that the check can fail: `naive`, else another variant that is no
 * solution, expected to be violated on that backend; NULL when there is none. */
const treadle_expectation *treadle_scenario_baseline(const treadle_scenario *scenario,
                                                     treadle_backend backend);

/* The value of a parameter by name. The name must be one of the scenario's. */
int64_t treadle_run_parameter(const treadle_run *run, const char *name);

/* The largest of what the threads of a scenario see. */
static inline void treadle_raise_to(_Atomic int64_t *largest, int64_t value)
{
    int64_t seen = atomic_load(largest);
    while (seen < value && !atomic_compare_exchange_weak(largest, &seen, value)) {
    }
}

/* Every scenario, in the order of the registry. */
const treadle_scenario *const *treadle_scenarios(void);
size_t treadle_scenario_count(void);

const treadle_scenario *treadle_scenario_find(const char *name);

/* The expectation that covers a cell: the row's own line; else, where a coarser granularity is
 * expected to be violated, that line (what awaits show, finer steps show too); else NULL. */
const treadle_expectation *treadle_scenario_expectation(const treadle_scenario *scenario,
                                                        const char *variant,
                                                        treadle_backend backend,
                                                        treadle_granularity granularity);

#endif
