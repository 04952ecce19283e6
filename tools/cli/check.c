// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "tools/cli/cells.h"
#include "tools/cli/cli.h"
#include "tools/cli/progress.h"
#include "tools/cli/regressions.h"
#include "tools/cli/sinks.h"
#include "tools/cli/suggest.h"
#include "tools/cli/symbols.h"
#include "tools/explore/baseline.h"
#include "tools/explore/now.h"
#include "tools/explore/search.h"
#include "tools/redis/redis_url.h"
#include "tools/strategies/strategies.h"

enum {
    KEY_REDIS = 0x100,
    KEY_DEPTH,
    KEY_BOUND,
    KEY_SYMMETRY,
    KEY_METRICS,
    KEY_LOG,
    KEY_RACES,
    KEY_REGRESSIONS,
    LEFT_OUT_REASONS_MAX = 4,
};

typedef struct arguments {
    treadle_selection selection;
    treadle_jobs_options jobs;
    const char *format;
    const char *output;
    const char *metrics;
    const char *log;
    const char *redis_url;
    const char *regressions;
} arguments;

static const struct argp_option options[] = {
    {"variant", 'V', "VARIANT", 0, "only this variant", 0},
    {"backend", 'b', "BACKEND", 0, "only this backend: memory or redis", 0},
    {"granularity", 'g', "LEVEL", 0,
     "where threads may be switched: await, sync or memory; default: those of the rows", 0},
    {"strategy", 's', "NAME", 0,
     "auto (default: few preemptions and mixed for what breaks quickly, then dpor for the proof; "
     "without one, all that 2 preemptions can do, then mixed), random, pct, mixed (the two in "
     "turns), pos, surw, preemptions, delays, dfs or dpor",
     0},
    {"seed", 'S', "N", 0, "of the strategy's random numbers; default 1", 0},
    {"executions", 'n', "N", 0, "at most so many executions a cell", 0},
    {"time", 't', "SECONDS", 0,
     "at most so long a cell; default 10, with races 20, 240 where a proof is expected, when "
     "nothing else limits it",
     0},
    {"jobs", 'j', "N", 0,
     "cells at a time, and processes that divide a cell where there are more; default: one a core",
     0},
    {"set", 'p', "NAME=VALUE,…", 0, "parameters of the scenarios, like threads=4", 0},
    {"bound", KEY_BOUND, "N", 0,
     "at most so many preemptions or delays; default 2 for auto, for the strategies no limit", 0},
    {"pct-depth", KEY_DEPTH, "D", 0, "depth of the bugs that pct looks for; default 3", 0},
    {"symmetry", KEY_SYMMETRY, "WHEN", 0,
     "of executions that differ in the numbers of interchangeable threads one is enough, for dpor: "
     "auto (default) unless a strategy is named, on or off",
     0},
    {"races", KEY_RACES, "WHERE", 0,
     "data races are violations: auto (default) in the variants fixed and lockfree and where a row "
     "expects one, on in all, off, or only (in all, and nothing else is looked for)",
     0},
    {"redis", KEY_REDIS, "URL", 0,
     "a running server instead of a private one; only keys under a unique prefix are used", 0},
    {"format", 'f', "FORMAT", 0,
     "text (default), json (an object a line), junit, prometheus (metrics), sarif (for code "
     "scanning), github (annotations) or markdown (for a pull request)",
     0},
    {"output", 'o', "FILE", 0, "write there instead of to standard output", 0},
    {"metrics", KEY_METRICS, "FILE", 0, "also write Prometheus metrics there", 0},
    {"regressions", KEY_REGRESSIONS, "FOLDER", 0,
     "kept schedules to be replayed first; default: the source tree's scenarios/regressions", 0},
    {"log", KEY_LOG, "FILE", 0, "append a JSON line there for each violation as it is found", 0},
    {0},
};

