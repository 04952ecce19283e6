// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reports/ledger_writer.h"
#include "tools/cli/cells.h"
#include "tools/cli/cli.h"
#include "tools/cli/output.h"

typedef struct arguments {
    const char *glob;
    const char *format;
    const char *output;
    treadle_jobs_options jobs;
} arguments;

static const struct argp_option options[] = {
    {"seed", 'S', "N", 0, "of the strategies' random numbers; default 1", 0},
    {"jobs", 'j', "N", 0, "cells at a time; default: one a core", 0},
    {"format", 'f', "FORMAT", 0, "text (default), json (an object a line) or markdown", 0},
    {"output", 'o', "FILE", 0, "write there instead of to standard output", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    uint64_t number = 0;
    switch (key) {
    case 'S':
        return treadle_cli_number(value, "--seed", 0, UINT64_MAX, &self->jobs.check.seed) ? 0
                                                                                          : EINVAL;
    case 'j':
        if (!treadle_cli_number(value, "--jobs", 1, 64, &number)) {
            return EINVAL;
        }
        self->jobs.jobs = (uint32_t)number;
        return 0;
    case 'f': self->format = value; return 0;
    case 'o': self->output = value; return 0;
    case ARGP_KEY_ARG:
        if (self->glob != NULL) {
            treadle_cli_error("claims takes one GLOB, but got \"%s\" and \"%s\"", self->glob,
                              value);
            return EINVAL;
        }
        self->glob = value;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[GLOB]",
    .doc = "Decides the claims of the document on the seven race conditions, and of its analysis, "
           "by exploring.\v"
           "GLOB is matched against the scenarios that decide them, like 'metrics/*'.\n\n"
           "Exit status: 0 every claim decided, 2 usage, 3 environment, 4 some undecided.",
};

typedef struct reporting {
    treadle_ledger *ledger;
    bool environment;
    int error;
} reporting;

static void on_result(void *context, treadle_result *result)
{
    reporting *report = context;
    report->environment |= result->environment && !result->interrupted;
    const int error = treadle_ledger_note(report->ledger, result);
    report->error = report->error ? report->error : error;
}

/* *written: everything is there to be read. */
static int run(const arguments *self, const treadle_ledger_writer *writer, FILE *out, bool *written)
{
    reporting report = {.ledger = treadle_ledger_open(self->glob)};
    if (report.ledger == NULL) {
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    int status = TREADLE_EXIT_OK;
    if (treadle_ledger_count(report.ledger) == 0) {
        treadle_cli_error("no claim is decided by a scenario that matches \"%s\"; `treadle list` "
                          "shows the scenarios",
                          self->glob);
        status = TREADLE_EXIT_USAGE;
    }
    if (!status) {
        size_t count;
        const treadle_cell *cells = treadle_ledger_cells(report.ledger, &count);
        treadle_jobs_options jobs = self->jobs;
        jobs.result = on_result;
        jobs.context = &report;
        status = treadle_cli_explore(cells, count, &jobs);
    }
    if (!status) {
        const int error = report.error ? report.error : writer->write(report.ledger, out);
        *written = error == 0;
        const treadle_ledger_counts counts = treadle_ledger_counts_of(report.ledger);
        if (error && error != EPIPE) {
            treadle_cli_error("cannot write the output: %s", strerror(error));
        }
        if ((error && error != EPIPE) || report.environment) {
            status = TREADLE_EXIT_ENVIRONMENT;
        } else if (counts.rulings[TREADLE_RULING_UNDECIDED] > 0) {
            status = TREADLE_EXIT_UNKNOWN;
        }
    }
    treadle_ledger_close(report.ledger);
    return status;
}

int treadle_cli_claims(int argc, char **argv)
{
    arguments self = {.format = "text", .jobs = {.check = {.seed = 1}}};
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    const treadle_ledger_writer *writer = treadle_ledger_writer_find(self.format);
    if (!status && writer == NULL) {
        treadle_cli_error("unknown format \"%s\"; claims has text, json and markdown", self.format);
        status = TREADLE_EXIT_USAGE;
    }
    treadle_output output;
    status = status ? status : treadle_output_open(&output, self.output);
    if (!status) {
        bool written = false;
        status = run(&self, writer, output.stream, &written);
        if (written) {
            const int closed = treadle_output_close(&output);
            status = status ? status : closed;
        } else {
            treadle_output_abandon(&output);
        }
    }
    return status;
}
