// SPDX-License-Identifier: MIT
#include "tools/explore/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/racy.h"
#include "tools/checkers/races.h"
#include "tools/explore/explain.h"
#include "tools/explore/search.h"
#include "tools/explore/shrink.h"
#include "tools/explore/token.h"
#include "tools/strategies/strategies.h"

enum {
    CHECKS_MAX = 64, /* checks in a token: every step of a short trace */
    EXECUTIONS_RANDOM = 20000,
    EXECUTIONS_RANDOM_REDIS = 1000,
    EXECUTIONS_EXHAUSTIVE = 5000000,
    EXECUTIONS_EXHAUSTIVE_REDIS = 20000,
    EXECUTIONS_RACES = 2000,
    EXECUTIONS_COARSER = 2000,
    EXECUTIONS_COARSER_REDIS = 200,
    SHRINK_EXECUTIONS = 4000,
};

static const double TIME_S_DEFAULT = 10;
static const double TIME_S_RACES = 20; /* where races are looked for, which costs up to half */
static const double TIME_S_PROOF =
    240; /* where a proof is expected: a slow machine is no finding */
static const double SHRINK_S = 10;

bool treadle_symmetry_parse(const char *name, treadle_symmetry *out)
{
    static const char *const names[] = {"auto", "on", "off"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (treadle_symmetry)i;
            return true;
        }
    }
    return false;
}

/* ---- planning -------------------------------------------------------------------------------- */

static treadle_explore_request plan(const treadle_cell *cell, const treadle_expectation *expected,
                                    const treadle_check_options *options)
{
    treadle_explore_request request = {.seed = options->seed,
                                       .pct_depth = options->pct_depth,
                                       .bound_limit = options->bound_limit,
                                       .executions_max = options->executions_max,
                                       .time_s_max = options->time_s_max,
                                       .explorers = options->explorers};
    const bool only_races = options->races == TREADLE_RACES_ONLY;
    const char *strategy = options->strategy;
    if (strategy == NULL) {
        strategy = only_races ? "mixed" : TREADLE_SEARCH_AUTO;
    }
    snprintf(request.strategy, sizeof request.strategy, "%s", strategy);
    const treadle_strategy *named = treadle_strategy_find(strategy);
    request.symmetric = treadle_scenario_find(cell->scenario)->symmetric &&
                        cell->parameters[0] > 1 &&
                        (options->symmetry == TREADLE_SYMMETRY_ON ||
                         (options->symmetry == TREADLE_SYMMETRY_AUTO && named == NULL));
    const bool live = cell->backend == TREADLE_BACKEND_REDIS;
    if (named != NULL && request.executions_max == 0 && options->time_s_max <= 0) {
        request.executions_max = named->exhaustive
                                     ? (live ? EXECUTIONS_EXHAUSTIVE_REDIS : EXECUTIONS_EXHAUSTIVE)
                                     : (live ? EXECUTIONS_RANDOM_REDIS : EXECUTIONS_RANDOM);
        if (!named->exhaustive && only_races && request.executions_max > EXECUTIONS_RACES) {
            request.executions_max = EXECUTIONS_RACES; /* what races does so in most executions */
        }
    } else if (named == NULL && request.executions_max == 0 && options->time_s_max > 0) {
        request.executions_max = TREADLE_SEARCH_UNLIMITED;
    }
    if (request.time_s_max <= 0 && options->executions_max == 0) {
        const bool races = treadle_race_mode_for(options->races, cell) != TREADLE_RACES_OFF;
        const bool proof = strcmp(strategy, TREADLE_SEARCH_AUTO) == 0 && expected != NULL &&
                           expected->verdict == TREADLE_VERDICT_HOLDS;
        request.time_s_max = proof ? TIME_S_PROOF : races ? TIME_S_RACES : TIME_S_DEFAULT;
    }
    return request;
}

/* ---- judging --------------------------------------------------------------------------------- */

