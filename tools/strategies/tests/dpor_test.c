// SPDX-License-Identifier: MIT
/* That `dpor` executes each trace once, and misses none: against published counts, and against a
 * depth-first search over every interleaving of generated programs, by hashes of traces. What two
 * executions with the same hash leave behind must be the same, too: or a footprint is incomplete.
 *
 * TREADLE_PROGRAMS=100000 in the environment tests so many programs instead of 300, TREADLE_FIRST=n
 * others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/strategies/dpor_internal.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/instructions.h"
#include "tools/strategies/tests/lending.h"
#include "tools/strategies/tests/programs.h"
#include "tools/strategies/tests/tracer.h"

static treadle_decisions decisions;

static void open_engine(void)
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
}

static program current;
static bool spurious_wakeups;

/* ---- exploring ------------------------------------------------------------------------------- */

enum { SEEN_MAX = 1 << 14, EXECUTIONS_MAX = 10000 };

typedef struct seen {
    uint64_t hash;  /* 0 = free */
    uint64_t state; /* what the execution left */
    uint64_t shape; /* likewise, whichever thread did what */
    uint32_t times;
} seen;

typedef struct traces {
    uint64_t executions;
    bool complete;
    uint32_t count;
    uint64_t spin_blocks;
    bool livelocks;
    treadle_dpor_counts counts;
    seen table[SEEN_MAX];
} traces;

static seen *find(traces *self, uint64_t hash)
{
    uint32_t i = (uint32_t)hash % SEEN_MAX;
    while (self->table[i].hash != 0 && self->table[i].hash != hash) {
        i = (i + 1) % SEEN_MAX;
    }
    return &self->table[i];
}

static lending_end end_of(uint64_t hash, const treadle_outcome *outcome)
{
    return (lending_end){hash, program_state(&current, outcome), program_shape(&current, outcome)};
}

static void note(traces *self, lending_end end)
{
    seen *entry = find(self, end.hash);
    if (entry->hash == 0) {
        *entry = (seen){.hash = end.hash, .state = end.state, .shape = end.shape};
        self->count++;
    }
    entry->times++;
    cr_expect_eq(entry->state, end.state, "equal traces end differently");
}

static void explore(traces *self, const treadle_strategy *strategy, void *state,
                    treadle_granularity granularity, uint64_t (*hash)(const void *state))
{
    open_engine();
    memset(self, 0, sizeof *self);
    const treadle_execution_options options = {.granularity = granularity,
                                               .spurious_wakeups = spurious_wakeups};
    const treadle_program body = {program_run, &current};
    for (uint64_t i = 0; i < EXECUTIONS_MAX; i++) {
        if (!strategy->begin(state, i)) {
            self->complete = true;
            return;
        }
        treadle_outcome outcome;
        treadle_execute(&body, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        self->spin_blocks += outcome.spin_blocks;
        self->livelocks |= strcmp(outcome.property, "livelock") == 0;
        if (outcome.kind != TREADLE_OUTCOME_REDUNDANT) {
            self->executions++;
            note(self, end_of(hash(state), &outcome));
        }
        cr_assert(outcome.kind == TREADLE_OUTCOME_PASSED ||
                      outcome.kind == TREADLE_OUTCOME_REDUNDANT ||
                      strcmp(outcome.property, "deadlock") == 0 ||
                      strcmp(outcome.property, "lock-leak") == 0 || self->livelocks,
                  "%d %s %s", (int)outcome.kind, outcome.property, outcome.message);
    }
}

static void explore_all(traces *self, treadle_granularity granularity)
{
    void *state = tracer_strategy.create(&(treadle_strategy_options){0});
    explore(self, &tracer_strategy, state, granularity, tracer_hash);
    tracer_strategy.destroy(state);
}

static void explore_reduced(traces *self, treadle_granularity granularity, bool symmetric)
{
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){.symmetric = symmetric});
    explore(self, &treadle_strategy_dpor, state, granularity, treadle_dpor_trace_hash);
    self->counts = treadle_dpor_counted(state);
    treadle_strategy_dpor.destroy(state);
}

