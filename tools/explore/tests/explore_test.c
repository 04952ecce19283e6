// SPDX-License-Identifier: MIT
/* Sandbox, shrinker and verdicts, on the litmus programs. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/explore/baseline.h"
#include "tools/explore/check.h"
#include "tools/explore/evidence.h"
#include "tools/explore/shrink.h"

static treadle_journal *open_journal(const char *scenario, const char *variant,
                                     treadle_granularity granularity)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/treadle-explore-test-%d", (int)getpid());
    treadle_journal *journal = treadle_journal_create(path);
    cr_assert_not_null(journal);
    unlink(path);
    const treadle_scenario *row = treadle_scenario_find(scenario);
    cr_assert_not_null(row);
    snprintf(journal->cell.scenario, sizeof journal->cell.scenario, "%s", scenario);
    snprintf(journal->cell.variant, sizeof journal->cell.variant, "%s", variant);
    journal->cell.granularity = granularity;
    for (uint32_t i = 0; row->parameters[i].name != NULL; i++) {
        journal->cell.parameters[i] = row->parameters[i].fallback;
        journal->cell.parameter_count = i + 1;
    }
    return journal;
}

static const treadle_result *check(treadle_journal *journal, const treadle_check_options *options)
{
    treadle_check_cell(journal, NULL, options);
    return &journal->result;
}

Test(verdict, holds_only_when_the_space_was_exhausted)
{
    treadle_journal *journal =
        open_journal("litmus/check_then_act", "fixed", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options whole = {.strategy = "dfs"};
    const treadle_result *result = check(journal, &whole);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_HOLDS);
    cr_assert(result->complete);
    const uint64_t all = result->executions;
    cr_assert_gt(all, 2);

    const treadle_check_options exact = {.strategy = "dfs", .executions_max = all};
    cr_assert_eq(check(journal, &exact)->verdict, TREADLE_VERDICT_HOLDS);
    const treadle_check_options short_of_it = {.strategy = "dfs", .executions_max = all - 1};
    result = check(journal, &short_of_it);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_assert_not(result->complete);
    cr_assert(result->as_expected, "a row says what reduction proves, dfs may fall short of it");

    const treadle_check_options reduced = {.strategy = "dpor"};
    const uint64_t traces = check(journal, &reduced)->executions;
    const treadle_check_options short_of_all = {.strategy = "dpor", .executions_max = traces - 1};
    result = check(journal, &short_of_all);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_assert_not(result->as_expected, "less was established than the row says");

    const treadle_check_options sampled = {.strategy = "random", .executions_max = 1000};
    result = check(journal, &sampled);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_assert_not(result->complete);
}

Test(verdict, dfs_counts_are_the_closed_form)
{
    treadle_journal *journal = open_journal("litmus/steps", "fixed", TREADLE_GRANULARITY_MEMORY);
    const treadle_check_options whole = {.strategy = "dfs"};
    cr_assert_eq(check(journal, &whole)->executions, 1680);
    journal->cell.parameters[0] = 2;
    cr_assert_eq(check(journal, &whole)->executions, 20); /* 6!/(3!)^2 */
    /* At sync the start is a step too: 8!/(4!)^2. */
    journal->cell.granularity = TREADLE_GRANULARITY_SYNC;
    cr_assert_eq(check(journal, &whole)->executions, 70);
}

Test(verdict, the_wrong_property_is_not_as_expected)
{
    treadle_journal *journal = open_journal("litmus/counter", "naive", TREADLE_GRANULARITY_AWAIT);
    const treadle_check_options options = {.strategy = "random", .executions_max = 100};
    cr_assert(check(journal, &options)->as_expected, "`holds` is not refuted");
    journal->cell.granularity = TREADLE_GRANULARITY_SYNC;
    cr_assert(check(journal, &options)->as_expected);
    journal = open_journal("litmus/misbehaving", "abort", TREADLE_GRANULARITY_SYNC);
    cr_assert(check(journal, &options)->as_expected);
    snprintf(journal->cell.variant, sizeof journal->cell.variant, "nothing of the sort");
    cr_assert_not(check(journal, &options)->as_expected, "a crash that no row expects");
}