static treadle_verdict verdict_of(const treadle_explore_report *report)
{
    switch (report->outcome.kind) {
    case TREADLE_OUTCOME_VIOLATED: return TREADLE_VERDICT_VIOLATED;
    case TREADLE_OUTCOME_PASSED:
        if (report->complete && report->cut_short == 0) {
            return TREADLE_VERDICT_HOLDS;
        }
        return report->interrupted || report->executions == 0 ? TREADLE_VERDICT_UNKNOWN
                                                              : TREADLE_VERDICT_NO_VIOLATION_FOUND;
    default: return TREADLE_VERDICT_UNKNOWN;
    }
}

/* ---- the counterexample ---------------------------------------------------------------------- */

int treadle_schedule_take(const treadle_journal *journal, treadle_schedule *out)
{
    const treadle_trace *trace = &journal->trace;
    const treadle_decisions *decisions = &journal->decisions;
    memset(out, 0, sizeof *out);
    out->cell = journal->cell;
    memcpy(out->property, journal->outcome.property, sizeof out->property);
    out->trace_hash = trace->hash;
    out->event_count = trace->event_count + trace->dropped;
    out->check_stride = trace->event_count / CHECKS_MAX + 1;
    out->check_count = trace->event_count / out->check_stride;
    out->decisions = malloc((decisions->count + 1) * sizeof *out->decisions);
    out->checks = malloc(out->check_count + 1);
    if (out->decisions == NULL || out->checks == NULL) {
        treadle_schedule_free(out);
        return ENOMEM;
    }
    out->decision_count = decisions->count;
    memcpy(out->decisions, decisions->values, decisions->count * sizeof *out->decisions);
    for (uint32_t i = 0; i < out->check_count; i++) {
        out->checks[i] = (uint8_t)trace->events[(i + 1) * out->check_stride - 1].hash;
    }
    return 0;
}

/* Leaves the token of the journal's decisions and trace in the journal. */
static int leave_token(treadle_journal *journal)
{
    treadle_schedule schedule;
    const int error = treadle_schedule_take(journal, &schedule);
    if (error) {
        return error;
    }
    char *token = treadle_token_encode(&schedule);
    treadle_schedule_free(&schedule);
    if (token == NULL || strlen(token) >= sizeof journal->token) {
        free(token);
        return ENOMEM;
    }
    memcpy(journal->token, token, strlen(token) + 1);
    journal->has_token = true;
    free(token);
    return 0;
}

/* Runs the schedule once more, with a trace, and leaves its token. */
static int record(treadle_sandbox *sandbox, treadle_journal *journal, const uint16_t *decisions,
                  uint32_t count, bool state)
{
    const treadle_replay_request request = {
        .decisions = decisions, .count = count, .record = true, .state = state};
    treadle_outcome outcome;
    const int error = treadle_sandbox_replay(sandbox, &request, &outcome);
    if (error) {
        return error;
    }
    journal->has_trace = true;
    return leave_token(journal);
}

