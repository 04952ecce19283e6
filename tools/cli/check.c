// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "tools/cli/cells.h"
#include "tools/cli/cli.h"
#include "tools/cli/exploring.h"
#include "tools/cli/progress.h"
#include "tools/cli/regressions.h"
#include "tools/cli/sinks.h"
#include "tools/cli/suggest.h"
#include "tools/explore/baseline.h"
#include "tools/explore/now.h"

enum { KEY_METRICS = 0x200, KEY_LOG, KEY_REGRESSIONS };

typedef struct arguments {
    treadle_exploring exploring;
    const char *format;
    const char *output;
    const char *metrics;
    const char *log;
    const char *regressions;
} arguments;

static const struct argp_option options[] = {
    TREADLE_EXPLORING_OPTIONS,
    {"format", 'f', "FORMAT", 0,
     "text (default), json (an object a line), junit, prometheus (metrics), sarif (for code "
     "scanning), github (annotations) or markdown (for a pull request)",
     0},
    {"output", 'o', "FILE", 0, "write there instead of to standard output", 0},
    {"metrics", KEY_METRICS, "FILE", 0, "also write Prometheus metrics there", 0},
    {"regressions", KEY_REGRESSIONS, "FOLDER", 0,
     "kept schedules to be replayed first; default: those that came with the program", 0},
    {"log", KEY_LOG, "FILE", 0, "append a JSON line there for each violation as it is found", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'f': self->format = value; return 0;
    case 'o': self->output = value; return 0;
    case KEY_METRICS: self->metrics = value; return 0;
    case KEY_LOG: self->log = value; return 0;
    case KEY_REGRESSIONS: self->regressions = value; return 0;
    default: return treadle_exploring_parse(&self->exploring, key, value, state);
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
           "no memory, output not writable), 4 unknown verdicts only, or interrupted.",
};

/* ---- running --------------------------------------------------------------------------------- */

typedef struct reporting {
    treadle_sinks *sinks;
    treadle_summary summary;
    treadle_regression_counts regressions;
    treadle_baselines *baselines;
    uint64_t baselines_lost;
    bool environment;
    bool racing; /* baselines break by races, before what the scenarios check */
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
    if (report->summary.interrupted || report->racing) {
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
    if (self->regressions == NULL || self->exploring.selection.set != NULL ||
        self->exploring.redis_url != NULL ||
        self->exploring.jobs.check.races == TREADLE_RACES_ONLY) {
        return TREADLE_EXIT_OK;
    }
    return treadle_regressions_replay(self->regressions, &self->exploring.selection, counts);
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
                        .racing = treadle_races_everywhere(self->exploring.jobs.check.races)};
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
    treadle_jobs_options jobs = self->exploring.jobs;
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

int treadle_cli_check(int argc, char **argv)
{
    arguments self = {.format = "text",
                      .regressions = treadle_regressions_folder(),
                      .exploring = {.jobs = {.check = {.seed = 1, .find_coarsest = true}}}};
    treadle_cell *cells = NULL;
    size_t count = 0;
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    const treadle_writer *writer = status ? NULL : find_writer(self.format);
    if (!status && writer == NULL) {
        status = TREADLE_EXIT_USAGE;
    }
    status = status ? status : treadle_exploring_prepare(&self.exploring, &cells, &count);
    treadle_cli_catch_interrupts(); /* before there are files that are half-written */
    treadle_sinks sinks;
    status =
        status ? status : treadle_sinks_open(&sinks, writer, self.output, self.metrics, self.log);
    if (!status) {
        status = run(&self, cells, count, &sinks);
        const int closed = treadle_sinks_close(&sinks);
        /* What was found says more than that it could not be written everywhere. */
        status = status == TREADLE_EXIT_UNEXPECTED || !closed ? status : closed;
    }
    treadle_exploring_release(&self.exploring);
    free(cells);
    return status;
}