/* Nothing is stated at memory granularity. */
Test(verdict, what_is_stated_to_be_unknown_may_be_elsewhere)
{
    const treadle_check_options options = {.strategy = "random", .seed = 1, .executions_max = 10};
    treadle_journal *journal =
        open_journal("litmus/misbehaving", "never-ends", TREADLE_GRANULARITY_MEMORY);
    cr_expect_eq(check(journal, &options)->verdict, TREADLE_VERDICT_UNKNOWN);
    cr_expect(journal->result.as_expected);
}

Test(verdict, what_ends_at_a_limit_is_unknown)
{
    treadle_journal *journal =
        open_journal("litmus/misbehaving", "never-ends", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options options = {.seed = 1};
    const treadle_result *result = check(journal, &options);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_UNKNOWN);
    cr_assert_str_eq(result->outcome.property, "step-limit");
    cr_assert(journal->has_token);
}

Test(verdict, a_finding_names_the_coarsest_granularity_that_shows_it)
{
    treadle_journal *journal =
        open_journal("litmus/lost_wakeup", "naive", TREADLE_GRANULARITY_MEMORY);
    const treadle_check_options options = {.strategy = "random", .seed = 1, .find_coarsest = true};
    cr_assert_eq(check(journal, &options)->coarsest, TREADLE_GRANULARITY_AWAIT);
    journal = open_journal("litmus/plain_increment", "naive", TREADLE_GRANULARITY_MEMORY);
    cr_assert_eq(check(journal, &options)->coarsest, TREADLE_GRANULARITY_MEMORY);
}

/* How often a thread locks differs from one execution to the next, so what surw learned in the
 * first few is wrong. No interleaving may be left out for that. */
Test(verdict, surw_finds_what_it_did_not_expect)
{
    treadle_journal *journal =
        open_journal("litmus/staged_check_then_act", "naive", TREADLE_GRANULARITY_SYNC);
    journal->cell.parameters[1] = 4;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const treadle_check_options options = {
            .strategy = "surw", .seed = seed, .executions_max = 5000};
        cr_expect_eq(check(journal, &options)->verdict, TREADLE_VERDICT_VIOLATED, "seed %d",
                     (int)seed);
    }
}

/* ---- what a search is worth that found nothing -------------------------------------------------
 */