static uint64_t loans; /* that were settled, by all programs */

/* In parts, some of which are explored before their turn. */
static void explore_in_parts(traces *self, treadle_granularity granularity, bool symmetric,
                             uint64_t seed)
{
    const treadle_execution_options options = {.granularity = granularity,
                                               .spurious_wakeups = spurious_wakeups};
    const treadle_program body = {program_run, &current};
    lending_found found;
    memset(self, 0, sizeof *self);
    lending_explore(&found, &body, &options, end_of, symmetric, seed);
    for (uint64_t i = 0; i < found.count; i++) {
        note(self, found.ends[i]);
    }
    free(found.ends);
    self->executions = found.count;
    self->counts.redundant = found.redundant;
    self->complete = true;
    loans += found.loans;
}

static void compare(uint64_t number, treadle_granularity granularity, const traces *all,
                    traces *reduced, const char *how)
{
    char text[PROGRAM_TEXT_MAX];
    program_describe(&current, text, sizeof text);
    cr_expect(reduced->complete);
    uint32_t missing = 0;
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        missing += all->table[i].hash != 0 && find(reduced, all->table[i].hash)->hash == 0;
    }
    cr_expect_eq(missing, 0, "program %lu at %s%s:%s: %u of %u traces are missing (%lu executions)",
                 number, treadle_granularity_name(granularity), how, text, missing, all->count,
                 all->executions);
    cr_expect_eq(reduced->executions, reduced->count,
                 "program %lu at %s%s:%s: %lu executions for %u traces", number,
                 treadle_granularity_name(granularity), how, text, reduced->executions,
                 reduced->count);
    cr_expect_eq(reduced->count + missing, all->count, "program %lu%s: traces that do not exist:%s",
                 number, how, text);
}

/* Of the current program. False when it has too many interleavings, or a thread has to let others
 * have their turn though it is none of those that poll: it spins, and how often it reads the same
 * before it waits is no part of footprints. */
static bool agree(uint64_t number, treadle_granularity granularity, bool polls)
{
    static traces all;
    static traces reduced;
    explore_all(&all, granularity);
    if (!all.complete || (all.spin_blocks > 0) != polls) {
        return false;
    }
    explore_reduced(&reduced, granularity, false);
    compare(number, granularity, &all, &reduced, "");
    const uint64_t redundant = reduced.counts.redundant;
    for (uint64_t seed = 0; seed < 3; seed++) {
        explore_in_parts(&reduced, granularity, false, 3 * number + seed);
        compare(number, granularity, &all, &reduced, ", in parts");
        cr_expect_leq(reduced.counts.redundant, redundant, "program %lu: %lu redundant, not %lu",
                      number, reduced.counts.redundant, redundant);
    }
    return true;
}

static treadle_granularity granularity_of(uint64_t number)
{
    static const treadle_granularity levels[] = {
        TREADLE_GRANULARITY_AWAIT,
        TREADLE_GRANULARITY_SYNC,
        TREADLE_GRANULARITY_MEMORY,
        TREADLE_GRANULARITY_MEMORY,
    };
    return levels[number % 4];
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

Test(dpor, agrees_with_depth_first_search)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300);
    uint64_t compared = 0;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        program_generate(&current, i);
        compared += agree(i, granularity_of(i), false);
    }
    cr_expect_gt(loans, programs);
}

/* Every other instruction lets others have their turn. */
static void add_polls(uint64_t number)
{
    static const instruction polls[3][4] = {
        {{OP_YIELD, 0}, {OP_YIELD, 0}, {OP_YIELD, 0}, {OP_SLEEP, 0}},
        {{OP_TIMEDTAKE, 0}, {OP_TIMEDTAKE, 0}, {OP_TIMEDTAKE, 0}, {OP_TAKE, 0}},
        {{OP_TIMEDLOCK, 0}, {OP_TIMEDWAIT, 0}, {OP_TIMEDWAIT, 0}, {OP_YIELD, 0}},
    };
    uint64_t random = number * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t t = 0; t < current.threads; t++) {
        for (uint32_t i = 0; i < current.lengths[t]; i++, random = random >> 3 | random << 61) {
            if (random % 8 < 6) {
                current.code[t][i] = polls[number % 3][random >> 1 & 3];
            }
        }
    }
}

