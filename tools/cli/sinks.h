// SPDX-License-Identifier: MIT
/*
 * Where the results of a run go: the report, and, when asked for, a file of metrics and a log of
 * detections. Under GitHub Actions (GITHUB_ACTIONS is "true") also annotations, on standard error,
 * which the runner reads as it reads standard output.
 *
 * open, begin, any number of finished and result, end, close; close whatever happened after a
 * successful open. A failure to write is printed by close, once each.
 */
#ifndef TREADLE_CLI_SINKS_H
#define TREADLE_CLI_SINKS_H

#include "tools/cli/output.h"

typedef struct treadle_sink {
    const treadle_writer *writer; /* NULL = not asked for */
    const char *what;             /* "output", for messages */
    treadle_output output;
    void *self;
    bool begun;
    int error; /* an errno value, the first */
} treadle_sink;

typedef struct treadle_sinks {
    treadle_sink report;
    treadle_sink metrics;
    treadle_sink annotations;
    const char *log_path; /* NULL = not asked for; borrowed */
    int log;
    int log_error;
} treadle_sinks;

/* `output`, `metrics` and `log` are paths, borrowed; NULL = standard output, none, none. Opens all
 * of them, so that what cannot be written is said before anything runs. 0, or an exit status after
 * an error was printed; then there is nothing to close. */
int treadle_sinks_open(treadle_sinks *sinks, const treadle_writer *writer, const char *output,
                       const char *metrics, const char *log);

/* What the report looks like is up to the caller, who starts from treadle_output_options(). False
 * when something cannot be written already. */
bool treadle_sinks_begin(treadle_sinks *sinks, const treadle_writer_options *options);

/* As soon as a cell is finished: its line in the log. */
void treadle_sinks_finished(treadle_sinks *sinks, const treadle_result *result);

/* In the order of the cells. */
void treadle_sinks_result(treadle_sinks *sinks, const treadle_result *result);

void treadle_sinks_end(treadle_sinks *sinks, const treadle_summary *summary);

/* 0, or TREADLE_EXIT_ENVIRONMENT when something could not be written. */
int treadle_sinks_close(treadle_sinks *sinks);

#endif