Test(evidence, pct_prints_its_guarantee)
{
    treadle_journal *journal =
        open_journal("litmus/locked_increment", "fixed", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options options = {
        .strategy = "pct", .seed = 1, .pct_depth = 2, .executions_max = 5000};
    const treadle_result *result = check(journal, &options);
    const treadle_guarantee *given = &result->guarantee;
    cr_assert_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_expect_eq(given->depth, 2);
    cr_expect_eq(given->threads, 3);
    cr_expect(given->executions > 1000 && given->executions < 5000);
    cr_expect(given->missed > 0 && given->missed < 1e-6);
    cr_expect(strstr(result->bounds, "a bug of depth 2 or less would have been missed") != NULL,
              "%s", result->bounds);
    cr_expect_eq(result->estimate.paths, 0);

    const treadle_check_options few = {.strategy = "pct", .seed = 1, .executions_max = 10};
    result = check(journal, &few);
    cr_expect(strstr(result->bounds, "too few for a guarantee") != NULL, "%s", result->bounds);
}

Test(evidence, a_proof_needs_none)
{
    treadle_journal *journal =
        open_journal("litmus/check_then_act", "fixed", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options options = {.strategy = "dfs"};
    const treadle_result *result = check(journal, &options);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_HOLDS);
    cr_expect_eq(result->guarantee.executions, 0);
    cr_expect_eq(result->estimate.paths, 0);
}

Test(evidence, dfs_says_how_far_it_came_in_how_large_a_space)
{
    treadle_journal *journal = open_journal("litmus/steps", "fixed", TREADLE_GRANULARITY_MEMORY);
    const treadle_check_options third = {.strategy = "dfs", .executions_max = 1680 / 3};
    const treadle_result *result = check(journal, &third);
    cr_assert_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_expect_eq(result->executions, 1680 / 3, "random paths are not counted");
    cr_expect_float_eq(result->share_explored, 1.0 / 3, 1e-9);
    cr_expect_gt(result->estimate.paths, 100);
    cr_expect_lt(fabs(result->estimate.interleavings - 1680), 4 * result->estimate.spread);
    cr_expect(strstr(result->bounds, "33 % of random walks") != NULL, "%s", result->bounds);
}

Test(evidence, what_random_paths_find_is_found)
{
    treadle_journal *journal = open_journal("litmus/counter", "naive", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options one = {.strategy = "dfs", .executions_max = 1};
    const treadle_result *result = check(journal, &one);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_VIOLATED);
    cr_expect_gt(result->first_violation, 1);
    cr_expect(journal->has_token);
}

Test(evidence, is_rounded_to_the_side_of_caution)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.0025, "0.0025"}, {0.00251, "0.0026"},   {0.015, "0.015"}, {0.0150045, "0.016"},
                 {0.991, "1"},       {5.21e-27, "5.3e-27"}, {0, "1e-300"},    {100, "1e+02"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        treadle_evidence_round_up(text, cases[i].number);
        cr_expect_str_eq(text, cases[i].text, "%s, not %s", text, cases[i].text);
    }
}

static void says(const treadle_result *result, const char *what)
{
    cr_expect(strstr(result->bounds, what) != NULL, "%s", result->bounds);
}

/* Where races alone are looked for, another end than the usual one is no violation, but what it
 * hides is not claimed to have been seen. */
Test(evidence, executions_that_end_early_are_worth_less)
{
    treadle_journal *journal = open_journal("litmus/counter", "naive", TREADLE_GRANULARITY_SYNC);
    treadle_check_options options = {
        .strategy = "mixed", .seed = 1, .executions_max = 2000, .races = TREADLE_RACES_ONLY};
    const treadle_result *result = check(journal, &options);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    says(result, "of them ended early");
    says(result, "no guarantee");
    options.strategy = "random";
    result = check(journal, &options);
    says(result, "of them ended early");
    cr_expect(strstr(result->bounds, "over 0.15 %") == NULL, "%s", result->bounds);

    journal = open_journal("litmus/counter", "fixed", TREADLE_GRANULARITY_SYNC);
    cr_expect(strstr(check(journal, &options)->bounds, "early") == NULL);
    options.executions_max = 2;
    says(check(journal, &options), "too few of them");
}

static void *ask_how_far(void *context)
{
    treadle_journal *journal = context;
    while (atomic_load(&journal->executions) < 1000) {
        usleep(1000);
    }
    atomic_store(&journal->how_far, true);
    while (atomic_load(&journal->how_far)) {
        usleep(1000);
    }
    atomic_store(&journal->stop, true);
    return NULL;
}

Test(evidence, can_be_asked_for_while_it_is_gathered)
{
    treadle_journal *journal =
        open_journal("litmus/locked_increment", "fixed", TREADLE_GRANULARITY_SYNC);
    treadle_sandbox *sandbox = treadle_sandbox_open(journal, NULL);
    treadle_explore_report report;
    /* Its process is forked before there is a second thread, which may hold a lock of malloc. */
    const treadle_explore_request first = {.strategy = "dfs", .executions_max = 1};
    cr_assert_eq(treadle_sandbox_explore(sandbox, &first, &report), 0);
    pthread_t asking;
    cr_assert_eq(pthread_create(&asking, NULL, ask_how_far, journal), 0);
    const treadle_explore_request request = {.strategy = "dfs", .time_s_max = 60};
    cr_assert_eq(treadle_sandbox_explore(sandbox, &request, &report), 0);
    pthread_join(asking, NULL);
    const double share = atomic_load(&journal->share);
    const double left_s = atomic_load(&journal->seconds_left);
    cr_expect(report.interrupted);
    cr_expect(share > 0 && share <= report.share, "%g of %g", share, report.share);
    cr_expect(left_s > 0 && left_s <= 60, "%g s", left_s);
    treadle_sandbox_close(sandbox);
}

