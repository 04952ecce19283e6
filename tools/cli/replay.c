// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"
#include "reports/writer.h"
#include "tools/cli/cells.h"
#include "tools/cli/cli.h"
#include "tools/cli/gdb.h"
#include "tools/cli/output.h"
#include "tools/cli/places.h"
#include "tools/cli/session.h"
#include "tools/cli/suggest.h"

enum { KEY_REDIS = 0x100, KEY_FROM, KEY_TO, KEY_IN_PROCESS, KEY_GDB };

typedef struct arguments {
    const char *schedule;
    const char *backend;
    const treadle_trace_writer *format;
    const char *output;
    const char *redis_url;
    uint64_t repeat;
    uint64_t from;
    uint64_t to;
    bool verbose;
    bool in_process;
    bool gdb;
} arguments;

static const struct argp_option options[] = {
    {"backend", 'b', "BACKEND", 0, "run on another backend than the recorded one", 0},
    {"format", 'f', "FORMAT", 0,
     "lanes (default), json, perfetto (for the Perfetto UI) or dot (the happens-before graph, for "
     "Graphviz)",
     0},
    {"output", 'o', "FILE", 0, "write there instead of to standard output", 0},
    {"repeat", 'r', "N", 0, "run N times; every trace must be the same", 0},
    {"redis", KEY_REDIS, "URL", 0, "a running server instead of a private one", 0},
    {"from", KEY_FROM, "STEP", 0, "show the steps from this one on; of lanes and dot", 0},
    {"to", KEY_TO, "STEP", 0, "show the steps up to this one; likewise", 0},
    {"verbose", 'v', NULL, 0, "show also the operations that no other thread could notice", 0},
    {"gdb", KEY_GDB, NULL, 0,
     "open gdb at the failing step, with commands `treadle threads`, `treadle thread N`, `treadle "
     "step`, `treadle back`",
     0},
    {"in-process", KEY_IN_PROCESS, NULL, 0,
     "run the subject in this process and not in one of its own, for debuggers", 0},
    {0},
};

static error_t parse_steps(arguments *self, int key, const char *value)
{
    const bool from = key == KEY_FROM;
    if (!treadle_cli_number(value, from ? "--from" : "--to", 1, UINT32_MAX,
                            from ? &self->from : &self->to)) {
        return EINVAL;
    }
    if (self->to > 0 && self->from > self->to) {
        treadle_cli_error("--from is %" PRIu64 " and --to is %" PRIu64
                          "; --from may not be the later one",
                          self->from, self->to);
        return EINVAL;
    }
    return 0;
}

static error_t parse_format(arguments *self, const char *name)
{
    const char *names[8];
    char list[200] = "";
    size_t count = 0;
    for (; count < 8 && treadle_trace_writers[count] != NULL; count++) {
        const char *glue = count == 0                                 ? ""
                           : treadle_trace_writers[count + 1] != NULL ? ", "
                                                                      : " and ";
        names[count] = treadle_trace_writers[count]->name;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", glue, names[count]);
    }
    self->format = treadle_trace_writer_find(name);
    if (self->format == NULL) {
        const char *near = treadle_suggest(name, names, count);
        treadle_cli_error("unknown format \"%s\"%s%s%s; replay has %s", name,
                          near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                          list);
        return EINVAL;
    }
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'b': self->backend = value; return 0;
    case 'o': self->output = value; return 0;
    case KEY_REDIS: self->redis_url = value; return 0;
    case 'r':
        return treadle_cli_number(value, "--repeat", 1, UINT32_MAX, &self->repeat) ? 0 : EINVAL;
    case KEY_FROM:
    case KEY_TO: return parse_steps(self, key, value);
    case 'v': self->verbose = true; return 0;
    case KEY_IN_PROCESS: self->in_process = true; return 0;
    case KEY_GDB: self->gdb = true; return 0;
    case 'f': return parse_format(self, value);
    case ARGP_KEY_ARG:
        if (self->schedule != NULL) {
            treadle_cli_error("replay takes one TOKEN or FILE");
            return EINVAL;
        }
        self->schedule = value;
        return 0;
    case ARGP_KEY_END:
        if (self->format->whole && (self->from > 1 || self->to > 0)) {
            treadle_cli_error("--from and --to show a part, and %s is of the whole trace; take "
                              "lanes or dot",
                              self->format->name);
            return EINVAL;
        }
        return 0;
    case ARGP_KEY_NO_ARGS:
        treadle_cli_error("replay needs a TOKEN or FILE, such as `treadle check` prints");
        return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "TOKEN|FILE",
    .doc =
        "Runs a recorded schedule again, checks step by step that the program still does what was "
        "recorded, and shows what happens.\v"
        "FILE holds a token, or is the journal of a run that was killed, in which no verdict is "
        "recorded.\n\n"
        "Exit status: 0 the recorded verdict came about again, 1 it did not, 2 usage, 3 "
        "environment, 4 interrupted before it was repeated as often as asked for.",
};

/* Whether what came about is what the schedule says; explains in one line. */
static bool verdict_again(const treadle_schedule *schedule, const treadle_outcome *outcome,
                          bool judged, char *line, size_t size)
{
    if (outcome->kind == TREADLE_OUTCOME_DIVERGED) {
        snprintf(line, size, "diverged: %s", outcome->message);
        return false;
    }
    if (outcome->kind == TREADLE_OUTCOME_ENVIRONMENT) {
        snprintf(line, size, "environment: %s", outcome->message);
        return false;
    }
    const bool passed = outcome->kind == TREADLE_OUTCOME_PASSED;
    if (passed) {
        snprintf(line, size, "no violation");
    } else {
        snprintf(line, size, "%s: %s", outcome->property, outcome->message);
    }
    return !judged || strcmp(outcome->property, schedule->property) == 0;
}

