// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reports/consistency/compare.h"
#include "reports/consistency/consistency.h"
#include "reports/consistency/gate.h"
#include "reports/consistency/page.h"
#include "reports/consistency/summary.h"
#include "reports/json_values.h"
#include "tools/cli/exploring.h"
#include "tools/cli/report_directory.h"
#include "tools/cli/symbols.h"
#include "tools/explore/baseline.h"
#include "tools/explore/now.h"

enum { KEY_AGAINST = 0x200, KEY_GATE, KEY_STRESS, COMMAND_SIZE = 512 };

/* Litmus programs test the tester; nobody rolls them out. */
#define EVERY_COMPONENT "!(litmus)/*"

typedef struct arguments {
    treadle_exploring exploring;
    const char *output;
    const char *against;
    const char *gate;
    const char *stress;
    char command[COMMAND_SIZE];
} arguments;

/* What is read before anything runs, so that what is wrong with it is said at once. */
typedef struct inputs {
    json_t *against; /* NULL = not given, of all three */
    json_t *stress;
    treadle_gate *gate;
} inputs;

static const struct argp_option options[] = {
    TREADLE_EXPLORING_OPTIONS,
    {"output", 'o', "DIR", 0, "the directory that gets index.html and report.json; needed", 0},
    {"against", KEY_AGAINST, "FILE", 0,
     "an older report.json: tells what got better, worse, or vanished", 0},
    {"gate", KEY_GATE, "FILE", 0, "YAML: which checks must hold for a team; see reports/README.md",
     0},
    {"stress", KEY_STRESS, "FILE", 0,
     "what `treadle_stress --record` wrote: how rarely real threads break the same", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'o': self->output = value; return 0;
    case KEY_AGAINST: self->against = value; return 0;
    case KEY_GATE: self->gate = value; return 0;
    case KEY_STRESS: self->stress = value; return 0;
    case ARGP_KEY_END:
        if (self->output == NULL) {
            treadle_cli_error("report needs --output DIR, where index.html and report.json are to "
                              "be");
            return EINVAL;
        }
        return 0;
    default: return treadle_exploring_parse(&self->exploring, key, value, state);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[GLOB] --output DIR",
    .doc =
        "Explores scenarios and writes what a team reads before a roll-out: whether each component "
        "is ready, every check with its evidence, the claims decided, and every counterexample "
        "step by step.\v"
        "GLOB is matched against component/scenario, like 'memory_store/*'; without it: every "
        "component. The directory is replaced in one step: whoever looks sees the old report or "
        "the new one.\n\n"
        "Exit status: 0 all verdicts as expected, and what must hold holds; 1 some not, or "
        "something that held no longer does; 2 usage; 3 environment (no Redis, no memory, output "
        "not writable); 4 unknown verdicts only, or interrupted.",
};

/* ---- which cells ----------------------------------------------------------------------------- */

static bool same_cell(const treadle_cell *a, const treadle_cell *b)
{
    return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->variant, b->variant) == 0 &&
           a->backend == b->backend && a->granularity == b->granularity &&
           memcmp(a->parameters, b->parameters, sizeof a->parameters) == 0;
}

static bool has_cell(const treadle_cell *cells, size_t count, const treadle_cell *cell)
{
    for (size_t i = 0; i < count; i++) {
        if (same_cell(&cells[i], cell)) {
            return true;
        }
    }
    return false;
}

/* Why the claims cannot be decided by what was asked for; NULL when they can. They need all cells
 * that speak of them, explored as usual. */
static const char *claims_undecided(const treadle_exploring *asked)
{
    const treadle_selection *selection = &asked->selection;
    const bool part = selection->variant != NULL || selection->backend != NULL ||
                      selection->granularity != NULL || selection->set != NULL;
    if (part) {
        return "Only part of the variants, backends, granularities or parameters was asked for: "
               "the claims are decided in a run without these options.";
    }
    if (asked->redis_url != NULL) {
        return "On a server that was given, some of what decides the claims cannot run.";
    }
    return NULL;
}