/* ---- within a bound ----------------------------------------------------------------------------
 */

/* Nobody may take "holds up to" for "holds". */
Test(bound, is_never_rounded_up)
{
    treadle_journal *journal = open_journal("litmus/steps", "fixed", TREADLE_GRANULARITY_MEMORY);
    journal->cell.parameters[0] = 2;
    const treadle_check_options two = {.strategy = "preemptions", .bound_limit = 3};
    const treadle_result *result = check(journal, &two);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_expect_not(result->complete);
    cr_expect_eq(result->executions, 14);
    cr_expect_eq(result->bound.bounds, 3);
    cr_expect_str_eq(result->bound.what, "preemptions");
    cr_expect_str_eq(result->bounds, "holds up to 2 preemptions (14 interleavings)");
    cr_expect(result->as_expected, "`holds` is not refuted, and no more was asked for");

    const treadle_check_options four = {.strategy = "preemptions", .bound_limit = 5};
    result = check(journal, &four);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_HOLDS);
    cr_expect(result->complete);
    cr_expect_eq(result->executions, 20);
    cr_expect_eq(result->bound.bounds, 0, "what holds needs no bound");
    cr_expect_str_eq(result->bounds, "all 20 interleavings, sequentially consistent");

    /* The budget ends where a bound does, or within the next. */
    const treadle_check_options exact = {.strategy = "preemptions", .executions_max = 14};
    result = check(journal, &exact);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_expect_eq(result->bound.bounds, 3);
    const treadle_check_options within = {.strategy = "preemptions", .executions_max = 13};
    result = check(journal, &within);
    cr_expect_eq(result->bound.bounds, 2);
    cr_expect(strstr(result->bounds,
                     "up to 1 preemption (6 interleavings); the first 7 with 2, not all") != NULL,
              "%s", result->bounds);
    const treadle_check_options one = {.strategy = "delays", .executions_max = 1, .bound_limit = 1};
    result = check(journal, &one);
    cr_expect_eq(result->bound.bounds, 1);
    cr_expect_str_eq(result->bounds, "holds up to 0 delays (1 interleaving)");
}

static void breaks_at(const char *scenario, int64_t size, uint32_t preemptions)
{
    treadle_journal *journal = open_journal(scenario, "naive", TREADLE_GRANULARITY_SYNC);
    journal->cell.parameters[1] = size;
    const treadle_check_options fewer = {.strategy = "preemptions", .bound_limit = preemptions};
    const treadle_result *result = check(journal, &fewer);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND, "%s %d", scenario, (int)size);
    cr_expect_eq(result->bound.bounds, preemptions);
    cr_expect_not(result->as_expected, "a violation is expected, and was not found");
    const treadle_check_options exactly = {.strategy = "preemptions",
                                           .bound_limit = preemptions + 1};
    result = check(journal, &exactly);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_VIOLATED, "%s %d", scenario, (int)size);
    cr_expect_eq(result->outcome.preemptions, preemptions);
}

/* Turns at every step but the last, which finds the other thread at its end. */
Test(bound, finds_bugs_at_their_depth)
{
    for (int64_t length = 3; length <= 7; length++) {
        breaks_at("litmus/ordering_chain", length, (uint32_t)length - 2);
    }
    for (int64_t stages = 1; stages <= 4; stages++) {
        breaks_at("litmus/staged_check_then_act", stages, (uint32_t)stages);
    }
}

/* ---- the search that needs no expert ------------------------------------------------------------
 */