/* The step at which a trace ends: where it went wrong, if it did. */
static uint32_t last_step(const treadle_trace *trace)
{
    return trace->event_count > 0 ? trace->events[trace->event_count - 1].step : 1;
}

static int show(const arguments *self, const treadle_replayed *replayed)
{
    const uint32_t last = last_step(replayed->trace);
    if (self->from > last) {
        treadle_cli_error("--from is %" PRIu64 ", but the trace ends with step %" PRIu32,
                          self->from, last);
        return TREADLE_EXIT_USAGE;
    }
    treadle_output output;
    const int status = treadle_output_open(&output, self->output);
    if (status) {
        return status;
    }
    treadle_writer_options writing;
    treadle_output_options(&output, &writing);
    writing.verbose = self->verbose;
    writing.from = (uint32_t)self->from;
    writing.to = (uint32_t)self->to;
    const int error = self->format->write(replayed, &writing);
    if (error && error != EPIPE) {
        treadle_cli_error("cannot write the output: %s", strerror(error));
        treadle_output_abandon(&output);
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return treadle_output_close(&output);
}

static int debug(const arguments *self, const treadle_session *session, const char *line)
{
    const char *forwarded[8] = {self->schedule};
    size_t count = 1;
    if (self->backend != NULL) {
        forwarded[count++] = "--backend";
        forwarded[count++] = self->backend;
    }
    if (self->redis_url != NULL) {
        forwarded[count++] = "--redis";
        forwarded[count++] = self->redis_url;
    }
    const uint32_t step = last_step(&session->journal->trace);
    char *shown = treadle_utf8_escape(line, strlen(line));
    printf("%s\nThe last step is %" PRIu32 "; gdb halts before it.\n", shown != NULL ? shown : "",
           step);
    free(shown);
    return treadle_cli_gdb(session->directory, forwarded, step);
}

/* Runs the schedule and shows it. */
static int run(const arguments *self, treadle_session *session, const treadle_schedule *schedule,
               bool strict)
{
    const treadle_replay_request request = {.decisions = schedule->decisions,
                                            .count = schedule->decision_count,
                                            .record = true,
                                            .against = strict ? schedule : NULL,
                                            .repeat = (uint32_t)self->repeat};
    treadle_outcome outcome;
    int error = 0;
    if (self->in_process) {
        treadle_sandbox_replay_here(session->sandbox, &request, &outcome);
    } else {
        error = treadle_sandbox_replay(session->sandbox, &request, &outcome);
    }
    if (error) {
        treadle_cli_error("cannot start a process to replay in: %s", strerror(error));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    treadle_places_resolve(outcome.message, sizeof outcome.message);
    char line[TREADLE_MESSAGE_MAX + TREADLE_PROPERTY_MAX + 16];
    const bool judged = schedule->trace_hash != 0 || schedule->property[0] != '\0';
    const bool again = verdict_again(schedule, &outcome, judged, line, sizeof line);
    if (self->gdb) {
        return debug(self, session, line);
    }
    const bool token = strncmp(self->schedule, "tdl", 3) == 0;
    const treadle_replayed replayed = {.schedule = schedule,
                                       .outcome = &outcome,
                                       .trace = &session->journal->trace,
                                       .token = token ? self->schedule : NULL,
                                       .line = line,
                                       .repetitions = session->journal->repeated,
                                       .judged = judged,
                                       .again = again};
    const int status = show(self, &replayed);
    const uint64_t times = session->journal->repeated;
    const bool fewer = times < self->repeat && outcome.kind != TREADLE_OUTCOME_DIVERGED;
    const bool interrupted = fewer && times > 0 && treadle_cli_interrupted();
    if (!status && interrupted) {
        treadle_cli_error("interrupted: run %" PRIu64 " of %" PRIu64 " times", times, self->repeat);
    } else if (!status && fewer && self->repeat > 1) {
        treadle_cli_error("run once, not %" PRIu64 " times: it ends its process", self->repeat);
    }
    if (status || again) {
        return !status && interrupted ? TREADLE_EXIT_UNKNOWN : status;
    }
    return outcome.kind == TREADLE_OUTCOME_ENVIRONMENT ? TREADLE_EXIT_ENVIRONMENT
                                                       : TREADLE_EXIT_UNEXPECTED;
}

int treadle_cli_replay(int argc, char **argv)
{
    arguments self = {.format = &treadle_trace_writer_lanes, .repeat = 1};
    treadle_schedule schedule;
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    status = status ? status : treadle_cli_schedule(self.schedule, &schedule);
    if (status) {
        return status;
    }
    bool strict = schedule.trace_hash != 0;
    if (self.backend != NULL) {
        const treadle_backend recorded = schedule.cell.backend;
        if (!treadle_backend_parse(self.backend, &schedule.cell.backend)) {
            treadle_cli_error("unknown backend \"%s\"; there are memory and redis", self.backend);
            treadle_schedule_free(&schedule);
            return TREADLE_EXIT_USAGE;
        }
        strict &= recorded == schedule.cell.backend;
    }
    if (!self.gdb && !self.in_process) { /* there Ctrl-C is the debugger's */
        treadle_cli_catch_interrupts();
    }
    treadle_session session;
    status = treadle_session_open_schedule(&session, &schedule, self.redis_url);
    if (status) {
        treadle_schedule_free(&schedule);
        return status;
    }
    session.journal->print_reports = true;
    treadle_cli_stop_when_interrupted(&session.journal->stop);
    status = run(&self, &session, &schedule, strict);
    treadle_cli_stop_when_interrupted(NULL);
    treadle_session_close(&session);
    treadle_schedule_free(&schedule);
    return status;
}