static error_t parse_budget(arguments *self, int key, const char *value)
{
    treadle_check_options *check = &self->jobs.check;
    uint64_t number = 0;
    switch (key) {
    case 'S': return treadle_cli_number(value, "--seed", 0, UINT64_MAX, &check->seed) ? 0 : EINVAL;
    case 'n':
        return treadle_cli_number(value, "--executions", 1, UINT64_MAX, &check->executions_max)
                   ? 0
                   : EINVAL;
    case 't': return treadle_cli_seconds(value, "--time", &check->time_s_max) ? 0 : EINVAL;
    case 'j':
        if (!treadle_cli_number(value, "--jobs", 1, 64, &number)) {
            return EINVAL;
        }
        self->jobs.jobs = (uint32_t)number;
        return 0;
    case KEY_DEPTH:
        if (!treadle_cli_number(value, "--pct-depth", 1, 16, &number)) {
            return EINVAL;
        }
        check->pct_depth = (uint32_t)number;
        return 0;
    case KEY_BOUND:
        if (!treadle_cli_number(value, "--bound", 0, 1000000, &number)) {
            return EINVAL;
        }
        check->bound_limit = (uint32_t)number + 1;
        return 0;
    case KEY_SYMMETRY:
        if (!treadle_symmetry_parse(value, &check->symmetry)) {
            treadle_cli_error("--symmetry is \"%s\"; it takes auto, on or off", value);
            return EINVAL;
        }
        return 0;
    case KEY_RACES:
        if (!treadle_race_mode_parse(value, &check->races)) {
            treadle_cli_error("--races is \"%s\"; it takes auto, on, off or only", value);
            return EINVAL;
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'V': self->selection.variant = value; return 0;
    case 'b': self->selection.backend = value; return 0;
    case 'g': self->selection.granularity = value; return 0;
    case 'p': self->selection.set = value; return 0;
    case 's': self->jobs.check.strategy = value; return 0;
    case 'f': self->format = value; return 0;
    case 'o': self->output = value; return 0;
    case KEY_METRICS: self->metrics = value; return 0;
    case KEY_LOG: self->log = value; return 0;
    case KEY_REDIS: self->redis_url = value; return 0;
    case KEY_REGRESSIONS: self->regressions = value; return 0;
    case ARGP_KEY_ARG:
        if (self->selection.glob != NULL) {
            treadle_cli_error("check takes one GLOB, but got \"%s\" and \"%s\"",
                              self->selection.glob, value);
            return EINVAL;
        }
        self->selection.glob = value;
        return 0;
    default: return parse_budget(self, key, value);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[GLOB]",
    .doc = "Explores scenarios and compares the verdicts with the expected ones.\v"
           "GLOB is matched against component/scenario, like 'memory_store/*'. Without arguments: "
           "everything, with budgets that end in minutes.\n\n"
           "Exit status: 0 all verdicts as expected, 1 some not, 2 usage, 3 environment (no Redis, "
           "no memory, output not writable), 4 unknown verdicts only.",
};

/* ---- running --------------------------------------------------------------------------------- */

typedef struct reporting {
    treadle_sinks *sinks;
    treadle_summary summary;
    treadle_regression_counts regressions;
    treadle_baselines *baselines;
    uint64_t baselines_lost;
    bool environment;
    bool races_only; /* baselines break by other properties */
} reporting;

static void on_finished(void *context, const treadle_result *result)
{
    const reporting *report = context;
    treadle_progress_clear(); /* the log may be the terminal */
    treadle_sinks_finished(report->sinks, result);
}

static void on_result(void *context, treadle_result *result)
{
    reporting *report = context;
    report->summary.results++;
    report->environment |= result->environment && !result->interrupted;
    if (result->as_expected) {
        report->summary.as_expected++;
    } else if (result->verdict == TREADLE_VERDICT_UNKNOWN) {
        report->summary.unknown++;
    } else {
        report->summary.unexpected++;
    }
    treadle_baselines_note(report->baselines, result);
    treadle_progress_clear();
    treadle_sinks_result(report->sinks, result);
    treadle_result_free(result);
}

static int exit_status(const reporting *report)
{
    if (report->summary.unexpected > 0 || report->baselines_lost > 0 ||
        report->regressions.lost > 0) {
        return TREADLE_EXIT_UNEXPECTED;
    }
    if (report->environment || report->regressions.environment) {
        return TREADLE_EXIT_ENVIRONMENT;
    }
    if (report->summary.unknown > 0 || report->summary.interrupted) {
        return TREADLE_EXIT_UNKNOWN;
    }
    return TREADLE_EXIT_OK;
}

static void on_lost_baseline(const treadle_scenario *scenario, treadle_backend backend)
{
    treadle_cli_error("baseline lost: %s on %s passes, and no variant was found that breaks it: "
                      "the check may have gone blind",
                      scenario->name, treadle_backend_name(backend));
}

/* Part of a run says nothing of what was left out. */
static void count_baselines(reporting *report)
{
    if (report->summary.interrupted || report->races_only) {
        return;
    }
    const treadle_baseline_counts counts = treadle_baselines_count(report->baselines, NULL);
    report->summary.workloads = counts.workloads;
    report->summary.workloads_broken = counts.broken;
    report->summary.workloads_exempt = counts.exempt;
    report->baselines_lost = counts.lost;
}

/* Those of the selection: with other parameters, races alone or a server that was given, a schedule
 * is another one. */
static int replay_regressions(const arguments *self, treadle_regression_counts *counts)
{
    *counts = (treadle_regression_counts){0};
    if (self->selection.set != NULL || self->redis_url != NULL ||
        self->jobs.check.races == TREADLE_RACES_ONLY) {
        return TREADLE_EXIT_OK;
    }
    return treadle_regressions_replay(self->regressions, &self->selection, counts);
}

/* Columns wide enough for the names to come. */
static void size_columns(treadle_writer_options *writer_options, const treadle_cell *cells,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int scenario = (int)strlen(cells[i].scenario);
        const int variant = (int)strlen(cells[i].variant);
        writer_options->scenario_columns = MAX(writer_options->scenario_columns, scenario);
        writer_options->variant_columns = MAX(writer_options->variant_columns, variant);
    }
}

static int run(const arguments *self, const treadle_cell *cells, size_t count, treadle_sinks *sinks)
{
    treadle_writer_options writer_options;
    treadle_output_options(&sinks->report.output, &writer_options);
    writer_options.lanes_always = count <= 8;
    size_columns(&writer_options, cells, count);
    reporting report = {.sinks = sinks,
                        .baselines = treadle_baselines_open(),
                        .races_only = self->jobs.check.races == TREADLE_RACES_ONLY};
    if (report.baselines == NULL) {
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    const double began_s = treadle_now_s();
    const int replayed = replay_regressions(self, &report.regressions);
    if (replayed) {
        treadle_baselines_close(report.baselines);
        return replayed;
    }
    report.summary.regressions = report.regressions.replayed;
    report.summary.regressions_lost = report.regressions.lost;
    if (!treadle_sinks_begin(sinks, &writer_options)) {
        treadle_sinks_end(sinks, &report.summary);
        treadle_baselines_close(report.baselines);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    treadle_jobs_options jobs = self->jobs;
    jobs.finished = on_finished;
    jobs.result = on_result;
    jobs.context = &report;
    const int started = treadle_cli_explore(cells, count, &jobs);
    report.summary.elapsed_s = treadle_now_s() - began_s;
    report.summary.interrupted = treadle_cli_interrupted();
    count_baselines(&report);
    treadle_sinks_end(sinks, &report.summary);
    if (report.baselines_lost > 0) {
        treadle_baselines_count(report.baselines, on_lost_baseline);
    }
    treadle_baselines_close(report.baselines);
    return started ? started : exit_status(&report);
}

/* A server that was given runs on its own time and is nobody's to disturb: leaves out what needs
 * one of ours, and says how many for each reason. */
static void leave_out_own_server_only(treadle_cell *cells, size_t *count)
{
    const char *reasons[LEFT_OUT_REASONS_MAX];
    size_t left_out[LEFT_OUT_REASONS_MAX];
    size_t reason_count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const char *reason = NULL;
        if (cells[i].backend == TREADLE_BACKEND_REDIS) {
            reason = treadle_scenario_needs_own_server(treadle_scenario_find(cells[i].scenario));
        }
        if (reason == NULL) {
            cells[kept++] = cells[i];
            continue;
        }
        size_t known = 0;
        while (known < reason_count && strcmp(reasons[known], reason) != 0) {
            known++;
        }
        if (known == reason_count) {
            assert(known < LEFT_OUT_REASONS_MAX);
            reasons[reason_count] = reason;
            left_out[reason_count++] = 0;
        }
        left_out[known]++;
    }
    for (size_t i = 0; i < reason_count; i++) {
        fprintf(stderr, "treadle: %zu cell%s left out: the scenario %s\n", left_out[i],
                left_out[i] == 1 ? "" : "s", reasons[i]);
    }
    *count = kept;
}

static const treadle_writer *find_writer(const char *format)
{
    const treadle_writer *writer = treadle_writer_find(format);
    if (writer == NULL) {
        const char *names[16];
        size_t count = 0;
        for (; count < 16 && treadle_writers[count] != NULL; count++) {
            names[count] = treadle_writers[count]->name;
        }
        char list[200] = "";
        for (size_t i = 0; i < count; i++) {
            const size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s",
                     i == 0 ? "" : (i + 1 < count ? ", " : " and "), names[i]);
        }
        const char *near = treadle_suggest(format, names, count);
        treadle_cli_error("unknown format \"%s\"%s%s%s; check has %s", format,
                          near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                          list);
    }
    return writer;
}

static int check_strategy(const char *name)
{
    if (name == NULL || strcmp(name, TREADLE_SEARCH_AUTO) == 0 ||
        treadle_strategy_find(name) != NULL) {
        return TREADLE_EXIT_OK;
    }
    const char *names[16] = {TREADLE_SEARCH_AUTO};
    char list[200] = TREADLE_SEARCH_AUTO;
    size_t count = 1;
    for (; count < 16 && treadle_strategies[count - 1] != NULL; count++) {
        names[count] = treadle_strategies[count - 1]->name;
        const bool last = treadle_strategies[count] == NULL;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", last ? " and " : ", ", names[count]);
    }
    const char *near = treadle_suggest(name, names, count);
    treadle_cli_error("unknown strategy \"%s\"%s%s%s; there are %s", name,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", list);
    return TREADLE_EXIT_USAGE;
}

int treadle_cli_check(int argc, char **argv)
{
    arguments self = {.format = "text",
                      .regressions = TREADLE_SOURCE_DIR "/scenarios/regressions",
                      .jobs = {.check = {.seed = 1, .find_coarsest = true}}};
    treadle_cell *cells = NULL;
    size_t count = 0;
    treadle_redis_target target = {0};
    char error[TREADLE_MESSAGE_MAX];
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    status = status ? status : check_strategy(self.jobs.check.strategy);
    const treadle_writer *writer = status ? NULL : find_writer(self.format);
    if (!status && writer == NULL) {
        status = TREADLE_EXIT_USAGE;
    }
    if (!status && self.redis_url != NULL) {
        if (treadle_redis_url_parse(self.redis_url, &target, error, sizeof error) != 0) {
            treadle_cli_error("--redis: %s", error);
            status = TREADLE_EXIT_USAGE;
        }
        self.jobs.redis = &target;
    }
    status = status ? status : treadle_cli_select(&self.selection, &cells, &count);
    if (!status && self.redis_url != NULL) {
        leave_out_own_server_only(cells, &count);
    }
    treadle_sinks sinks;
    status =
        status ? status : treadle_sinks_open(&sinks, writer, self.output, self.metrics, self.log);
    if (!status) {
        status = run(&self, cells, count, &sinks);
        const int closed = treadle_sinks_close(&sinks);
        /* What was found says more than that it could not be written everywhere. */
        status = status == TREADLE_EXIT_UNEXPECTED || !closed ? status : closed;
    }
    treadle_redis_url_release(&target);
    free(cells);
    return status;
}