Test(automatic, says_what_was_established_and_what_was_not)
{
    treadle_journal *journal =
        open_journal("litmus/locked_increment", "fixed", TREADLE_GRANULARITY_SYNC);
    const treadle_check_options some = {.seed = 1, .executions_max = 50000};
    const treadle_result *result = check(journal, &some);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_NO_VIOLATION_FOUND);
    cr_expect_eq(result->executions, 50000);
    cr_expect_eq(result->bound.bounds, 3);
    cr_expect(strncmp(result->bounds,
                      "holds up to 2 preemptions (2916 interleavings); beyond that the first 32500 "
                      "traces but for the threads' numbers, not all; ",
                      118) == 0,
              "%s", result->bounds);
    cr_expect(strstr(result->bounds, "random and pct in turns: a violation in over") != NULL, "%s",
              result->bounds);

    journal = open_journal("litmus/counter", "fixed", TREADLE_GRANULARITY_SYNC);
    journal->cell.parameters[0] = 4;
    const treadle_check_options usual = {.seed = 1};
    result = check(journal, &usual);
    cr_expect_eq(result->verdict, TREADLE_VERDICT_HOLDS);
    cr_expect_eq(result->bound.bounds, 0);
    cr_expect(strncmp(result->bounds, "all interleavings (1 trace but for the threads' numbers)",
                      56) == 0,
              "%s", result->bounds);
}

/* ---- replay ---------------------------------------------------------------------------------- */

typedef struct found {
    treadle_journal *journal;
    treadle_sandbox *sandbox;
    treadle_schedule schedule;
} found;

static found find(const char *scenario, const char *variant, treadle_granularity granularity)
{
    found it = {.journal = open_journal(scenario, variant, granularity)};
    it.sandbox = treadle_sandbox_open(it.journal, NULL);
    const treadle_explore_request request = {
        .strategy = "random", .seed = 7, .executions_max = 10000};
    treadle_explore_report report;
    cr_assert_eq(treadle_sandbox_explore(it.sandbox, &request, &report), 0);
    cr_assert_eq(report.outcome.kind, TREADLE_OUTCOME_VIOLATED);
    uint16_t decisions[4096];
    const uint32_t count = it.journal->decisions.count;
    memcpy(decisions, it.journal->decisions.values, count * sizeof decisions[0]);
    const treadle_replay_request again = {.decisions = decisions, .count = count, .record = true};
    treadle_outcome outcome;
    cr_assert_eq(treadle_sandbox_replay(it.sandbox, &again, &outcome), 0);
    cr_assert_eq(outcome.kind, TREADLE_OUTCOME_VIOLATED);
    cr_assert_eq(treadle_schedule_take(it.journal, &it.schedule), 0);
    return it;
}

static treadle_outcome replay(found *it)
{
    const treadle_replay_request request = {.decisions = it->schedule.decisions,
                                            .count = it->schedule.decision_count,
                                            .record = true,
                                            .against = &it->schedule};
    treadle_outcome outcome;
    cr_assert_eq(treadle_sandbox_replay(it->sandbox, &request, &outcome), 0);
    return outcome;
}

Test(replay, tells_at_which_step_the_program_does_something_else)
{
    found it = find("litmus/check_then_act", "naive", TREADLE_GRANULARITY_SYNC);
    cr_assert_eq(replay(&it).kind, TREADLE_OUTCOME_VIOLATED);
    cr_assert_eq(it.schedule.check_stride, 1);
    for (uint32_t step = 0; step < it.schedule.check_count; step++) {
        it.schedule.checks[step] ^= 1;
        const treadle_outcome outcome = replay(&it);
        cr_assert_eq(outcome.kind, TREADLE_OUTCOME_DIVERGED);
        char wanted[32];
        snprintf(wanted, sizeof wanted, "step %u of", step + 1);
        cr_assert(strstr(outcome.message, wanted) != NULL, "%s: %s", wanted, outcome.message);
        it.schedule.checks[step] ^= 1;
    }
    treadle_sandbox_close(it.sandbox);
}