static void counterexample(treadle_sandbox *sandbox, treadle_journal *journal,
                           treadle_result *result, bool explain)
{
    result->switches_found = result->outcome.switches;
    result->steps_found = result->outcome.steps;
    if (strcmp(result->outcome.property, "hang") == 0) {
        /* To run it again costs as long as it takes to notice that it hangs. */
        journal->trace.event_count = 0;
        journal->trace.dropped = 0;
        journal->trace.hash = 0;
        leave_token(journal);
        return;
    }
    uint16_t *decisions = malloc(TREADLE_DECISIONS_MAX * sizeof *decisions);
    if (decisions == NULL) {
        return;
    }
    uint32_t count = journal->decisions.count;
    memcpy(decisions, journal->decisions.values, count * sizeof *decisions);
    treadle_shrink_report shrunk;
    int error =
        treadle_shrink(sandbox, journal, decisions, &count, SHRINK_EXECUTIONS, SHRINK_S, &shrunk);
    const bool again = !error && strcmp(shrunk.before.property, result->outcome.property) == 0;
    if (!again && (!error || error == ENOENT)) {
        result->verdict = TREADLE_VERDICT_UNKNOWN;
        snprintf(result->outcome.message, sizeof result->outcome.message,
                 "broke once, but not when the same schedule was run again: the subject depends on "
                 "something that is not in the decision stream");
    }
    error = error ? error : record(sandbox, journal, decisions, count, explain);
    if (error == EIO || (!error && journal->outcome.kind == TREADLE_OUTCOME_ENVIRONMENT)) {
        result->verdict = TREADLE_VERDICT_UNKNOWN;
        result->environment = true;
        result->outcome = error ? shrunk.before : journal->outcome;
    }
    if (!error && again && strcmp(journal->outcome.property, result->outcome.property) != 0) {
        result->verdict = TREADLE_VERDICT_UNKNOWN;
        snprintf(result->outcome.message, sizeof result->outcome.message,
                 "broke, but not when the same schedule was run for the last time: the subject "
                 "depends on something that is not in the decision stream");
    } else if (!error && again) {
        result->outcome = journal->outcome;
        if (explain) {
            treadle_explain(sandbox, journal, decisions, count);
        }
    }
    free(decisions);
}

/* The coarsest granularity at which the same property breaks, within a small budget. */
static treadle_granularity find_coarsest(treadle_journal *journal,
                                         const treadle_redis_target *redis,
                                         const treadle_result *result)
{
    const treadle_granularity finest = journal->cell.granularity;
    treadle_granularity found = finest;
    for (treadle_granularity g = TREADLE_GRANULARITY_AWAIT; g < finest && found == finest; g++) {
        journal->cell.granularity = g;
        treadle_sandbox *sandbox = treadle_sandbox_open(journal, redis);
        const bool live = journal->cell.backend == TREADLE_BACKEND_REDIS;
        const treadle_explore_request request = {.strategy = "random",
                                                 .seed = result->seed,
                                                 .executions_max = live ? EXECUTIONS_COARSER_REDIS
                                                                        : EXECUTIONS_COARSER,
                                                 .time_s_max = 2};
        treadle_explore_report report;
        if (sandbox != NULL && treadle_sandbox_explore(sandbox, &request, &report) == 0 &&
            report.outcome.kind == TREADLE_OUTCOME_VIOLATED &&
            strcmp(report.outcome.property, result->outcome.property) == 0) {
            found = g;
        }
        treadle_sandbox_close(sandbox);
    }
    journal->cell.granularity = finest;
    return found;
}

/* ---- a cell ---------------------------------------------------------------------------------- */

/* Where nothing is stated: what is stated to hang, or the like, at another granularity. */
static bool stays_unknown(const treadle_result *result)
{
    const treadle_expectation *row = treadle_scenario_find(result->cell.scenario)->expectations;
    while (row->variant != NULL &&
           (row->verdict != TREADLE_VERDICT_UNKNOWN ||
            strcmp(row->variant, result->cell.variant) != 0 || row->property == NULL ||
            strcmp(row->property, result->outcome.property) != 0)) {
        row++;
    }
    return row->variant != NULL && result->verdict == TREADLE_VERDICT_UNKNOWN;
}

/* With `sampled`, a strategy was asked for that proves nothing, only within a bound, or little in
 * its time: `holds` is then not refuted, which is as much as can be expected of it. */
static bool verdict_fits(const treadle_result *result, const treadle_expectation *expected,
                         bool sampled)
{
    if (expected == NULL) {
        return result->verdict == TREADLE_VERDICT_HOLDS ||
               result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND || stays_unknown(result);
    }
    if (result->verdict == TREADLE_VERDICT_VIOLATED || result->verdict == TREADLE_VERDICT_UNKNOWN) {
        return expected->verdict == result->verdict &&
               (expected->property == NULL ||
                strcmp(expected->property, result->outcome.property) == 0);
    }
    if (sampled && expected->verdict == TREADLE_VERDICT_HOLDS &&
        result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND) {
        return true;
    }
    /* More was established than was expected, never less. */
    return result->verdict == expected->verdict ||
           (result->verdict == TREADLE_VERDICT_HOLDS &&
            expected->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND);
}

