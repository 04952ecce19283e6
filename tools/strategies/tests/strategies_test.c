// SPDX-License-Identifier: MIT
/* What strategies promise: distributions that can be computed by hand, guarantees, estimates; and
 * that they depend on their seed alone. All samples are of fixed seeds: a test passes always or
 * never. At memory granularity a thread's start is no step. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/engine/engine.h"
#include "tools/strategies/strategies.h"
#include "tools/strategies/tests/subject.h"

enum { HISTORIES_MAX = 64, EXECUTIONS = 24000 };

/* ---- running --------------------------------------------------------------------------------- */

static treadle_decisions decisions;
static uint64_t history; /* a digit to the base 4 for each call of ran(), after a leading 1 */

void ran(uint32_t what)
{
    history = history * 4 + what;
}

uint32_t another_decision(void)
{
    return treadle_decide(TREADLE_CHOICE_RANDOM, 2);
}

typedef struct program {
    subject *body;
    uint32_t threads;
} program;

static void run_program(void *argument)
{
    const program *self = argument;
    history = 1;
    prepare();
    treadle_run_threads(self->threads, "t", self->body, NULL);
}

typedef struct sampling {
    const char *strategy;
    subject *body;
    uint32_t threads;
    uint64_t executions;
    treadle_strategy_options options;

    /* What came out. */
    uint64_t count;               /* of executions */
    uint64_t hash;                /* of all decisions */
    uint32_t histories;           /* how many different ones, the first HISTORIES_MAX */
    uint64_t seen[HISTORIES_MAX]; /* those, */
    uint64_t times[HISTORIES_MAX];
    uint32_t decisions_max;
    treadle_guarantee guarantee;
    treadle_estimate estimate;
} sampling;

static void note_history(sampling *self)
{
    uint32_t i = 0;
    while (i < self->histories && self->seen[i] != history) {
        i++;
    }
    if (i == self->histories && i < HISTORIES_MAX) {
        self->seen[self->histories++] = history;
    }
    if (i < HISTORIES_MAX) {
        self->times[i]++;
    }
}

static void execute(const sampling *self, const treadle_strategy *strategy, void *state,
                    treadle_trace *trace, treadle_outcome *outcome)
{
    static bool opened;
    if (!opened) {
        cr_assert_eq(treadle_engine_open(&decisions), 0);
        opened = true;
    }
    program body = {self->body, self->threads};
    const treadle_program run = {run_program, &body};
    const treadle_execution_options options = {.granularity = TREADLE_GRANULARITY_MEMORY,
                                               .trace = trace};
    treadle_execute(&run, &options, strategy, state, outcome);
    strategy->end(state, outcome);
    cr_assert_eq(outcome->kind, TREADLE_OUTCOME_PASSED, "%s", outcome->message);
}

static void sample(sampling *self)
{
    const treadle_strategy *strategy = treadle_strategy_find(self->strategy);
    void *state = strategy->create(&self->options);
    self->hash = 1;
    while (self->count < self->executions && strategy->begin(state, self->count)) {
        treadle_outcome outcome;
        execute(self, strategy, state, NULL, &outcome);
        for (uint32_t i = 0; i < decisions.count; i++) {
            self->hash = (self->hash ^ decisions.values[i]) * UINT64_C(0x100000001b3);
        }
        self->decisions_max =
            decisions.count > self->decisions_max ? decisions.count : self->decisions_max;
        if (self->count++ >= strategy->learning) {
            note_history(self);
        }
    }
    if (strategy->guarantee != NULL) {
        strategy->guarantee(state, &self->guarantee);
    }
    if (strategy->estimate != NULL) {
        strategy->estimate(state, &self->estimate);
    }
    strategy->destroy(state);
}

static uint64_t times(const sampling *self, const char *order)
{
    uint64_t wanted = 1;
    for (; *order != '\0'; order++) {
        wanted = wanted * 4 + (uint64_t)(*order - '0');
    }
    for (uint32_t i = 0; i < self->histories; i++) {
        if (self->seen[i] == wanted) {
            return self->times[i];
        }
    }
    return 0;
}