/* The changed program of a fix under way: the same schedule on another variant. */
Test(replay, a_changed_program_diverges_and_does_not_pass)
{
    found it = find("litmus/check_then_act", "naive", TREADLE_GRANULARITY_SYNC);
    treadle_sandbox_close(it.sandbox);
    snprintf(it.journal->cell.variant, sizeof it.journal->cell.variant, "fixed");
    it.sandbox = treadle_sandbox_open(it.journal, NULL);
    cr_assert_eq(replay(&it).kind, TREADLE_OUTCOME_DIVERGED);
    treadle_sandbox_close(it.sandbox);
}

Test(replay, decisions_that_do_not_fit_diverge)
{
    found it = find("litmus/check_then_act", "naive", TREADLE_GRANULARITY_SYNC);
    const uint32_t count = it.schedule.decision_count;
    it.schedule.decisions[count - 1] = 60;
    cr_assert_eq(replay(&it).kind, TREADLE_OUTCOME_DIVERGED);
    it.schedule.decision_count = 1;
    cr_assert_eq(replay(&it).kind, TREADLE_OUTCOME_DIVERGED);
    treadle_sandbox_close(it.sandbox);
}

Test(replay, gives_the_same_trace_ten_thousand_times_and_in_another_process)
{
    found it = find("litmus/counter", "naive", TREADLE_GRANULARITY_SYNC);
    for (int process = 0; process < 2; process++) {
        const treadle_replay_request request = {.decisions = it.schedule.decisions,
                                                .count = it.schedule.decision_count,
                                                .record = true,
                                                .repeat = 10000};
        treadle_outcome outcome;
        cr_assert_eq(treadle_sandbox_replay(it.sandbox, &request, &outcome), 0);
        cr_assert_eq(outcome.kind, TREADLE_OUTCOME_VIOLATED, "%s", outcome.message);
        cr_assert_eq(it.journal->repeated, 10000);
        cr_assert_eq(outcome.trace_hash, it.schedule.trace_hash);
        treadle_sandbox_close(it.sandbox);
        it.sandbox = treadle_sandbox_open(it.journal, NULL);
    }
    treadle_sandbox_close(it.sandbox);
}

/* ---- shrinking ------------------------------------------------------------------------------- */

static treadle_shrink_report shrink(found *it)
{
    static uint16_t decisions[TREADLE_DECISIONS_MAX];
    uint32_t count = it->schedule.decision_count;
    memcpy(decisions, it->schedule.decisions, count * sizeof decisions[0]);
    treadle_shrink_report report;
    cr_assert_eq(treadle_shrink(it->sandbox, it->journal, decisions, &count, 4000, 30, &report), 0);
    const treadle_replay_request again = {.decisions = decisions, .count = count, .record = true};
    treadle_outcome outcome;
    cr_assert_eq(treadle_sandbox_replay(it->sandbox, &again, &outcome), 0);
    cr_assert_eq(outcome.kind, report.before.kind);
    cr_assert_str_eq(outcome.property, report.before.property,
                     "the result fails for another reason");
    cr_assert_eq(outcome.switches, report.after.switches);
    return report;
}

Test(shrink, reaches_the_fewest_context_switches)
{
    /* One thread up to its window, the other whole, the first's rest. */
    found lost_update = find("litmus/plain_increment", "naive", TREADLE_GRANULARITY_MEMORY);
    cr_assert_eq(shrink(&lost_update).after.switches, 2);
    found toctou = find("memory_store/check_then_add", "proposed", TREADLE_GRANULARITY_SYNC);
    cr_assert_eq(shrink(&toctou).after.switches, 2);
    cr_assert_eq(shrink(&toctou).after.preemptions, 1);
    found deadlock = find("litmus/lock_order", "naive", TREADLE_GRANULARITY_SYNC);
    cr_assert_eq(shrink(&deadlock).after.preemptions, 1);
}

Test(shrink, works_on_what_kills_the_process)
{
    found crash = find("litmus/misbehaving", "exit", TREADLE_GRANULARITY_SYNC);
    cr_assert_leq(shrink(&crash).after.switches, 1);
}

