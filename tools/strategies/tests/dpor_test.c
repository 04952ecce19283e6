// SPDX-License-Identifier: MIT
/* That `dpor` executes each trace once, and misses none: against published counts, and against a
 * depth-first search over every interleaving of generated programs, by hashes of traces. What two
 * executions with the same hash leave behind must be the same, too: or a footprint is incomplete.
 *
 * TREADLE_PROGRAMS=100000 in the environment tests so many programs instead of 300. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/strategies/dpor.h"
#include "tools/strategies/order.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/instructions.h"

static treadle_decisions decisions;

/* ---- a depth-first search that sees footprints ----------------------------------------------- */

typedef struct branch {
    uint16_t value;
    uint16_t count;
} branch;

typedef struct tracer {
    treadle_step_pool *pool;
    treadle_order *order;
    const treadle_footprint *footprint;
    treadle_gate gate;
    uint32_t thread;
    bool running;
    uint32_t value_count;
    treadle_step_value values[64];
    uint32_t depth;
    uint32_t recorded;
    branch path[4096];
} tracer;

static uint32_t next_option(tracer *self, uint32_t count)
{
    const uint32_t depth = self->depth++;
    cr_assert_lt(depth, 4096);
    if (depth == self->recorded) {
        self->path[self->recorded++] = (branch){0, (uint16_t)count};
    }
    cr_assert_eq(self->path[depth].count, count);
    return self->path[depth].value;
}

static void finish_step(tracer *self)
{
    treadle_executed *step =
        treadle_executed_new(self->pool, self->thread, self->footprint->touches,
                             self->footprint->count, self->values, self->value_count);
    cr_assert(treadle_order_append(self->order, step, self->gate, self->footprint->released));
    self->running = false;
}

static bool tracer_begin(void *context, uint64_t execution)
{
    tracer *self = context;
    treadle_order_cut(self->order, 0);
    self->depth = 0;
    self->running = false;
    while (execution > 0 && self->recorded > 0) {
        branch *last = &self->path[self->recorded - 1];
        if (++last->value < last->count) {
            return true;
        }
        self->recorded--;
    }
    return execution == 0;
}

static uint32_t tracer_choose(void *context, const treadle_choice *choice)
{
    tracer *self = context;
    const uint32_t value = next_option(self, choice->count);
    cr_assert_lt(self->value_count, 64);
    self->values[self->value_count++] = (treadle_step_value){(uint16_t)value, (uint16_t)choice->count};
    return value;
}

static uint32_t tracer_step(void *context, const treadle_step *now)
{
    tracer *self = context;
    self->footprint = now->footprint;
    if (self->running) {
        finish_step(self);
    }
    if (now->stuck) {
        treadle_order_join_all(self->order);
    }
    uint64_t left = now->enabled;
    if (left & (left - 1)) {
        for (uint32_t skip = next_option(self, (uint32_t)__builtin_popcountll(left)); skip; skip--) {
            left &= left - 1;
        }
    }
    self->thread = (uint32_t)__builtin_ctzll(left);
    self->gate = treadle_gate_of(self->thread);
    self->value_count = 0;
    self->running = true;
    return self->thread;
}

static void tracer_end(void *context, const treadle_outcome *outcome)
{
    (void)outcome;
    tracer *self = context;
    if (self->running) {
        finish_step(self);
    }
}

static void tracer_plan(void *context, treadle_plan *plan)
{
    (void)context;
    (void)plan;
}

static const treadle_strategy tracer_strategy = {
    .name = "tracer",
    .begin = tracer_begin,
    .choose = tracer_choose,
    .end = tracer_end,
    .plan = tracer_plan,
    .step = tracer_step,
};

/* ---- programs -------------------------------------------------------------------------------- */

enum { THREADS_MAX = 4, LENGTH_MAX = 6 };

typedef struct instruction {
    opcode code;
    uint32_t place;
} instruction;