Test(dpor, agrees_where_threads_poll)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300);
    uint64_t compared = 0;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        program_generate(&current, i);
        add_polls(i);
        compared += agree(i, granularity_of(i), true);
    }
}

/* Most instructions take one read-write lock, whose writers go first. */
static void add_writers_first(uint64_t number)
{
    uint64_t random = number * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t t = 0; t < current.threads; t++) {
        for (uint32_t i = 0; i < current.lengths[t]; i++, random = random >> 5 | random << 59) {
            if (random % 4 < 3) {
                const uint32_t kinds = OPCODES_ALL - OP_FIRST_READ;
                const opcode code = (opcode)(OP_FIRST_READ + (random >> 2) % kinds);
                current.code[t][i] = (instruction){code, 0};
            }
        }
    }
}

Test(dpor, agrees_where_writers_go_first)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300) / 3;
    uint64_t compared = 0;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        program_generate(&current, i);
        add_writers_first(i);
        compared += agree(i, granularity_of(i), false);
    }
}

/* Most instructions wait for a signal, or send one. */
static void add_waits(uint64_t number)
{
    static const opcode codes[] = {OP_WAIT, OP_TIMEDWAIT, OP_TIMEDWAIT, OP_SIGNAL, OP_BROADCAST};
    uint64_t random = number * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t t = 0; t < current.threads; t++) {
        for (uint32_t i = 0; i < current.lengths[t]; i++, random = random >> 5 | random << 59) {
            if (random % 4 < 3) {
                const opcode code = codes[(random >> 2) % (sizeof codes / sizeof codes[0])];
                current.code[t][i] = (instruction){code, 0};
            }
        }
    }
}

Test(dpor, agrees_where_wakeups_are_spurious)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300) / 6;
    uint64_t compared = 0;
    spurious_wakeups = true;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        program_generate(&current, i);
        add_waits(i);
        compared += agree(i, granularity_of(i), false);
    }
}

/* The first thread waits for a store of the second by trying again. */
static void add_spin(uint64_t number)
{
    current.code[0][number % current.lengths[0]] = (instruction){OP_SPIN, 0};
    current.code[1][number / 5 % current.lengths[1]] = (instruction){OP_STORE, 0};
}

static bool has_state(const traces *self, uint64_t state)
{
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        if (self->table[i].hash != 0 && self->table[i].state == state) {
            return true;
        }
    }
    return false;
}

/* How often a thread reads the same before it waits is nothing that matters; what it comes to is.
 * (Nothing is asked of a program that may spin for ever: that is a finding.) */
Test(dpor, loses_no_end_where_threads_spin)
{
    static traces all;
    static traces reduced;
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300) / 10;
    uint64_t compared = 0;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        program_generate(&current, i);
        add_spin(i);
        explore_all(&all, granularity_of(i));
        if (!all.complete || all.spin_blocks == 0 || all.livelocks) {
            continue;
        }
        explore_reduced(&reduced, granularity_of(i), false);
        cr_expect(reduced.complete);
        char text[PROGRAM_TEXT_MAX];
        program_describe(&current, text, sizeof text);
        for (uint32_t j = 0; j < SEEN_MAX; j++) {
            cr_expect(all.table[j].hash == 0 || has_state(&reduced, all.table[j].state),
                      "program %lu at %s:%s: an end is missing", i,
                      treadle_granularity_name(granularity_of(i)), text);
        }
        compared++;
    }
}

/* Programs that were missed or met twice once. */
Test(dpor, agrees_where_it_did_not_once)
{
    static const uint64_t numbers[] = {200,   201,    369,    640,    696,    996,    1805,
                                       3021,  3084,   4421,   6325,   6601,   6728,   8108,
                                       10264, 13084,  13171,  14513,  28737,  41025,  45108,
                                       87932, 144965, 160331, 283958, 284512, 385817, 3491065};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        program_generate(&current, numbers[i]);
        agree(numbers[i], granularity_of(numbers[i]), false);
    }
}