/* What was found by then is as good as before, and may not be the smallest. */
Test(shrink, stops_when_asked_to_and_says_so)
{
    found toctou = find("memory_store/check_then_add", "proposed", TREADLE_GRANULARITY_SYNC);
    cr_expect(shrink(&toctou).finished);
    atomic_store(&toctou.journal->stop, true);
    const treadle_shrink_report report = shrink(&toctou);
    cr_expect_not(report.finished);
    cr_expect_eq(report.executions, 1);
    cr_expect_eq(report.after.switches, report.before.switches);
}

Test(shrink, refuses_a_schedule_that_does_not_fail)
{
    treadle_journal *journal =
        open_journal("litmus/check_then_act", "fixed", TREADLE_GRANULARITY_SYNC);
    treadle_sandbox *sandbox = treadle_sandbox_open(journal, NULL);
    static uint16_t none[TREADLE_DECISIONS_MAX];
    uint32_t count = 0;
    treadle_shrink_report report;
    cr_assert_neq(treadle_shrink(sandbox, journal, none, &count, 100, 10, &report), 0);
    treadle_sandbox_close(sandbox);
}

/* ---- baselines ----------------------------------------------------------------------------------
 */

static void note(treadle_baselines *baselines, const char *scenario, const char *variant,
                 treadle_verdict verdict)
{
    treadle_result result = {.verdict = verdict};
    snprintf(result.cell.scenario, sizeof result.cell.scenario, "%s", scenario);
    snprintf(result.cell.variant, sizeof result.cell.variant, "%s", variant);
    treadle_baselines_note(baselines, &result);
}

Test(baseline, is_lost_when_nothing_breaks_what_a_solution_passes)
{
    treadle_baselines *baselines = treadle_baselines_open();
    note(baselines, "litmus/check_then_act", "fixed", TREADLE_VERDICT_HOLDS);
    note(baselines, "litmus/plain_increment", "fixed", TREADLE_VERDICT_NO_VIOLATION_FOUND);
    note(baselines, "litmus/lock_order", "fixed", TREADLE_VERDICT_VIOLATED);
    note(baselines, "litmus/steps", "fixed", TREADLE_VERDICT_HOLDS);
    note(baselines, "litmus/check_then_act", "naive", TREADLE_VERDICT_HOLDS);
    note(baselines, "litmus/plain_increment", "naive", TREADLE_VERDICT_VIOLATED);
    const treadle_baseline_counts counts = treadle_baselines_count(baselines, NULL);
    cr_assert_eq(counts.workloads, 3);
    cr_assert_eq(counts.broken, 1);
    cr_assert_eq(counts.exempt, 1);
    cr_assert_eq(counts.lost, 1);
    note(baselines, "litmus/check_then_act", "naive", TREADLE_VERDICT_VIOLATED);
    cr_assert_eq(treadle_baselines_count(baselines, NULL).lost, 0);
    treadle_baselines_close(baselines);
}

/* What `check` would notice at the end of a run, without one. */
Test(baseline, every_row_with_a_solution_has_one_or_says_why_not)
{
    for (size_t i = 0; i < treadle_scenario_count(); i++) {
        const treadle_scenario *row = treadle_scenarios()[i];
        for (const treadle_expectation *e = row->expectations; e->variant != NULL; e++) {
            const bool passes = e->verdict == TREADLE_VERDICT_HOLDS ||
                                e->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND;
            if (!passes || !treadle_variant_is_solution(e->variant)) {
                continue;
            }
            const bool has = treadle_scenario_baseline(row, e->backend) != NULL;
            cr_assert(has || row->no_baseline != NULL, "%s has no variant that breaks on %s",
                      row->name, treadle_backend_name(e->backend));
            cr_assert(!(has && row->no_baseline != NULL && e->backend == TREADLE_BACKEND_MEMORY),
                      "%s says that nothing breaks it, and has a row that does", row->name);
        }
    }
}