/* Within four standard deviations of what `share` of `of` executions would be. */
static void expect_share(const sampling *self, const char *order, double share, double of)
{
    const double deviation = sqrt(of * share * (1 - share));
    const double got = (double)times(self, order);
    cr_expect_leq(fabs(got - of * share), 4 * deviation, "%s: %s in %.4f of executions, not %.4f",
                  self->strategy, order, got / of, share);
}

static sampling sampled(const char *strategy, subject *body, uint32_t threads)
{
    sampling self = {.strategy = strategy,
                     .body = body,
                     .threads = threads,
                     .executions = EXECUTIONS,
                     .options = {.seed = 1}};
    sample(&self);
    return self;
}

/* ---- partial order sampling ------------------------------------------------------------------ */

Test(pos, an_independent_step_before_a_race)
{
    /* Thread 0's step goes first with 1/2, the race with it is then against the smaller of two
     * priorities: 1/2 × 2/3. A random walk comes to 1/4. */
    const sampling pos = sampled("pos", step_then_race, 2);
    expect_share(&pos, "01", 1.0 / 3, EXECUTIONS);
    expect_share(&pos, "10", 2.0 / 3, EXECUTIONS);
    const sampling walk = sampled("random", step_then_race, 2);
    expect_share(&walk, "01", 1.0 / 4, EXECUTIONS);
}

Test(pos, what_races_gets_a_new_priority)
{
    /* Each race is a fair one: without a new draw the loser would lose again with 2/3. */
    const sampling writes = sampled("pos", two_against_one, 2);
    expect_share(&writes, "100", 1.0 / 2, EXECUTIONS);
    expect_share(&writes, "010", 1.0 / 4, EXECUTIONS);
    expect_share(&writes, "001", 1.0 / 4, EXECUTIONS);
    const sampling locks = sampled("pos", locks_against_one, 2);
    expect_share(&locks, "100", 1.0 / 2, EXECUTIONS);
    expect_share(&locks, "010", 1.0 / 4, EXECUTIONS);
    expect_share(&locks, "001", 1.0 / 4, EXECUTIONS);
}

Test(pos, what_does_not_race_keeps_its_priority)
{
    const sampling reads = sampled("pos", reads_against_one, 2);
    expect_share(&reads, "100", 1.0 / 2, EXECUTIONS);
    expect_share(&reads, "010", 1.0 / 6, EXECUTIONS);
    expect_share(&reads, "001", 1.0 / 3, EXECUTIONS);
}

Test(pos, what_ran_without_a_choice_gives_its_priority_up)
{
    /* Thread 0 steps first, then waits; thread 1 runs alone until it posts. From then on all
     * priorities are fresh: of 0's two operations both must come before 1's one, 1/3. */
    const sampling pos = sampled("pos", forced_between, 2);
    const double of = (double)(times(&pos, "0101") + times(&pos, "0110"));
    cr_assert_gt(of, 5000);
    expect_share(&pos, "0101", 1.0 / 3, of);
}

/* ---- selectively uniform random walk --------------------------------------------------------- */

/* Of `cells` equally likely histories. */
static double chi_square(const sampling *self, uint32_t cells)
{
    const double wanted =
        (double)(self->count - treadle_strategy_find(self->strategy)->learning) / cells;
    double sum = (double)(cells - self->histories) * wanted;
    for (uint32_t i = 0; i < self->histories; i++) {
        const double difference = (double)self->times[i] - wanted;
        sum += difference * difference / wanted;
    }
    return sum;
}

Test(surw, orders_of_what_is_shared_are_equally_likely)
{
    /* 6!/(2! 4!) = 15 orders; 99.9 % of chi-square with 14 degrees of freedom are below 36.1. */
    const sampling surw = sampled("surw", uneven, 2);
    cr_assert_eq(surw.histories, 15);
    cr_expect_lt(chi_square(&surw, 15), 36.1, "chi-square is %.1f", chi_square(&surw, 15));
    const sampling walk = sampled("random", uneven, 2);
    cr_expect_gt(chi_square(&walk, 15), 1000, "a random walk is far from it");
}

