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
#include "tools/strategies/dpor.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/agreement.h"
#include "tools/strategies/tests/instructions.h"

static treadle_decisions decisions;

static void open_engine(void)
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
}

/* ---- generated programs ---------------------------------------------------------------------- */

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

/* False when the program cannot be compared. */
static bool agrees(uint64_t number)
{
    open_engine();
    program generated;
    program_generate(&generated, number);
    const agreement came_to = agreement_of(&generated, granularity_of(number));
    char text[PROGRAM_TEXT_MAX];
    program_describe(&generated, text, sizeof text);
    cr_expect_str_empty(came_to.difference, "program %lu at %s:%s: %s", number,
                        treadle_granularity_name(granularity_of(number)), text, came_to.difference);
    return came_to.comparable;
}

Test(dpor, agrees_with_depth_first_search)
{
    const uint64_t programs = from_environment("TREADLE_PROGRAMS", 300);
    uint64_t compared = 0;
    for (uint64_t i = from_environment("TREADLE_FIRST", 1); compared < programs; i++) {
        compared += agrees(i);
    }
}

/* Programs that were missed or met twice once. */
Test(dpor, agrees_where_it_did_not_once)
{
    static const uint64_t numbers[] = {200,   201,    369,    640,    696,    996,   1805,
                                       3021,  3084,   4421,   6325,   6601,   6728,  8108,
                                       10264, 13084,  13171,  14513,  28737,  41025, 45108,
                                       87932, 144965, 160331, 283958, 284512, 385817};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        agrees(numbers[i]);
    }
}

/* ---- counted programs ------------------------------------------------------------------------ */

typedef struct counted {
    const char *name;
    counted_program *run;
    uint32_t threads;
    uint32_t times;
    uint64_t traces;
} counted;

static const counted *counting;

static void run_counted(void *unused)
{
    (void)unused;
    counted_prepare(counting->times);
    treadle_run_threads(counting->threads, "t", counting->run, NULL);
}

