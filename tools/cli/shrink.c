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
#include "tools/cli/output.h"
#include "tools/cli/places.h"
#include "tools/cli/session.h"
#include "tools/explore/check.h"
#include "tools/explore/shrink.h"
#include "tools/explore/token.h"

enum { KEY_REDIS = 0x100, EXECUTIONS_DEFAULT = 20000, TIME_S_DEFAULT = 60 };

typedef struct arguments {
    const char *schedule;
    const char *redis_url;
    uint64_t executions;
    double time_s;
} arguments;

static const struct argp_option options[] = {
    {"executions", 'n', "N", 0, "at most so many executions; default 20000", 0},
    {"time", 't', "SECONDS", 0, "at most so long; default 60", 0},
    {"redis", KEY_REDIS, "URL", 0, "a running server instead of a private one", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    switch (key) {
    case 'n':
        return treadle_cli_number(value, "--executions", 1, UINT64_MAX, &self->executions) ? 0
                                                                                           : EINVAL;
    case 't': return treadle_cli_seconds(value, "--time", &self->time_s) ? 0 : EINVAL;
    case KEY_REDIS: self->redis_url = value; return 0;
    case ARGP_KEY_ARG:
        if (self->schedule != NULL) {
            treadle_cli_error("shrink takes one TOKEN or FILE");
            return EINVAL;
        }
        self->schedule = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        treadle_cli_error("shrink needs a TOKEN or FILE of a failing schedule");
        return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "TOKEN|FILE",
    .doc =
        "Makes a failing schedule shorter: fewest context switches first, then fewest steps. The "
        "result breaks the same property. Ctrl-C ends with the shortest so far.\v"
        "Exit status: 0 done, 1 the schedule does not fail, or breaks something else, 2 usage, 3 "
        "environment, 4 interrupted.",
};

static int finish(treadle_session *session, const uint16_t *decisions, uint32_t count,
                  const treadle_shrink_report *report)
{
    const treadle_replay_request request = {.decisions = decisions, .count = count, .record = true};
    treadle_outcome outcome;
    treadle_schedule schedule;
    int error = treadle_sandbox_replay(session->sandbox, &request, &outcome);
    error = error ? error : treadle_schedule_take(session->journal, &schedule);
    if (error) {
        treadle_cli_error("%s", strerror(error));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    if (strcmp(outcome.property, report->before.property) != 0) {
        treadle_schedule_free(&schedule);
        treadle_cli_error("the schedule breaks %s, but not when it was run for the last time: the "
                          "subject depends on something that is not in the decision stream",
                          report->before.property);
        return TREADLE_EXIT_UNEXPECTED;
    }
    char *token = treadle_token_encode(&schedule);
    treadle_schedule_free(&schedule);
    treadle_output output;
    treadle_writer_options writing;
    treadle_output_open(&output, NULL);
    treadle_output_options(&output, &writing);
    error = treadle_lanes_write(&session->journal->trace, &writing);
    treadle_places_resolve(outcome.message, sizeof outcome.message);
    char *message = treadle_utf8_escape(outcome.message, strlen(outcome.message));
    printf("\n%s: %s\n", outcome.property, message != NULL ? message : "");
    free(message);
    printf("%u context switches and %u steps, before %u and %u (%" PRIu64 " executions)\n",
           report->after.switches, report->after.steps, report->before.switches,
           report->before.steps, report->executions);
    if (!report->finished) {
        printf("%s: a shorter one may exist\n",
               treadle_cli_interrupted() ? "interrupted" : "the budget is spent");
    }
    printf("replay: treadle replay %s\n", token != NULL ? token : "");
    free(token);
    const int status = treadle_output_close(&output);
    if (error || status) {
        return TREADLE_EXIT_ENVIRONMENT;
    }
    return !report->finished && treadle_cli_interrupted() ? TREADLE_EXIT_UNKNOWN : TREADLE_EXIT_OK;
}

int treadle_cli_shrink(int argc, char **argv)
{
    arguments self = {.executions = EXECUTIONS_DEFAULT, .time_s = TIME_S_DEFAULT};
    treadle_schedule schedule;
    int status = treadle_cli_parse(&argp, argc, argv, &self);
    status = status ? status : treadle_cli_schedule(self.schedule, &schedule);
    if (status) {
        return status;
    }
    treadle_cli_catch_interrupts(); /* before there are files to be left behind */
    treadle_session session;
    status = treadle_session_open_schedule(&session, &schedule, self.redis_url);
    if (status) {
        treadle_schedule_free(&schedule);
        return status;
    }
    treadle_cli_stop_when_interrupted(&session.journal->stop);
    uint16_t *decisions = calloc(TREADLE_DECISIONS_MAX, sizeof *decisions);
    if (decisions == NULL) {
        treadle_cli_error("out of memory");
        status = TREADLE_EXIT_ENVIRONMENT;
    } else {
        uint32_t count = schedule.decision_count;
        memcpy(decisions, schedule.decisions, count * sizeof *decisions);
        treadle_shrink_report report;
        const int error = treadle_shrink(session.sandbox, session.journal, decisions, &count,
                                         self.executions, self.time_s, &report);
        treadle_places_resolve(report.before.message, sizeof report.before.message);
        if (error == ENOENT) {
            treadle_cli_error("the schedule does not fail: %s",
                              report.before.kind == TREADLE_OUTCOME_PASSED ? "every property holds"
                                                                           : report.before.message);
            status = TREADLE_EXIT_UNEXPECTED;
        } else if (error == EIO) {
            treadle_cli_error("%s", report.before.message);
            status = TREADLE_EXIT_ENVIRONMENT;
        } else if (!error && schedule.property[0] != '\0' &&
                   strcmp(schedule.property, report.before.property) != 0) {
            treadle_cli_error("the schedule does not break %s any more: %s: %s", schedule.property,
                              report.before.property, report.before.message);
            status = TREADLE_EXIT_UNEXPECTED;
        } else if (error) {
            treadle_cli_error("cannot shrink: %s", strerror(error));
            status = TREADLE_EXIT_ENVIRONMENT;
        } else {
            status = finish(&session, decisions, count, &report);
        }
    }
    free(decisions);
    treadle_cli_stop_when_interrupted(NULL);
    treadle_session_close(&session);
    treadle_schedule_free(&schedule);
    return status;
}