Test(surw, a_creator_counts_for_what_it_will_create)
{
    /* 3! orders, 5 degrees of freedom. */
    const sampling surw = sampled("surw", creator, 2);
    cr_assert_eq(surw.histories, 6);
    cr_expect_lt(chi_square(&surw, 6), 20.5, "chi-square is %.1f", chi_square(&surw, 6));
}

Test(surw, what_ran_without_a_choice_is_behind)
{
    /* One step among three, 3 degrees of freedom. */
    const sampling surw = sampled("surw", alone_at_first, 1);
    cr_assert_eq(surw.histories, 4);
    cr_expect_lt(chi_square(&surw, 4), 16.3, "chi-square is %.1f", chi_square(&surw, 4));
}

Test(surw, every_interleaving_stays_possible)
{
    cr_expect_eq(sampled("surw", locks_against_one, 2).histories, 3);
    cr_expect_eq(sampled("surw", held_back, 3).histories, 30); /* 5!/(2! 2!) */
    /* Nothing is shared that anybody writes: a random walk. */
    const sampling reads = sampled("surw", reads_against_one, 2);
    expect_share(&reads, "100", 1.0 / 2, EXECUTIONS - 4);
    expect_share(&reads, "001", 1.0 / 4, EXECUTIONS - 4);
}

/* ---- probabilistic concurrency testing ------------------------------------------------------- */

static sampling pct_sampled(subject *body, uint32_t threads, uint32_t depth)
{
    sampling self = {.strategy = "pct",
                     .body = body,
                     .threads = threads,
                     .executions = EXECUTIONS,
                     .options = {.seed = 1, .pct_depth = depth}};
    sample(&self);
    return self;
}

/* At least so often, less four standard deviations. */
static void expect_at_least(uint64_t got, double share)
{
    const double deviation = sqrt(EXECUTIONS * share * (1 - share));
    cr_expect_geq((double)got, EXECUTIONS * share - 4 * deviation, "%llu, not at least %.1f",
                  (unsigned long long)got, EXECUTIONS * share);
}

Test(pct, keeps_its_guarantee)
{
    /* Of depth 3: threads 0 and 1 have each done one step, then thread 2 does its own, then one of
     * them before the other, whichever was held back first. */
    const sampling deep = pct_sampled(held_back, 3, 3);
    const treadle_guarantee *given = &deep.guarantee;
    cr_assert_eq(given->depth, 3);
    cr_assert_eq(given->threads, 3);
    cr_assert_eq(given->decisions, deep.decisions_max);
    const double places = given->decisions + 2;
    const double found = 1 / (3 * places * places);
    cr_expect_float_eq(given->missed, pow(1 - found, (double)given->executions), 1e-12);
    expect_at_least(times(&deep, "01210") + times(&deep, "10210"), found);
    expect_at_least(times(&deep, "01201") + times(&deep, "10201"), found);
    /* What is held back first stays back longest, or shortest: neither is left out. */
    expect_at_least(times(&deep, "01210"), found / 2);
    expect_at_least(times(&deep, "01201"), found / 2);
    const sampling shallow = pct_sampled(held_back, 3, 2);
    cr_expect_eq(times(&shallow, "01210") + times(&shallow, "10210"), 0,
                 "one change is not enough");
}

Test(pct, counts_only_executions_that_its_k_covers)
{
    /* All are as long, and the first is for learning. */
    const sampling even = pct_sampled(two_against_one, 2, 2);
    cr_expect_eq(even.guarantee.threads, 2);
    cr_expect_leq(even.guarantee.executions, EXECUTIONS - 1);
    cr_expect_gt(even.guarantee.executions, EXECUTIONS - 100);
    cr_expect_not(even.guarantee.order_only);
    /* Told too little, it learns better, and what ran until then does not count. */
    sampling told = {.strategy = "pct",
                     .body = three_each,
                     .threads = 3,
                     .executions = 2,
                     .options = {.seed = 1, .pct_depth = 2, .length_hint = 1}};
    sample(&told);
    cr_expect_eq(told.guarantee.executions, 1);
    told = (sampling){.strategy = "pct",
                      .body = three_each,
                      .threads = 3,
                      .executions = 2,
                      .options = {.seed = 1, .pct_depth = 2, .length_hint = 100}};
    sample(&told);
    cr_expect_eq(told.guarantee.executions, 2);
    cr_expect_eq(told.guarantee.decisions, 100);
    cr_expect_float_eq(told.guarantee.missed, pow(1 - 1 / (3 * 101.0), 2), 1e-12);
}