/* What is expected where races are looked for: that they are found exactly where they are stated
 * (scenarios/racy.h); with Redis they are rarer, and may stay unseen. With ON something else may
 * break first. */
static void expect_races(treadle_result *result, const treadle_expectation *expected,
                         const treadle_check_options *options, bool sampled)
{
    const bool only = options->races == TREADLE_RACES_ONLY;
    const bool racy = treadle_scenario_is_racy(result->cell.scenario, result->cell.variant,
                                               result->cell.granularity);
    const bool in_memory = result->cell.backend == TREADLE_BACKEND_MEMORY;
    const bool violated = result->verdict == TREADLE_VERDICT_VIOLATED;
    const bool found =
        violated && strcmp(result->outcome.property, TREADLE_PROPERTY_DATA_RACE) == 0;
    if (racy && (found || in_memory)) {
        result->race_expected = true;
        result->expected = TREADLE_VERDICT_VIOLATED;
        result->as_expected = found || (!only && verdict_fits(result, expected, sampled));
    } else if (only && !violated && result->verdict != TREADLE_VERDICT_UNKNOWN) {
        result->expected = TREADLE_VERDICT_NO_VIOLATION_FOUND;
        result->as_expected = result->verdict == TREADLE_VERDICT_HOLDS ||
                              result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND;
    } else if (found) {
        result->as_expected = expected != NULL && verdict_fits(result, expected, sampled) &&
                              expected->property != NULL;
    }
}

static void explore(treadle_sandbox *sandbox, treadle_journal *journal, treadle_result *result,
                    const treadle_explore_request *request, bool explain)
{
    treadle_search search;
    const int error = treadle_search_run(sandbox, &journal->cell, request, &search);
    const treadle_explore_report report = treadle_search_report(&search);
    if (error) {
        result->verdict = TREADLE_VERDICT_UNKNOWN;
        result->environment = true;
        snprintf(result->outcome.message, sizeof result->outcome.message,
                 "cannot start a process to execute in: %s", strerror(error));
        return;
    }
    result->executions = report.executions;
    result->steps = report.steps;
    result->cut = report.outcome.kind == TREADLE_OUTCOME_CUT;
    result->spin_blocks = report.spin_blocks;
    result->redundant = report.redundant;
    result->elapsed_s = report.elapsed_s;
    result->complete =
        report.complete && report.cut_short == 0 && report.outcome.kind == TREADLE_OUTCOME_PASSED;
    result->interrupted = report.interrupted;
    result->verdict = verdict_of(&report);
    if (result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND) {
        result->share_explored = report.share;
        result->guarantee = report.guarantee;
        result->bound = report.bound;
        result->estimate = report.estimate;
    }
    result->outcome = report.outcome;
    result->environment = report.outcome.kind == TREADLE_OUTCOME_ENVIRONMENT;
    if (result->verdict == TREADLE_VERDICT_HOLDS ||
        result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND) {
        treadle_search_describe(result->bounds, sizeof result->bounds, &search, &journal->cell);
    }
    const bool found = report.outcome.kind == TREADLE_OUTCOME_VIOLATED;
    if (found) {
        result->first_violation = report.executions;
    }
    if (found || report.outcome.kind == TREADLE_OUTCOME_CUT) {
        counterexample(sandbox, journal, result, explain);
    }
}