/* ---- symmetric threads -------------------------------------------------------------------------
 */

/* All threads run the code of the first, in which there are polls now and then. Their numbers are
 * not always the first ones. */
static void generate_symmetric(uint64_t number)
{
    program_generate(&current, number);
    if (number % 5 == 0) {
        add_polls(number);
    } else if (number % 5 == 1) {
        add_writers_first(number);
    }
    current.another = number / 4 % 2;
    for (uint32_t t = 1; t < current.threads; t++) {
        current.lengths[t] = current.lengths[0];
        memcpy(current.code[t], current.code[0], sizeof current.code[t]);
    }
}

static bool has_shape(const traces *self, uint64_t shape)
{
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        if (self->table[i].hash != 0 && self->table[i].shape == shape) {
            return true;
        }
    }
    return false;
}

typedef struct saved {
    uint64_t all; /* executions without symmetry */
    uint64_t reduced;
    uint64_t redundant;
} saved;

static int missing_shapes(const traces *all, const traces *reduced)
{
    int missing = 0;
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        missing += all->table[i].hash != 0 && !has_shape(reduced, all->table[i].shape);
    }
    return missing;
}

/* How many ends of the program are not seen, but for the threads' numbers; -1 when it is too large.
 */
static int missing_ends(treadle_granularity granularity, saved *sum)
{
    static traces all;
    static traces reduced;
    explore_reduced(&all, granularity, false);
    if (!all.complete) {
        return -1;
    }
    explore_reduced(&reduced, granularity, true);
    cr_expect(reduced.complete);
    cr_expect_eq(reduced.executions, reduced.count, "traces are repeated");
    cr_expect_leq(reduced.count, all.count);
    int missing = missing_shapes(&all, &reduced);
    sum->all += all.executions;
    sum->reduced += reduced.executions;
    sum->redundant += reduced.counts.redundant;
    const uint64_t executions = reduced.executions;
    explore_in_parts(&reduced, granularity, true, executions);
    cr_expect_eq(reduced.executions, executions, "%lu in parts, %lu in one", reduced.executions,
                 executions);
    missing += missing_shapes(&all, &reduced);
    return missing;
}

Test(symmetry, loses_no_end)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300);
    uint64_t compared = 0;
    saved sum = {0};
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        generate_symmetric(i);
        const int missing = missing_ends(granularity_of(i), &sum);
        char text[PROGRAM_TEXT_MAX];
        program_describe(&current, text, sizeof text);
        cr_expect_leq(missing, 0, "program %lu at %s:%s: %d ends are missing", i,
                      treadle_granularity_name(granularity_of(i)), text, missing);
        compared += missing >= 0;
    }
    cr_expect_lt(sum.reduced, sum.all / 2, "%lu executions of %lu", sum.reduced, sum.all);
    cr_expect_lt(sum.redundant, sum.reduced / 10, "%lu redundant", sum.redundant);
}

/* Threads that run different code are not symmetric, and that shows. */
Test(symmetry, cannot_be_claimed)
{
    saved sum = {0};
    uint32_t wrong = 0;
    for (uint64_t i = 1; i <= 100; i++) {
        program_generate(&current, i);
        wrong += missing_ends(granularity_of(i), &sum) > 0;
    }
    cr_expect_gt(wrong, 10);
}

/* ---- counted programs ------------------------------------------------------------------------ */

typedef struct counted {
    const char *name;
    counted_program *run;
    uint32_t threads; /* 0 = main does it itself */
    uint32_t times;
    uint64_t traces;
    uint64_t symmetric; /* traces with symmetry; 0 = its threads are not */
} counted;

static const counted *counting;

static void run_counted(void *unused)
{
    (void)unused;
    counted_prepare(counting->times);
    if (counting->threads == 0) {
        counting->run(NULL, 0);
    }
    treadle_run_threads(counting->threads, "t", counting->run, NULL);
}