Test(pct, what_ran_with_too_small_a_k_no_longer_counts)
{
    /* Without changes: one decision when thread 1 comes first, two when it comes last. */
    uint64_t n = 0;
    treadle_guarantee before;
    treadle_guarantee given = {0};
    do {
        sampling growing = {.strategy = "pct",
                            .body = two_against_one,
                            .threads = 2,
                            .executions = ++n,
                            .options = {.seed = 3, .pct_depth = 1, .length_hint = 1}};
        sample(&growing);
        before = given;
        given = growing.guarantee;
    } while (given.decisions == 1 && n < 20);
    cr_assert_eq(given.decisions, 2);
    cr_assert_gt(before.executions, 0, "another seed, please");
    cr_expect_eq(given.executions, 0);
}

Test(pct, says_when_other_decisions_were_made)
{
    cr_expect(pct_sampled(decides, 2, 2).guarantee.order_only);
}

Test(mixed, has_the_evidence_of_both)
{
    const sampling both = sampled("mixed", three_each, 3);
    cr_expect_leq(both.guarantee.executions, EXECUTIONS / 2 - 1);
    cr_expect_gt(both.guarantee.executions, EXECUTIONS / 2 - 100);
    cr_expect_eq(both.estimate.paths, EXECUTIONS / 2);
}

/* ---- how large, how far ---------------------------------------------------------------------- */

Test(estimate, is_exact_where_all_paths_branch_alike)
{
    const sampling even = sampled("random", one_each, 2);
    cr_expect_eq(even.estimate.paths, EXECUTIONS);
    cr_expect_eq(even.estimate.interleavings, 2);
    cr_expect_eq(even.estimate.spread, 0);
}

Test(estimate, is_near_the_closed_form)
{
    /* 9!/(3!)^3 */
    const sampling walk = sampled("random", three_each, 3);
    cr_expect_gt(walk.estimate.spread, 1);
    cr_expect_lt(walk.estimate.spread, 20);
    cr_expect_leq(fabs(walk.estimate.interleavings - 1680), 4 * walk.estimate.spread,
                  "%.1f give or take %.1f", walk.estimate.interleavings, walk.estimate.spread);
}

Test(progress, of_dfs_is_the_weight_behind_it)
{
    const treadle_strategy *strategy = &treadle_strategy_dfs;
    const sampling two = {.body = one_each, .threads = 2};
    const sampling many = {.body = three_each, .threads = 3};
    const treadle_strategy_options none = {0};
    treadle_outcome outcome;
    void *state = strategy->create(&none);
    cr_expect_eq(strategy->progress(state), 0);
    strategy->begin(state, 0);
    execute(&two, strategy, state, NULL, &outcome);
    cr_expect_eq(strategy->progress(state), 0.5);
    strategy->begin(state, 1);
    execute(&two, strategy, state, NULL, &outcome);
    cr_expect_eq(strategy->progress(state), 1);
    cr_expect_not(strategy->begin(state, 2));
    strategy->destroy(state);

    state = strategy->create(&none);
    double before = 0;
    uint64_t count = 0;
    for (; strategy->begin(state, count); count++) {
        execute(&many, strategy, state, NULL, &outcome);
        const double share = strategy->progress(state);
        cr_expect_gt(share, before);
        before = share;
        /* A third of the interleavings begin with each thread. */
        if (count + 1 == 1680 / 3) {
            cr_expect_float_eq(share, 1.0 / 3, 1e-12);
        }
    }
    cr_expect_eq(count, 1680);
    cr_expect_eq(before, 1);
    strategy->destroy(state);
}

/* ---- within a bound ----------------------------------------------------------------------------
 */

