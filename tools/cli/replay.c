// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/writer.h"
#include "tools/cli/cli.h"
#include "tools/cli/output.h"
#include "tools/cli/places.h"
#include "tools/cli/session.h"

enum { KEY_REDIS = 0x100 };

typedef struct arguments {
    const char *schedule;
    const char *backend;
    const char *format;
    const char *output;
    const char *redis_url;
    uint64_t repeat;
} arguments;

static const struct argp_option options[] = {
    {"backend", 'b', "BACKEND", 0, "run on another backend than the recorded one", 0},
    {"format", 'f', "FORMAT", 0, "lanes (default) or json", 0},
    {"output", 'o', "FILE", 0, "write there instead of to standard output", 0},
    {"repeat", 'r', "N", 0, "run N times; every trace must be the same", 0},
    {"redis", KEY_REDIS, "URL", 0, "a running server instead of a private one", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'b': self->backend = value; return 0;
    case 'o': self->output = value; return 0;
    case KEY_REDIS: self->redis_url = value; return 0;
    case 'r':
        return treadle_cli_number(value, "--repeat", 1, UINT32_MAX, &self->repeat) ? 0 : EINVAL;
    case 'f':
        self->format = value;
        if (strcmp(value, "lanes") != 0 && strcmp(value, "json") != 0) {
            treadle_cli_error("unknown format \"%s\"; replay has lanes and json", value);
            return EINVAL;
        }
        return 0;
    case ARGP_KEY_ARG:
        if (self->schedule != NULL) {
            treadle_cli_error("replay takes one TOKEN or FILE");
            return EINVAL;
        }
        self->schedule = value;
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
        "FILE holds a token, or is the journal of a run that was killed.\n\n"
        "Exit status: 0 the recorded verdict came about again, 1 it did not, 2 usage, 3 "
        "environment.",
};

/* Whether what came about is what the schedule says; explains in one line. */
static bool verdict_again(const treadle_schedule *schedule, const treadle_outcome *outcome,
                          bool strict, char *line, size_t size)
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
    return strict ? strcmp(outcome->property, schedule->property) == 0 : true;
}

static int show(const arguments *self, const treadle_schedule *schedule,
                const treadle_outcome *outcome, const treadle_journal *journal, bool again,
                const char *line)
{
    treadle_output output;
    const int status = treadle_output_open(&output, self->output);
    if (status) {
        return status;
    }
    treadle_writer_options writing;
    treadle_output_options(&output, &writing);
    int error;
    if (strcmp(self->format, "json") == 0) {
        error = treadle_trace_json_write(
            schedule, outcome, strncmp(self->schedule, "tdl", 3) == 0 ? self->schedule : NULL,
            &journal->trace, &writing);
    } else {
        const treadle_cell *cell = &schedule->cell;
        fprintf(output.stream, "%s  %s  %s  %s\n\n", cell->scenario, cell->variant,
                treadle_backend_name(cell->backend), treadle_granularity_name(cell->granularity));
        error = treadle_lanes_write(&journal->trace, &writing);
        fprintf(output.stream, "\n%s\n", line);
        if (self->repeat > 1) {
            fprintf(output.stream, "run %" PRIu64 " times, trace hash %016" PRIx64 " each time\n",
                    journal->repeated, outcome->trace_hash);
        }
        fprintf(output.stream, "%s\n",
                again ? "The recorded verdict came about again."
                      : "The recorded verdict did NOT come about again.");
    }
    if (error) {
        treadle_cli_error("cannot write the output: %s", strerror(error));
    }
    const int closed = treadle_output_close(&output);
    return error ? TREADLE_EXIT_ENVIRONMENT : closed;
}

int treadle_cli_replay(int argc, char **argv)
{
    arguments self = {.format = "lanes", .repeat = 1};
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
    treadle_session session;
    status = treadle_session_open_schedule(&session, &schedule, self.redis_url);
    if (status) {
        treadle_schedule_free(&schedule);
        return status;
    }
    session.journal->print_reports = true;
    const treadle_replay_request request = {.decisions = schedule.decisions,
                                            .count = schedule.decision_count,
                                            .record = true,
                                            .against = strict ? &schedule : NULL,
                                            .repeat = (uint32_t)self.repeat};
    treadle_outcome outcome;
    const int error = treadle_sandbox_replay(session.sandbox, &request, &outcome);
    if (error) {
        treadle_cli_error("cannot start a process to replay in: %s", strerror(error));
        status = TREADLE_EXIT_ENVIRONMENT;
    } else {
        treadle_places_resolve(outcome.message, sizeof outcome.message);
        char line[TREADLE_MESSAGE_MAX + TREADLE_PROPERTY_MAX + 16];
        const bool again = verdict_again(&schedule, &outcome, strict, line, sizeof line);
        status = show(&self, &schedule, &outcome, session.journal, again, line);
        if (!status && !again) {
            status = outcome.kind == TREADLE_OUTCOME_ENVIRONMENT ? TREADLE_EXIT_ENVIRONMENT
                                                                 : TREADLE_EXIT_UNEXPECTED;
        }
    }
    treadle_session_close(&session);
    treadle_schedule_free(&schedule);
    return status;
}
