// SPDX-License-Identifier: MIT
#include "tools/cli/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reports/detection_log.h"
#include "tools/cli/cli.h"

enum { NO_FILE = -1 };

/* ---- one sink -------------------------------------------------------------------------------- */

/* With EPIPE the reader has seen enough, as `head` has. */
static bool sink_failed(const treadle_sink *sink)
{
    return sink->error != 0 && sink->error != EPIPE;
}

static bool sink_begin(treadle_sink *sink, const treadle_writer_options *options)
{
    if (sink->writer != NULL) {
        sink->error = sink->writer->begin(&sink->self, options);
        sink->begun = sink->error == 0;
    }
    return !sink_failed(sink);
}

static void sink_result(treadle_sink *sink, const treadle_result *result)
{
    if (sink->begun) {
        const int error = sink->writer->result(sink->self, result);
        sink->error = sink->error ? sink->error : error;
    }
}

static void sink_end(treadle_sink *sink, const treadle_summary *summary)
{
    if (sink->begun) {
        const int error = sink->writer->end(sink->self, summary);
        sink->error = sink->error ? sink->error : error;
    }
}

static int sink_close(treadle_sink *sink)
{
    if (sink->writer == NULL) {
        return TREADLE_EXIT_OK;
    }
    if (sink_failed(sink)) {
        treadle_cli_error("cannot write the %s: %s", sink->what, strerror(sink->error));
        treadle_output_abandon(&sink->output);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    if (!sink->begun) {
        treadle_output_abandon(&sink->output);
        return TREADLE_EXIT_OK;
    }
    return treadle_output_close(&sink->output);
}

static void open_annotations(treadle_sinks *sinks)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    if (actions != NULL && strcmp(actions, "true") == 0 &&
        sinks->report.writer != &treadle_writer_github) {
        sinks->annotations.writer = &treadle_writer_github;
        sinks->annotations.output.stream = stderr;
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int open_log(treadle_sinks *sinks)
{
    if (sinks->log_path == NULL) {
        return TREADLE_EXIT_OK;
    }
    sinks->log = open(sinks->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (sinks->log < 0) {
        treadle_cli_error("cannot write %s: %s", sinks->log_path, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return TREADLE_EXIT_OK;
}

int treadle_sinks_open(treadle_sinks *sinks, const treadle_writer *writer, const char *output,
                       const char *metrics, const char *log)
{
    *sinks = (treadle_sinks){.report = {.what = "output"},
                             .metrics = {.what = "metrics"},
                             .annotations = {.what = "annotations"},
                             .log_path = log,
                             .log = NO_FILE};
    int status = open_log(sinks);
    if (!status && metrics != NULL) {
        status = treadle_output_open(&sinks->metrics.output, metrics);
        sinks->metrics.writer = status ? NULL : &treadle_writer_prometheus;
    }
    if (!status) {
        status = treadle_output_open(&sinks->report.output, output);
        sinks->report.writer = status ? NULL : writer;
    }
    open_annotations(sinks);
    if (status) {
        treadle_sinks_close(sinks);
    }
    return status;
}

bool treadle_sinks_begin(treadle_sinks *sinks, const treadle_writer_options *options)
{
    treadle_writer_options metrics;
    treadle_output_options(&sinks->metrics.output, &metrics);
    treadle_writer_options annotations = *options;
    annotations.out = sinks->annotations.output.stream;
    return sink_begin(&sinks->report, options) && sink_begin(&sinks->metrics, &metrics) &&
           sink_begin(&sinks->annotations, &annotations);
}

void treadle_sinks_finished(treadle_sinks *sinks, const treadle_result *result)
{
    if (sinks->log < 0) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int error = treadle_detection_log(sinks->log, result, &now);
    sinks->log_error = sinks->log_error ? sinks->log_error : error;
}

void treadle_sinks_result(treadle_sinks *sinks, const treadle_result *result)
{
    sink_result(&sinks->report, result);
    sink_result(&sinks->metrics, result);
    sink_result(&sinks->annotations, result);
}

void treadle_sinks_end(treadle_sinks *sinks, const treadle_summary *summary)
{
    sink_end(&sinks->report, summary);
    sink_end(&sinks->metrics, summary);
    sink_end(&sinks->annotations, summary);
}

int treadle_sinks_close(treadle_sinks *sinks)
{
    const int report = sink_close(&sinks->report);
    const int metrics = sink_close(&sinks->metrics);
    const int annotations = sink_close(&sinks->annotations);
    if (sinks->log >= 0 && close(sinks->log) != 0 && sinks->log_error == 0) {
        sinks->log_error = errno;
    }
    if (sinks->log_error) {
        treadle_cli_error("cannot write %s: %s", sinks->log_path, strerror(sinks->log_error));
    }
    return report || metrics || annotations || sinks->log_error ? TREADLE_EXIT_ENVIRONMENT
                                                                : TREADLE_EXIT_OK;
}