typedef struct within {
    uint64_t executions; /* not repeated */
    uint64_t repeated;
    uint64_t streams; /* a sum of hashes of their decisions */
    treadle_bound bound;
} within;

/* With `most` preemptions or delays; all of them when negative. */
static within explore_within(const char *name, subject *body, uint32_t threads, int most)
{
    const treadle_strategy *strategy = treadle_strategy_find(name);
    const treadle_strategy_options options = {.bound_limit = (uint32_t)(most + 1)};
    const sampling run = {.body = body, .threads = threads};
    void *state = strategy->create(&options);
    within out = {0};
    for (uint64_t i = 0; strategy->begin(state, i); i++) {
        treadle_outcome outcome;
        treadle_bound before = {0};
        if (strategy->bound != NULL) {
            strategy->bound(state, &before);
        }
        execute(&run, strategy, state, NULL, &outcome);
        if (strategy->repeated != NULL && strategy->repeated(state)) {
            out.repeated++;
            continue;
        }
        if (strcmp(name, "preemptions") == 0) {
            cr_expect_eq(outcome.preemptions, before.bounds, "the engine counts %u, not %u",
                         outcome.preemptions, before.bounds);
        }
        uint64_t hash = 1;
        for (uint32_t d = 0; d < decisions.count; d++) {
            hash = (hash ^ decisions.values[d]) * UINT64_C(0x100000001b3);
        }
        out.streams += hash * hash;
        out.executions++;
    }
    if (strategy->bound != NULL) {
        strategy->bound(state, &out.bound);
    }
    strategy->destroy(state);
    return out;
}

static void expect_within(const char *name, subject *body, uint32_t threads, const uint64_t *counts,
                          uint32_t bounds)
{
    for (uint32_t most = 0; most < bounds; most++) {
        const within got = explore_within(name, body, threads, (int)most);
        cr_expect_eq(got.executions, counts[most], "%s: %lu within %u, not %lu", name,
                     got.executions, most, counts[most]);
        cr_expect_eq(got.bound.bounds, most + 1);
        cr_expect_eq(got.bound.executions, counts[most]);
        cr_expect_eq(got.bound.whole, most + 1 == bounds);
        /* Each bound runs those of the smaller ones again. */
        uint64_t again = 0;
        for (uint32_t less = 0; less < most; less++) {
            again += counts[less];
        }
        cr_expect_eq(got.repeated, again);
    }
    const within got = explore_within(name, body, threads, -1);
    cr_expect_eq(got.bound.bounds, bounds);
    cr_expect(got.bound.whole, "it goes on until nothing is left");
    cr_expect_eq(got.executions, counts[bounds - 1]);
}

/* Two threads of three steps: with p preemptions, p + 2 blocks in turns; the ways to cut the steps
 * into blocks are 2, 4, 8, 4 and 2. */
Test(preemptions, are_counted_by_hand)
{
    static const uint64_t two[] = {2, 6, 14, 18, 20};
    expect_within("preemptions", three_each, 2, two, 5);
    /* Three threads: 3! orders; one of them cut in two places, and something in between: 3 * 2 *
     * (4!/2 - 3!). */
    cr_expect_eq(explore_within("preemptions", three_each, 3, 0).executions, 6);
    cr_expect_eq(explore_within("preemptions", three_each, 3, 1).executions, 6 + 36);
}

/* The other thread, put where the fixed schedule is left; and again from there. */
Test(delays, are_counted_by_hand)
{
    static const uint64_t two[] = {1, 4, 10, 16, 19, 20};
    expect_within("delays", three_each, 2, two, 6);
    /* One, two or three of three threads left out at the first step, and so on. */
    cr_expect_eq(explore_within("delays", one_each, 3, 0).executions, 1);
    cr_expect_eq(explore_within("delays", one_each, 3, 1).executions, 3);
    cr_expect_eq(explore_within("delays", one_each, 3, -1).executions, 6);
}