static treadle_dpor_counts count_traces(const counted *what, bool symmetric)
{
    open_engine();
    counting = what;
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){.symmetric = symmetric});
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_program body = {run_counted, NULL};
    for (uint64_t i = 0; treadle_strategy_dpor.begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
        treadle_strategy_dpor.end(state, &outcome);
    }
    const treadle_dpor_counts counts = treadle_dpor_counted(state);
    treadle_strategy_dpor.destroy(state);
    return counts;
}

/* A call's beginning is a step unless it is the first thing that its thread does; also in what is
 * repeated. The locks have two orders, the additions two, and the second addition's call begins
 * before the first addition or after it. */
static void call_late(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    instruction_run(OP_LOCK, 0, 0);
    instruction_run(OP_UNLOCK, 0, 0);
    treadle_call_begin(NULL, NULL);
    instruction_run(OP_ADD, 0, 0);
    treadle_call_end();
}

/* Who has taken and ended waits for nothing any more. Either of two may be first, before the second
 * post or after it. */
static void take_last(void *unused, uint32_t index)
{
    (void)unused;
    if (index < 2) {
        instruction_run(OP_TAKE, 0, 0);
    } else {
        instruction_run(OP_POST, 0, 0);
        instruction_run(OP_POST, 0, 0);
    }
}

/* The counts that established stateless model checkers come to, and those that can be derived. */
Test(dpor, executes_each_trace_once)
{
    static const counted all[] = {
        {"counter, 2", counter, 2, 1, 4, 2},
        {"counter, 3", counter, 3, 1, 36, 6},
        {"counter, 4", counter, 4, 1, 576, 24},
        {"check_then_act, 2", check_then_act, 2, 1, 6, 3},
        {"check_then_act, 3", check_then_act, 3, 1, 66, 11},
        {"check_then_act, 4", check_then_act, 4, 1, 1176, 49},
        {"locked_increment, 2", locked_increment, 2, 1, 2, 1},
        {"locked_increment, 5", locked_increment, 5, 1, 120, 1},
        {"locked_increment, 7", locked_increment, 7, 1, 5040, 1},
        {"locked_increment, 3 by 4", locked_increment, 3, 4, 34650, 5775},
        {"last_zero, 7 writers", last_zero, 8, 7, 320, 0},
        {"last_zero, 9 writers", last_zero, 10, 9, 1536, 0},
        {"out_of_order", out_of_order, 3, 1, 7, 0},
        {"readers, 5", readers, 6, 1, 32, 0},
        {"overlapping", overlapping, 3, 1, 4, 0},
        {"call_late", call_late, 2, 1, 8, 0},
        {"take_last", take_last, 3, 1, 4, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const treadle_dpor_counts counts = count_traces(&all[i], false);
        cr_expect_eq(counts.executions, all[i].traces, "%s: %lu, not %lu", all[i].name,
                     counts.executions, all[i].traces);
        cr_expect_eq(counts.redundant, 0, "%s: %lu redundant", all[i].name, counts.redundant);
        cr_expect_eq(counts.infeasible, 0, "%s: %lu infeasible", all[i].name, counts.infeasible);
        if (all[i].symmetric > 0) {
            const treadle_dpor_counts fewer = count_traces(&all[i], true);
            cr_expect_eq(fewer.executions, all[i].symmetric, "%s: %lu, not %lu", all[i].name,
                         fewer.executions, all[i].symmetric);
            cr_expect_eq(fewer.redundant, 0, "%s: %lu redundant", all[i].name, fewer.redundant);
        }
    }
}

/* ---- decisions before the threads ------------------------------------------------------------ */

enum { PROLOGUES = 4 };

static uint32_t prologue;

/* One of 0, 1, 2 and 3, by one decision or two. */
static void run_after_prologue(void *unused)
{
    (void)unused;
    prologue = treadle_decide(TREADLE_CHOICE_FAULT, 3);
    prologue += prologue == 2 ? treadle_decide(TREADLE_CHOICE_FAULT, 2) : 0;
    if (prologue == 1) {
        treadle_violation("ended", "before the threads");
    }
    counted_prepare(1);
    treadle_run_threads(2, "t", counter, NULL);
}

Test(dpor, what_is_decided_before_the_threads_is_varied)
{
    open_engine();
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_program body = {run_after_prologue, NULL};
    uint64_t executions[PROLOGUES] = {0};
    uint64_t hashes[PROLOGUES] = {0};
    for (uint64_t i = 0; i < 100 && treadle_strategy_dpor.begin(state, i); i++) {
        const double explored = treadle_strategy_dpor.progress(state);
        cr_expect(explored >= 0 && explored < 1, "%f", explored);
        treadle_outcome outcome;
        treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
        treadle_strategy_dpor.end(state, &outcome);
        cr_assert_eq(outcome.kind,
                     prologue == 1 ? TREADLE_OUTCOME_VIOLATED : TREADLE_OUTCOME_PASSED);
        executions[prologue]++;
        hashes[prologue] += treadle_dpor_trace_hash(state);
    }
    for (uint32_t i = 0; i < PROLOGUES; i++) {
        cr_expect_eq(executions[i], i == 1 ? 1 : 4, "after %u: %lu traces", i, executions[i]);
        cr_expect_neq(hashes[i], hashes[(i + 1) % PROLOGUES],
                      "traces with other decisions are others");
    }
    treadle_strategy_dpor.destroy(state);
}

/* ---- several touches of one object -----------------------------------------------------------
 */

/* One step writes a lock as memory, for the sake of who is cancelled, and lets it go. */
Test(dpor, sees_through_a_step_that_writes_a_lock_twice)
{
    static const counted what = {"cancels_queued", cancels_queued, 4, 1, 0, 0};
    open_engine();
    counting = &what;
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_AWAIT};
    const treadle_program body = {run_counted, NULL};
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    uint64_t ended = 0;
    for (uint64_t i = 0; treadle_strategy_dpor.begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
        treadle_strategy_dpor.end(state, &outcome);
        ended += outcome.kind == TREADLE_OUTCOME_PASSED;
    }
    cr_expect_gt(ended, 0);
    treadle_strategy_dpor.destroy(state);
}