/* Adds what the claims need to the cells that were asked for. */
static int add_cells(treadle_cell **cells, size_t *count, const treadle_cell *more,
                     size_t more_count)
{
    treadle_cell *grown = reallocarray(*cells, *count + more_count + 1, sizeof *grown);
    if (grown == NULL) {
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    *cells = grown;
    const size_t asked = *count;
    for (size_t i = 0; i < more_count; i++) {
        if (!has_cell(grown, asked, &more[i])) {
            grown[(*count)++] = more[i];
        }
    }
    return TREADLE_EXIT_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct gathered {
    const treadle_cell *cells; /* that were asked for, and to which of them there are results */
    size_t next;
    treadle_consistency *report;
    treadle_ledger *ledger; /* NULL = the claims are not decided */
    treadle_baselines *baselines;
    uint64_t unexpected;
    uint64_t unknown;
    uint64_t baselines_lost;
    bool environment;
    int error;
} gathered;

/* Cells that an interrupted run did not come to, up to the one given: they are no less asked for.
 */
static void report_not_run(gathered *self, size_t end)
{
    for (; self->next < end; self->next++) {
        treadle_result result = {.cell = self->cells[self->next],
                                 .interrupted = true,
                                 .verdict = TREADLE_VERDICT_UNKNOWN};
        snprintf(result.outcome.message, sizeof result.outcome.message,
                 "not run: the run was interrupted before");
        const int error = treadle_consistency_result(self->report, &result);
        self->error = self->error ? self->error : error;
        self->unknown++;
    }
}

static void on_result(void *context, treadle_result *result)
{
    gathered *self = context;
    size_t number = self->next;
    while (!same_cell(&self->cells[number], &result->cell)) {
        number++; /* results are in the order of the cells */
    }
    report_not_run(self, number);
    self->next++;
    self->environment |= result->environment && !result->interrupted;
    if (!result->as_expected) {
        const bool unknown = result->verdict == TREADLE_VERDICT_UNKNOWN;
        self->unknown += unknown;
        self->unexpected += !unknown;
    }
    treadle_baselines_note(self->baselines, result);
    const int error = treadle_consistency_result(self->report, result);
    self->error = self->error ? self->error : error;
    size_t count = 0;
    const treadle_cell *wanted =
        self->ledger != NULL ? treadle_ledger_cells(self->ledger, &count) : NULL;
    if (!has_cell(wanted, count, &result->cell)) {
        treadle_result_free(result);
    } else if (treadle_ledger_note(self->ledger, result) != 0) {
        self->error = ENOMEM;
    }
}

static void on_lost_baseline(const treadle_scenario *scenario, treadle_backend backend)
{
    treadle_cli_error("baseline lost: %s on %s passes, and no variant was found that breaks it: "
                      "the check may have gone blind",
                      scenario->name, treadle_backend_name(backend));
}

static int explore(const arguments *self, gathered *reporting, treadle_reproduction *reproduction,
                   const treadle_cell *cells, size_t count)
{
    char started[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    treadle_jobs_options jobs = self->exploring.jobs;
    jobs.result = on_result;
    jobs.context = reporting;
    reporting->cells = cells;
    const double began_s = treadle_now_s();
    const int status = treadle_cli_explore(cells, count, &jobs);
    reproduction->elapsed_s = treadle_now_s() - began_s;
    reproduction->interrupted = treadle_cli_interrupted();
    if (!status) {
        report_not_run(reporting, count);
    }
    snprintf(reproduction->started, sizeof reproduction->started, "%s", started);
    if (!status && !reproduction->interrupted && !treadle_races_everywhere(jobs.check.races)) {
        reporting->baselines_lost =
            treadle_baselines_count(reporting->baselines, on_lost_baseline).lost;
    }
    return status;
}

/* ---- what is written ------------------------------------------------------------------------- */

static int write_json(void *context, FILE *out)
{
    return treadle_json_dump(context, out);
}

static int write_page(void *context, FILE *out)
{
    return treadle_page_write(context, out);
}

static int write_report(treadle_report_directory *directory, json_t *tree)
{
    int status = treadle_report_directory_write(directory, "report.json", write_json, tree);
    status =
        status ? status : treadle_report_directory_write(directory, "index.html", write_page, tree);
    if (status) {
        treadle_report_directory_abandon(directory);
        return status;
    }
    return treadle_report_directory_close(directory);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Whether an object is one of treadle_stress's lines. */
static bool is_stress(json_t *line)
{
    const char *text;
    json_int_t count;
    double seconds;
    json_t *first = NULL;
    return json_unpack(line, "{s:s, s:s, s:s, s:I, s:I, s:F, s:o}", "scenario", &text, "variant",
                       &text, "backend", &text, "rounds", &count, "broken", &count, "elapsed_s",
                       &seconds, "first", &first) == 0 &&
           (json_is_integer(first) || json_is_null(first));
}

/* Appends what the lines of a file say. The number of the line that says nothing; 0 = none. */
static int take_stress(FILE *in, json_t *lines)
{
    char *text = NULL;
    size_t size = 0;
    int number = 0;
    bool good = true;
    while (good && getline(&text, &size, in) > 0) {
        number++;
        json_t *line = json_loads(text, 0, NULL);
        good = line != NULL && is_stress(line) && json_array_append(lines, line) == 0;
        json_decref(line);
    }
    free(text);
    return good && number > 0 ? 0 : number > 0 ? number : 1;
}

static json_t *read_stress(const char *path, char *error, size_t error_size)
{
    FILE *in = fopen(path, "re");
    json_t *lines = in != NULL ? json_array() : NULL;
    if (in == NULL) {
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    const int wrong = take_stress(in, lines);
    fclose(in);
    if (wrong != 0) {
        snprintf(error, error_size,
                 "%s:%d: no result of a workload on real threads; it should be what "
                 "`treadle_stress --record` wrote",
                 path, wrong);
        json_decref(lines);
        return NULL;
    }
    return lines;
}

static void free_inputs(inputs *given)
{
    json_decref(given->against);
    json_decref(given->stress);
    treadle_gate_free(given->gate);
}

static int read_inputs(const arguments *self, inputs *given)
{
    char error[TREADLE_MESSAGE_MAX];
    *given = (inputs){0};
    bool read = true;
    if (self->against != NULL) {
        given->against = treadle_report_read(self->against, error, sizeof error);
        read = given->against != NULL;
    }
    if (read && self->gate != NULL) {
        given->gate = treadle_gate_read(self->gate, error, sizeof error);
        read = given->gate != NULL;
    }
    if (read && self->stress != NULL) {
        given->stress = read_stress(self->stress, error, sizeof error);
        read = given->stress != NULL;
    }
    if (!read) {
        treadle_cli_error("%s", error);
        free_inputs(given);
        return TREADLE_EXIT_USAGE;
    }
    return TREADLE_EXIT_OK;
}

static json_t *make_tree(const arguments *self, gathered *reporting,
                         const treadle_reproduction *reproduction, const inputs *given)
{
    const treadle_selection *selection = &self->exploring.selection;
    const treadle_scope scope = {.glob = selection->glob,
                                 .variant = selection->variant,
                                 .backend = selection->backend,
                                 .granularity = selection->granularity,
                                 .set = selection->set};
    json_t *tree = treadle_consistency_finish(reporting->report, reporting->ledger,
                                              claims_undecided(&self->exploring), given->stress,
                                              &scope, reproduction);
    int failed = tree == NULL;
    if (given->against != NULL) {
        failed |= json_object_set_new(tree, "comparison", treadle_compare(given->against, tree));
    }
    if (given->gate != NULL) {
        failed |= json_object_set_new(
            tree, "gate", treadle_gate_apply(given->gate, json_object_get(tree, "cells")));
    }
    if (failed) {
        json_decref(tree);
        return NULL;
    }
    return tree;
}

static int exit_status(const gathered *reporting, const json_t *tree, bool interrupted)
{
    const json_t *gate = json_object_get(tree, "gate");
    const treadle_gate_status gated =
        json_is_object(gate) ? treadle_gate_status_of(gate) : TREADLE_GATE_PASSED;
    if (reporting->unexpected > 0 || reporting->baselines_lost > 0 ||
        gated == TREADLE_GATE_FAILED ||
        treadle_comparison_regressed(json_object_get(tree, "comparison"))) {
        return TREADLE_EXIT_UNEXPECTED;
    }
    if (reporting->environment) {
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return reporting->unknown > 0 || interrupted || gated == TREADLE_GATE_UNKNOWN
               ? TREADLE_EXIT_UNKNOWN
               : TREADLE_EXIT_OK;
}

/* Takes over the directory and what `reporting` holds. */
static int run(const arguments *self, gathered *reporting, const inputs *given,
               treadle_report_directory *directory, const treadle_cell *cells, size_t count)
{
    treadle_reproduction reproduction = {.version = TREADLE_VERSION,
                                         .flags = TREADLE_FLAGS,
                                         .command = self->command,
                                         .stress = self->stress,
                                         .seed = self->exploring.jobs.check.seed,
                                         .jobs = self->exploring.jobs.jobs};
    const int started = explore(self, reporting, &reproduction, cells, count);
    if (started) {
        treadle_consistency_close(reporting->report);
        treadle_report_directory_abandon(directory);
        return started;
    }
    json_t *tree = make_tree(self, reporting, &reproduction, given);
    if (tree == NULL || reporting->error) {
        treadle_cli_error("out of memory");
        json_decref(tree);
        treadle_report_directory_abandon(directory);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    const int written = write_report(directory, tree);
    if (!written) {
        treadle_summary_print(tree, self->output, stdout);
    }
    const int status = exit_status(reporting, tree, reproduction.interrupted);
    json_decref(tree);
    return status == TREADLE_EXIT_UNEXPECTED || !written ? status : written;
}

static int open_reporting(const arguments *self, gathered *out)
{
    const treadle_consistency_options how = {.symbolize = treadle_symbolize,
                                             .symbolize_data = treadle_symbolize_data,
                                             .source_directory = TREADLE_SOURCE_DIR};
    const bool claims = claims_undecided(&self->exploring) == NULL;
    *out = (gathered){.baselines = treadle_baselines_open()};
    out->ledger = claims ? treadle_ledger_open(self->exploring.selection.glob) : NULL;
    out->report = out->baselines != NULL && (out->ledger != NULL || !claims)
                      ? treadle_consistency_open(&how)
                      : NULL;
    if (out->report == NULL) {
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return TREADLE_EXIT_OK;
}

static void close_reporting(gathered *reporting)
{
    treadle_baselines_close(reporting->baselines);
    treadle_ledger_close(reporting->ledger);
}

/* As it was typed, as far as there is room; without who logs in to a server, and how. */
static void keep_command(arguments *self, int argc, char **argv)
{
    size_t used = (size_t)snprintf(self->command, sizeof self->command, "treadle");
    for (int i = 0; i < argc && used < sizeof self->command; i++) {
        const char *text = argv[i];
        const char *scheme = strstr(text, "://");
        const char *host = scheme != NULL ? strrchr(scheme, '@') : NULL;
        const int before = host != NULL ? (int)(scheme + 3 - text) : 0;
        const char *quote = strpbrk(text, " *!()[]?{}$") != NULL ? "'" : "";
        used += (size_t)snprintf(self->command + used, sizeof self->command - used, " %s%.*s%s%s%s",
                                 quote, before, text, host != NULL ? "***" : "",
                                 host != NULL ? host : text, quote);
    }
}

int treadle_cli_report(int argc, char **argv)
{
    arguments self = {
        .exploring = {.jobs = {.check = {.seed = 1, .find_coarsest = true, .explain = true}}}};
    keep_command(&self, argc, argv);
    treadle_cell *cells = NULL;
    size_t count = 0;
    inputs given = {0};
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    if (!status && self.exploring.selection.glob == NULL) {
        self.exploring.selection.glob = EVERY_COMPONENT;
    }
    if (!status && self.exploring.jobs.check.races == TREADLE_RACES_ONLY) {
        treadle_cli_error("report judges by all properties; --races only looks for one, with "
                          "`treadle check`");
        status = TREADLE_EXIT_USAGE;
    }
    status = status ? status : read_inputs(&self, &given);
    status = status ? status : treadle_exploring_prepare(&self.exploring, &cells, &count);
    gathered reporting = {0};
    status = status ? status : open_reporting(&self, &reporting);
    if (!status && reporting.ledger != NULL) {
        size_t more_count;
        const treadle_cell *more = treadle_ledger_cells(reporting.ledger, &more_count);
        status = add_cells(&cells, &count, more, more_count);
    }
    treadle_report_directory directory;
    status = status ? status : treadle_report_directory_open(&directory, self.output);
    if (!status) {
        status = run(&self, &reporting, &given, &directory, cells, count);
    } else if (reporting.report != NULL) {
        treadle_consistency_close(reporting.report);
    }
    close_reporting(&reporting);
    free_inputs(&given);
    treadle_exploring_release(&self.exploring);
    free(cells);
    return status;
}