Test(preemptions, what_waits_is_left_for_nothing)
{
    /* Awake at one step each, between two naps: every interleaving of the steps. */
    cr_expect_eq(explore_within("preemptions", naps, 2, 0).bound.whole, false);
    sampling free_of_charge = {.strategy = "preemptions",
                               .body = naps,
                               .threads = 2,
                               .executions = EXECUTIONS,
                               .options = {.bound_limit = 1}};
    sample(&free_of_charge);
    cr_expect_eq(free_of_charge.histories, 6);
    /* It waits, and goes on by the timeout; or by the post, which comes after that; or before. */
    cr_expect_eq(explore_within("preemptions", waits_briefly, 2, 0).executions, 3);
}

/* Other decisions than those of threads are all made at every bound. */
Test(preemptions, other_decisions_cost_nothing)
{
    cr_expect_eq(explore_within("preemptions", decides, 2, 0).executions, 8);
    cr_expect_eq(explore_within("delays", decides, 2, 0).executions, 4);
}

Test(bounded, without_a_bound_are_depth_first_search)
{
    static subject *const bodies[] = {three_each, held_back, locks_against_one, creator,
                                      decides,    naps,      waits_briefly,     forced_between};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const uint32_t threads = i < 2 ? 3 : 2;
        const within all = explore_within("dfs", bodies[i], threads, -1);
        const within preemptions = explore_within("preemptions", bodies[i], threads, -1);
        const within delays = explore_within("delays", bodies[i], threads, -1);
        cr_expect_eq(preemptions.executions, all.executions, "body %zu", i);
        cr_expect_eq(preemptions.streams, all.streams, "body %zu", i);
        cr_expect_eq(delays.executions, all.executions, "body %zu", i);
        cr_expect_eq(delays.streams, all.streams, "body %zu", i);
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

Test(strategies, depend_on_their_seed_alone)
{
    for (size_t i = 0; treadle_strategies[i] != NULL; i++) {
        sampling runs[3];
        for (uint64_t r = 0; r < 3; r++) {
            runs[r] = (sampling){.strategy = treadle_strategies[i]->name,
                                 .body = held_back,
                                 .threads = 3,
                                 .executions = 300,
                                 .options = {.seed = r < 2 ? 7 : 8}};
            sample(&runs[r]);
        }
        cr_expect_eq(runs[0].hash, runs[1].hash, "%s: same seed, other schedules",
                     runs[0].strategy);
        if (!treadle_strategies[i]->exhaustive) {
            cr_expect_neq(runs[0].hash, runs[2].hash, "%s: other seed, same schedules",
                          runs[0].strategy);
        }
    }
}

Test(strategies, write_streams_that_replay)
{
    static subject *const bodies[] = {held_back, locks_against_one, creator, decides};
    treadle_trace *trace = malloc(sizeof *trace);
    cr_assert_not_null(trace);
    for (size_t i = 0; treadle_strategies[i] != NULL; i++) {
        const treadle_strategy *strategy = treadle_strategies[i];
        if (strategy->plan != NULL) {
            continue; /* what it repeats of the execution before is not recorded; see dpor_test.c */
        }
        const treadle_strategy_options options = {.seed = 3};
        const sampling run = {.body = bodies[i % 4], .threads = i % 4 == 0 ? 3 : 2};
        void *state = strategy->create(&options);
        for (uint64_t n = 0; n < 10; n++) {
            treadle_outcome outcome;
            if (!strategy->begin(state, n)) {
                break;
            }
            execute(&run, strategy, state, trace, &outcome);
            const uint64_t hash = outcome.trace_hash;
            const uint32_t count = decisions.count;
            uint16_t values[64];
            cr_assert_leq(count, 64);
            memcpy(values, decisions.values, count * sizeof values[0]);
            const treadle_strategy_options again = {
                .replay = values, .replay_count = count, .replay_strict = true};
            void *replay = treadle_strategy_replay.create(&again);
            treadle_strategy_replay.begin(replay, 0);
            execute(&run, &treadle_strategy_replay, replay, trace, &outcome);
            cr_expect_eq(outcome.trace_hash, hash, "%s", strategy->name);
            treadle_strategy_replay.destroy(replay);
        }
        strategy->destroy(state);
    }
    free(trace);
}