/* ---- waiting by trying again ----------------------------------------------------------------- */

enum { ENDS_MAX = 64 };

typedef struct ends {
    uint32_t count;
    uint64_t states[ENDS_MAX];
    uint64_t executions;
} ends;

static ends ends_of(const counted *what, const treadle_strategy *strategy, void *state,
                    treadle_granularity granularity)
{
    open_engine();
    counting = what;
    const treadle_execution_options options = {.granularity = granularity};
    const treadle_program body = {run_counted, NULL};
    ends found = {0};
    for (uint64_t i = 0; strategy->begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(&body, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        if (outcome.kind == TREADLE_OUTCOME_REDUNDANT) {
            continue;
        }
        cr_assert(outcome.kind == TREADLE_OUTCOME_PASSED ||
                      outcome.kind == TREADLE_OUTCOME_VIOLATED,
                  "%s: %s", what->name, outcome.message);
        found.executions++;
        uint64_t came_to = counted_state();
        for (const char *c = outcome.property; *c != '\0'; c++) {
            came_to = came_to * 31 + (unsigned char)*c;
        }
        uint32_t j = 0;
        while (j < found.count && found.states[j] != came_to) {
            j++;
        }
        if (j == found.count) {
            cr_assert_lt(j, ENDS_MAX);
            found.states[found.count++] = came_to;
        }
    }
    strategy->destroy(state);
    return found;
}

/* Whatever a depth-first search comes to. True when it took fewer executions, and never takes more.
 */
static bool loses_no_end(const counted *what, treadle_granularity granularity)
{
    const treadle_strategy_options none = {0};
    const ends every =
        ends_of(what, &treadle_strategy_dfs, treadle_strategy_dfs.create(&none), granularity);
    const ends reduced =
        ends_of(what, &treadle_strategy_dpor, treadle_strategy_dpor.create(&none), granularity);
    cr_expect_eq(reduced.count, every.count, "%s: %u ends, not %u", what->name, reduced.count,
                 every.count);
    cr_expect_leq(reduced.executions, every.executions, "%s", what->name);
    for (uint32_t j = 0; j < every.count; j++) {
        bool there = false;
        for (uint32_t k = 0; k < reduced.count; k++) {
            there |= reduced.states[k] == every.states[j];
        }
        cr_expect(there, "%s: an end is missing", what->name);
    }
    return reduced.executions < every.executions;
}

Test(dpor, loses_no_end_of_a_call)
{
    static const counted all[] = {
        {"tries_to_join", tries_to_join, 1, 1, 0, 0},
        {"caches_time", caches_time, 2, 1, 0, 0},
        {"lends_its_stack", lends_its_stack, 3, 1, 0, 0},
        {"gives_up_trying", gives_up_trying, 3, 1, 0, 0},
        {"joins_and_cancels", joins_and_cancels, 1, 1, 0, 0},
        {"deletes_key", deletes_key, 3, 1, 0, 0},
        {"posts_too_often", posts_too_often, 2, 1, 0, 0},
        {"reads_number", reads_number, 2, 1, 0, 0},
        {"takes_tokens", takes_tokens, 2, 1, 0, 0},
        {"sorts", sorts, 2, 1, 0, 0},
        {"sets_environment", sets_environment, 2, 1, 0, 0},
        {"cancels_trying", cancels_trying, 3, 1, 0, 0},
        {"cancels_exiting", cancels_exiting, 2, 1, 0, 0},
        {"leaves_one_running", leaves_one_running, 1, 1, 0, 0},
        {"creates", creates, 0, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        loses_no_end(&all[i], TREADLE_GRANULARITY_SYNC);
    }
}

Test(dpor, spinners_end_as_they_can)
{
    static const counted all[] = {
        {"spins", spins, 3, 1, 0, 0},
        {"spins, one other", spins, 2, 2, 0, 0},
        {"yields", yields, 2, 2, 0, 0},
        {"sleeps", sleeps, 2, 2, 0, 0},
        {"spins_twice", spins_twice, 2, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cr_expect(loses_no_end(&all[i], TREADLE_GRANULARITY_MEMORY), "%s", all[i].name);
    }
}

/* ---- main alone, and not -----------------------------------------------------------------------
 */

static void count_creating(void *unused)
{
    (void)unused;
    counted_prepare(1);
    treadle_run_threads(2, "first", counter, NULL);
    instruction_run(OP_LOCK, 0, 0);
    instruction_run(OP_WRITE, 0, 0);
    instruction_run(OP_UNLOCK, 0, 0);
    creates(NULL, 0);
    treadle_run_threads(2, "second", counter, NULL);
}

/* What main does between its threads is no step of its own, and hides none of theirs: four traces,
 * three and four, each with each. */
Test(dpor, follows_those_who_come_after_main_was_alone)
{
    open_engine();
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_program body = {count_creating, NULL};
    for (uint64_t i = 0; treadle_strategy_dpor.begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
        treadle_strategy_dpor.end(state, &outcome);
        cr_assert_eq(outcome.kind, TREADLE_OUTCOME_PASSED, "%s", outcome.message);
    }
    const treadle_dpor_counts counts = treadle_dpor_counted(state);
    cr_expect_eq(counts.executions, 4 * 3 * 4);
    cr_expect_eq(counts.redundant + counts.infeasible, 0);
    treadle_strategy_dpor.destroy(state);
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* The decisions of an execution repeat it, whatever strategy made them. */
Test(dpor, decisions_repeat_an_execution)
{
    open_engine();
    static treadle_decisions kept;
    for (uint64_t number = 1; number <= 40; number++) {
        program_generate(&current, number);
        void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
        treadle_execution_options options = {.granularity = granularity_of(number)};
        const treadle_program body = {program_run, &current};
        for (uint64_t i = 0; i < 50 && treadle_strategy_dpor.begin(state, i); i++) {
            treadle_outcome outcome;
            treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
            treadle_strategy_dpor.end(state, &outcome);
            if (outcome.kind == TREADLE_OUTCOME_REDUNDANT) {
                continue;
            }
            memcpy(&kept, &decisions, sizeof kept);
            const uint64_t came_to = program_state(&current, &outcome);
            const treadle_strategy_options replay = {
                .replay = kept.values, .replay_count = kept.count, .replay_strict = true};
            void *again = treadle_strategy_replay.create(&replay);
            treadle_outcome repeated;
            treadle_strategy_replay.begin(again, 0);
            treadle_execute(&body, &options, &treadle_strategy_replay, again, &repeated);
            treadle_strategy_replay.end(again, &repeated);
            treadle_strategy_replay.destroy(again);
            cr_assert_eq(repeated.kind, outcome.kind, "%lu: %s", number, repeated.message);
            cr_assert_eq(program_state(&current, &repeated), came_to, "program %lu", number);
        }
        treadle_strategy_dpor.destroy(state);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* What one execution of an instance of dpor comes to. */
static treadle_outcome execute(void *state, uint64_t number, void (*run)(void *))
{
    open_engine();
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_program body = {run, NULL};
    treadle_outcome outcome;
    cr_assert(treadle_strategy_dpor.begin(state, number));
    treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
    treadle_strategy_dpor.end(state, &outcome);
    return outcome;
}

static void is_limited(const treadle_outcome *outcome)
{
    cr_expect_eq(outcome->kind, TREADLE_OUTCOME_CUT);
    cr_expect_str_eq(outcome->property, "dpor-limit");
}

/* Memory may run out between two executions, too. */
Test(dpor, is_not_complete_where_a_limit_ended_it)
{
    static const counted two = {"two", locked_increment, 2, 1, 0, 0};
    counting = &two;
    dpor *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    treadle_outcome outcome = execute(state, 0, run_counted);
    cr_assert_eq(outcome.kind, TREADLE_OUTCOME_PASSED);
    state->exceeded = "a test";
    outcome = execute(state, 1, run_counted);
    is_limited(&outcome);
    treadle_strategy_dpor.destroy(state);
}

/* Nothing is claimed of what cannot be followed. */
Test(dpor, says_so_beyond_sixteen_threads)
{
    static const counted many = {"many", locked_increment, 20, 1, 0, 0};
    counting = &many;
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    const treadle_outcome outcome = execute(state, 0, run_counted);
    is_limited(&outcome);
    treadle_strategy_dpor.destroy(state);
}

/* ---- subjects that depend on more than the decisions -------------------------------------------
 */

static uint32_t rounds_left; /* no execution puts it back */

static void run_fewer_each_time(void *unused)
{
    (void)unused;
    counted_prepare(rounds_left);
    rounds_left -= 2;
    treadle_run_threads(2, "t", locked_increment, NULL);
}

static void lock_twice(void *unused, uint32_t index)
{
    (void)unused;
    (void)index;
    instruction_run(OP_LOCK, 0, 0);
    if (rounds_left == 4) {
        instruction_run(OP_UNLOCK, 0, 0);
    }
    instruction_run(OP_LOCK, 0, 0);
    instruction_run(OP_UNLOCK, 0, 0);
}

static void run_without_unlock_next_time(void *unused)
{
    (void)unused;
    counted_prepare(1);
    treadle_run_threads(2, "t", lock_twice, NULL);
    rounds_left--;
}

/* The second execution of a program repeats something of the first, and does something else. */
static void diverges(void (*run)(void *), const char *how)
{
    rounds_left = 4;
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    treadle_outcome outcome = execute(state, 0, run);
    cr_assert_eq(outcome.kind, TREADLE_OUTCOME_PASSED);
    outcome = execute(state, 1, run);
    cr_assert_eq(outcome.kind, TREADLE_OUTCOME_DIVERGED);
    cr_expect_str_eq(outcome.property, "nondeterminism");
    cr_expect(strstr(outcome.message, how) != NULL, "%s", outcome.message);
    treadle_strategy_dpor.destroy(state);
}

/* Who ends or waits within what it did before is not followed on another path. */
Test(dpor, tells_a_subject_that_does_something_else)
{
    diverges(run_fewer_each_time, "t-1 ends where it went on");
    diverges(run_without_unlock_next_time, "t-1 has to wait where it went on");
}