static treadle_dpor_counts count_traces(const counted *what)
{
    open_engine();
    counting = what;
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
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

/* The counts that established stateless model checkers come to, and those that can be derived. */
Test(dpor, executes_each_trace_once)
{
    static const counted all[] = {
        {"counter, 2", counter, 2, 1, 4},
        {"counter, 3", counter, 3, 1, 36},
        {"counter, 4", counter, 4, 1, 576},
        {"check_then_act, 2", check_then_act, 2, 1, 6},
        {"check_then_act, 3", check_then_act, 3, 1, 66},
        {"check_then_act, 4", check_then_act, 4, 1, 1176},
        {"locked_increment, 2", locked_increment, 2, 1, 2},
        {"locked_increment, 5", locked_increment, 5, 1, 120},
        {"locked_increment, 7", locked_increment, 7, 1, 5040},
        {"locked_increment, 3 by 4", locked_increment, 3, 4, 34650},
        {"last_zero, 7 writers", last_zero, 8, 7, 320},
        {"last_zero, 9 writers", last_zero, 10, 9, 1536},
        {"out_of_order", out_of_order, 3, 1, 7},
        {"readers, 5", readers, 6, 1, 32},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const treadle_dpor_counts counts = count_traces(&all[i]);
        cr_expect_eq(counts.executions, all[i].traces, "%s: %lu, not %lu", all[i].name,
                     counts.executions, all[i].traces);
        cr_expect_eq(counts.redundant, 0, "%s: %lu redundant", all[i].name, counts.redundant);
    }
}

/* ---- waiting by trying again ----------------------------------------------------------------- */

enum { ENDS_MAX = 64 };

typedef struct ends {
    uint32_t count;
    uint64_t states[ENDS_MAX];
    uint64_t executions;
} ends;

static ends ends_of(const counted *what, const treadle_strategy *strategy, void *state)
{
    open_engine();
    counting = what;
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_MEMORY};
    const treadle_program body = {run_counted, NULL};
    ends found = {0};
    for (uint64_t i = 0; strategy->begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_execute(&body, &options, strategy, state, &outcome);
        strategy->end(state, &outcome);
        if (outcome.kind == TREADLE_OUTCOME_REDUNDANT) {
            continue;
        }
        cr_assert_eq(outcome.kind, TREADLE_OUTCOME_PASSED, "%s: %s", what->name, outcome.message);
        found.executions++;
        const uint64_t came_to = counted_state();
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

Test(dpor, spinners_end_as_they_can)
{
    static const counted all[] = {
        {"spins", spins, 3, 1, 0},
        {"spins, one other", spins, 2, 2, 0},
        {"yields", yields, 2, 2, 0},
        {"sleeps", sleeps, 2, 2, 0},
        {"spins_twice", spins_twice, 2, 1, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const treadle_strategy_options none = {0};
        const ends every =
            ends_of(&all[i], &treadle_strategy_dfs, treadle_strategy_dfs.create(&none));
        const ends reduced =
            ends_of(&all[i], &treadle_strategy_dpor, treadle_strategy_dpor.create(&none));
        cr_expect_eq(reduced.count, every.count, "%s: %u ends, not %u", all[i].name, reduced.count,
                     every.count);
        cr_expect_lt(reduced.executions, every.executions, "%s", all[i].name);
        for (uint32_t j = 0; j < every.count; j++) {
            bool there = false;
            for (uint32_t k = 0; k < reduced.count; k++) {
                there |= reduced.states[k] == every.states[j];
            }
            cr_expect(there, "%s: an end is missing", all[i].name);
        }
    }
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* The decisions of an execution repeat it, whatever strategy made them. */
Test(dpor, decisions_repeat_an_execution)
{
    open_engine();
    static treadle_decisions kept;
    for (uint64_t number = 1; number <= 40; number++) {
        program generated;
        program_generate(&generated, number);
        void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
        treadle_execution_options options = {.granularity = granularity_of(number)};
        const treadle_program body = {program_run, &generated};
        for (uint64_t i = 0; i < 50 && treadle_strategy_dpor.begin(state, i); i++) {
            treadle_outcome outcome;
            treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
            treadle_strategy_dpor.end(state, &outcome);
            if (outcome.kind == TREADLE_OUTCOME_REDUNDANT) {
                continue;
            }
            memcpy(&kept, &decisions, sizeof kept);
            const uint64_t came_to = program_state(&generated, &outcome);
            const treadle_strategy_options replay = {
                .replay = kept.values, .replay_count = kept.count, .replay_strict = true};
            void *again = treadle_strategy_replay.create(&replay);
            treadle_outcome repeated;
            treadle_strategy_replay.begin(again, 0);
            treadle_execute(&body, &options, &treadle_strategy_replay, again, &repeated);
            treadle_strategy_replay.end(again, &repeated);
            treadle_strategy_replay.destroy(again);
            cr_assert_eq(repeated.kind, outcome.kind, "%lu: %s", number, repeated.message);
            cr_assert_eq(program_state(&generated, &repeated), came_to, "program %lu", number);
        }
        treadle_strategy_dpor.destroy(state);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Nothing is claimed of what cannot be followed. */
Test(dpor, says_so_beyond_sixteen_threads)
{
    static const counted many = {"many", locked_increment, 20, 1, 0};
    open_engine();
    counting = &many;
    void *state = treadle_strategy_dpor.create(&(treadle_strategy_options){0});
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_SYNC};
    const treadle_program body = {run_counted, NULL};
    treadle_outcome outcome;
    cr_assert(treadle_strategy_dpor.begin(state, 0));
    treadle_execute(&body, &options, &treadle_strategy_dpor, state, &outcome);
    treadle_strategy_dpor.end(state, &outcome);
    cr_expect_eq(outcome.kind, TREADLE_OUTCOME_CUT);
    cr_expect_str_eq(outcome.property, "dpor-limit");
    treadle_strategy_dpor.destroy(state);
}