void treadle_check_cell(treadle_journal *journal, const treadle_redis_target *redis,
                        const treadle_check_options *options)
{
    const treadle_scenario *scenario = treadle_scenario_find(journal->cell.scenario);
    const treadle_expectation *expected = treadle_scenario_expectation(
        scenario, journal->cell.variant, journal->cell.backend, journal->cell.granularity);
    const treadle_explore_request request = plan(&journal->cell, expected, options);
    treadle_result *result = &journal->result;
    memset(result, 0, sizeof *result);
    journal->has_token = false;
    journal->has_trace = false;
    journal->has_explanation = false;
    journal->races = options->races;
    if (options->races == TREADLE_RACES_AUTO && expected != NULL && expected->property != NULL &&
        strcmp(expected->property, TREADLE_PROPERTY_DATA_RACE) == 0) {
        journal->races = TREADLE_RACES_ON;
    }
    result->cell = journal->cell;
    memcpy(result->strategy, request.strategy, sizeof result->strategy);
    result->seed = request.seed;
    result->coarsest = journal->cell.granularity;
    result->verdict = TREADLE_VERDICT_UNKNOWN;
    treadle_sandbox *sandbox = treadle_sandbox_open(journal, redis);
    if (sandbox == NULL) {
        result->environment = true;
        snprintf(result->outcome.message, sizeof result->outcome.message, "out of memory");
    } else {
        explore(sandbox, journal, result, &request, options->explain);
    }
    treadle_sandbox_close(sandbox);
    if (result->verdict == TREADLE_VERDICT_VIOLATED && options->find_coarsest) {
        /* The search overwrites the trace and the decisions, not the token; both are needed. */
        treadle_trace *kept = malloc(sizeof *kept);
        if (kept != NULL) {
            treadle_trace_copy(kept, &journal->trace);
            result->coarsest = find_coarsest(journal, redis, result);
            treadle_trace_copy(&journal->trace, kept);
            free(kept);
        }
    }
    result->expected = expected != NULL ? expected->verdict : TREADLE_VERDICT_NONE;
    const treadle_strategy *named = treadle_strategy_find(request.strategy);
    const bool sampled = named != NULL && !named->reduces;
    result->as_expected = verdict_fits(result, expected, sampled);
    if (options->races == TREADLE_RACES_ON || options->races == TREADLE_RACES_ONLY) {
        expect_races(result, expected, options, sampled);
    }
}

static int take_explanation(const treadle_journal *journal, treadle_result *out)
{
    treadle_explanation *taken = malloc(sizeof *taken);
    if (taken == NULL) {
        return ENOMEM;
    }
    *taken = journal->explanation;
    taken->passing = journal->has_passing ? malloc(sizeof *taken->passing) : NULL;
    out->explanation = taken;
    if (journal->has_passing && taken->passing == NULL) {
        return ENOMEM;
    }
    if (journal->has_passing) {
        treadle_trace_copy(taken->passing, &journal->passing);
    }
    return 0;
}

int treadle_result_take(const treadle_journal *journal, treadle_result *out)
{
    *out = journal->result;
    out->reason = NULL;
    out->token = NULL;
    out->trace = NULL;
    out->explanation = NULL;
    const treadle_scenario *scenario = treadle_scenario_find(out->cell.scenario);
    const treadle_expectation *expected = treadle_scenario_expectation(
        scenario, out->cell.variant, out->cell.backend, out->cell.granularity);
    out->reason = expected != NULL ? expected->reason : NULL;
    if (journal->has_token) {
        out->token = strdup(journal->token);
        if (out->token == NULL) {
            return ENOMEM;
        }
    }
    if (journal->has_trace) {
        out->trace = malloc(sizeof *out->trace);
        if (out->trace == NULL) {
            free(out->token);
            out->token = NULL;
            return ENOMEM;
        }
        treadle_trace_copy(out->trace, &journal->trace);
    }
    if (journal->has_explanation && take_explanation(journal, out) != 0) {
        treadle_result_free(out);
        return ENOMEM;
    }
    return 0;
}
