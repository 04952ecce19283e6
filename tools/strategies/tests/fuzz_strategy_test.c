// SPDX-License-Identifier: MIT
/* That bytes are schedules: those of an execution repeat it, and so does the sequence of its
 * threads; another sequence is followed as far as it goes. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/strategies/fuzz.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/programs.h"

enum { PROGRAMS = 300 };

static treadle_decisions decisions;

static void execute(program *what, treadle_granularity granularity,
                    const treadle_strategy *strategy, void *state)
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
    const treadle_execution_options options = {.granularity = granularity};
    const treadle_program body = {program_run, what};
    treadle_outcome outcome;
    cr_assert(strategy->begin(state, 1));
    treadle_execute(&body, &options, strategy, state, &outcome);
    strategy->end(state, &outcome);
}

static void expect_same(const treadle_decisions *before, uint64_t number, const char *how)
{
    cr_assert_eq(decisions.count, before->count, "program %lu, %s: %u decisions, not %u", number,
                 how, decisions.count, before->count);
    cr_assert_arr_eq(decisions.values, before->values, before->count * sizeof before->values[0],
                     "program %lu, %s", number, how);
}

Test(fuzz, bytes_and_sequences_repeat_an_execution)
{
    static treadle_decisions walk;
    static uint8_t bytes[TREADLE_FUZZ_STEPS_MAX];
    static treadle_fuzz_log log;
    for (uint64_t number = 1; number <= PROGRAMS; number++) {
        const treadle_granularity granularity =
            (treadle_granularity)(TREADLE_GRANULARITY_AWAIT + number % 3);
        program what;
        program_generate(&what, number);
        void *random = treadle_strategy_random.create(&(treadle_strategy_options){.seed = number});
        execute(&what, granularity, &treadle_strategy_random, random);
        treadle_strategy_random.destroy(random);
        memcpy(&walk, &decisions, sizeof walk);
        cr_assert_leq(walk.count, sizeof bytes);
        for (uint32_t i = 0; i < walk.count; i++) {
            bytes[i] = (uint8_t)walk.values[i];
        }
        void *fuzz = treadle_strategy_fuzz.create(&(treadle_strategy_options){0});
        treadle_fuzz_read(fuzz, bytes, walk.count);
        treadle_fuzz_log_to(fuzz, &log);
        execute(&what, granularity, &treadle_strategy_fuzz, fuzz);
        expect_same(&walk, number, "by its bytes");
        cr_expect_eq(treadle_fuzz_asked(fuzz), walk.count);
        treadle_fuzz_log_to(fuzz, NULL);
        treadle_fuzz_follow(fuzz, &log);
        execute(&what, granularity, &treadle_strategy_fuzz, fuzz);
        expect_same(&walk, number, "by its threads");
        treadle_strategy_fuzz.destroy(fuzz);
    }
}

/* One thread writes, one reads, and the other way round. */
Test(fuzz, another_sequence_is_followed)
{
    program what = {.threads = 2, .lengths = {1, 1}, .code = {{{OP_STORE, 0}}, {{OP_LOAD, 0}}}};
    void *fuzz = treadle_strategy_fuzz.create(&(treadle_strategy_options){0});
    treadle_fuzz_log log;
    treadle_fuzz_log_to(fuzz, &log);
    execute(&what, TREADLE_GRANULARITY_SYNC, &treadle_strategy_fuzz, fuzz);
    uint32_t store = 0;
    uint32_t load = 0;
    for (uint32_t i = 0; i < log.count; i++) {
        store = log.steps[i].op.kind == TREADLE_OP_ATOMIC_STORE ? i : store;
        load = log.steps[i].op.kind == TREADLE_OP_ATOMIC_LOAD ? i : load;
    }
    cr_assert_lt(store, load, "a quiet schedule runs one thread after the other");
    cr_expect(treadle_conflict(&log.steps[store].op, &log.steps[load].op));
    treadle_fuzz_log turned = {.count = 0};
    for (uint32_t i = load - 1; i <= load; i++) { /* the reader's start and its load go first */
        turned.steps[turned.count++] = log.steps[i];
    }
    treadle_fuzz_follow(fuzz, &turned);
    execute(&what, TREADLE_GRANULARITY_SYNC, &treadle_strategy_fuzz, fuzz);
    for (uint32_t i = 0; i < log.count; i++) {
        store = log.steps[i].op.kind == TREADLE_OP_ATOMIC_STORE ? i : store;
        load = log.steps[i].op.kind == TREADLE_OP_ATOMIC_LOAD ? i : load;
    }
    cr_expect_lt(load, store);
    treadle_strategy_fuzz.destroy(fuzz);
}