typedef struct program {
    uint32_t threads;
    uint32_t lengths[THREADS_MAX];
    instruction code[THREADS_MAX][LENGTH_MAX];
} program;

static program current;
static uint32_t registers[THREADS_MAX];

static void run_thread(void *unused, uint32_t index)
{
    (void)unused;
    registers[index] = 0;
    uint64_t held = 0;
    for (uint32_t i = 0; i < current.lengths[index]; i++) {
        const instruction *at = &current.code[index][i];
        const uint64_t bit = UINT64_C(1) << at->place;
        if (at->code == OP_DECIDE) {
            registers[index] += treadle_decide(TREADLE_CHOICE_RANDOM, 2 + at->place % 2);
        } else if (at->code == OP_SKIP) {
            i += registers[index] & 1;
        } else if (at->code == OP_LOCK && (held & bit)) {
            registers[index] = instruction_run(OP_UNLOCK, at->place, registers[index]);
            held &= ~bit;
        } else {
            held |= at->code == OP_LOCK ? bit : 0;
            registers[index] = instruction_run(at->code, at->place, registers[index]);
        }
    }
    for (uint32_t place = 0; place < PLACES; place++) {
        if (held >> place & 1) {
            instruction_run(OP_UNLOCK, place, 0);
        }
    }
}

static void run_program(void *unused)
{
    (void)unused;
    memset(registers, 0, sizeof registers);
    instructions_prepare();
    treadle_run_threads(current.threads, "t", run_thread, NULL);
}

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % limit);
}

/* Half of the programs use few kinds of instructions, so that they meet. */
static void generate(uint64_t number)
{
    random_state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (uint32_t i = 0; i < 4; i++) {
        below(2);
    }
    opcode kinds[3];
    for (uint32_t i = 0; i < 3; i++) {
        kinds[i] = (opcode)below(OPCODES);
    }
    const uint32_t narrow = below(2);
    const uint32_t places = 1 + below(PLACES);
    current.threads = 2 + below(THREADS_MAX - 1);
    const uint32_t length = current.threads == 2 ? 5 : current.threads == 3 ? 3 : 2;
    for (uint32_t t = 0; t < current.threads; t++) {
        current.lengths[t] = 1 + below(length);
        for (uint32_t i = 0; i < current.lengths[t]; i++) {
            opcode code = narrow && below(4) ? kinds[below(3)] : (opcode)below(OPCODES);
            code = code == OP_UNLOCK ? OP_LOCK : code;
            current.code[t][i] = (instruction){code, below(places)};
        }
    }
}

/* ---- exploring ------------------------------------------------------------------------------- */

enum { SEEN_MAX = 1 << 17, EXECUTIONS_MAX = 20000 };

typedef struct seen {
    uint64_t hash;  /* 0 = free */
    uint64_t state; /* what the execution left */
    uint32_t times;
} seen;

typedef struct traces {
    uint64_t executions;
    bool complete;
    uint32_t count;
    uint64_t spin_blocks;
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

static void note(traces *self, uint64_t hash, const treadle_outcome *outcome)
{
    uint64_t state = instructions_state() + outcome->kind;
    for (uint32_t i = 0; i < current.threads; i++) {
        state = state * 1000003 + registers[i];
    }
    for (const char *c = outcome->property; *c; c++) {
        state = state * 31 + (uint8_t)*c;
    }
    seen *entry = find(self, hash);
    if (entry->hash == 0) {
        *entry = (seen){.hash = hash, .state = state};
        self->count++;
    }
    entry->times++;
    cr_expect_eq(entry->state, state, "equal traces end differently");
}

static void explore(traces *self, const treadle_strategy *strategy, void *state,
                    treadle_granularity granularity,
                    uint64_t (*hash)(const void *state))
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
    memset(self, 0, sizeof *self);
    const treadle_execution_options options = {.granularity = granularity};
    const treadle_program body = {run_program, NULL};
    for (uint64_t i = 0; i < EXECUTIONS_MAX; i++) {
        if (!strategy->begin(state, i)) {
            self->complete = true;
            return;
        }
        treadle_outcome outcome;
        treadle_execute(&body, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        self->spin_blocks += outcome.spin_blocks;
        if (outcome.kind != TREADLE_OUTCOME_REDUNDANT) {
            self->executions++;
            note(self, hash(state), &outcome);
        }
        cr_assert(outcome.kind == TREADLE_OUTCOME_PASSED ||
                      outcome.kind == TREADLE_OUTCOME_REDUNDANT ||
                      strcmp(outcome.property, "deadlock") == 0 ||
                      strcmp(outcome.property, "lock-leak") == 0,
                  "%d %s %s", (int)outcome.kind, outcome.property, outcome.message);
    }
}

static uint64_t tracer_hash(const void *state)
{
    return treadle_order_hash(((const tracer *)state)->order);
}

static void explore_all(traces *self, treadle_granularity granularity)
{
    static tracer searcher;
    memset(&searcher, 0, sizeof searcher);
    searcher.pool = treadle_step_pool_create();
    searcher.order = treadle_order_create(searcher.pool);
    explore(self, &tracer_strategy, &searcher, granularity, tracer_hash);
    treadle_order_destroy(searcher.order);
    treadle_step_pool_destroy(searcher.pool);
}

static void explore_reduced(traces *self, treadle_granularity granularity)
{
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    explore(self, &treadle_strategy_dpor, state, granularity, treadle_dpor_trace_hash);
    self->counts = treadle_dpor_counted(state);
    treadle_strategy_dpor.destroy(state);
}

static void describe(char *text, size_t size)
{
    static const char *const names[] = {
        "read",      "write",  "load",      "store",   "add",     "cas",       "lock",
        "unlock",    "try",    "timedlock", "wait",    "timedwait", "signal",  "broadcast",
        "post",      "take",   "trytake",   "timedtake", "rd",    "wr",        "barrier",
        "once",      "clock",  "fork",      "cancel",  "decide",  "skip",
    };
    size_t used = 0;
    for (uint32_t t = 0; t < current.threads; t++) {
        for (uint32_t i = 0; i < current.lengths[t] && used < size; i++) {
            used += (size_t)snprintf(text + used, size - used, "%s%s %u", i ? "; " : " | ",
                                     names[current.code[t][i].code], current.code[t][i].place);
        }
    }
}

static uint64_t redundant_total;

/* False when the program has too many interleavings. */
static bool agree(uint64_t number, treadle_granularity granularity)
{
    static traces all;
    static traces reduced;
    generate(number);
    explore_all(&all, granularity);
    if (!all.complete) {
        return false;
    }
    explore_reduced(&reduced, granularity);
    char text[1000];
    describe(text, sizeof text);
    cr_expect(reduced.complete);
    redundant_total += reduced.counts.redundant;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        missing += all.table[i].hash != 0 && find(&reduced, all.table[i].hash)->hash == 0;
    }
    cr_expect_eq(missing, 0, "program %lu at %s:%s: %u of %u traces are missing (%lu executions)",
                 number, treadle_granularity_name(granularity), text, missing, all.count,
                 all.executions);
    cr_expect_eq(reduced.executions, reduced.count,
                 "program %lu at %s:%s: %lu executions for %u traces", number,
                 treadle_granularity_name(granularity), text, reduced.executions, reduced.count);
    cr_expect_eq(reduced.count + missing, all.count, "program %lu: traces that do not exist:%s", number,
                 text);
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

Test(dpor, agrees_with_depth_first_search)
{
    const char *wanted = getenv("TREADLE_PROGRAMS");
    const uint64_t programs = wanted != NULL ? strtoull(wanted, NULL, 10) : 300;
    uint64_t compared = 0;
    for (uint64_t i = 1; compared < programs; i++) {
        compared += agree(i, granularity_of(i));
    }
    fprintf(stderr, "%lu redundant\n", redundant_total);
}
