// SPDX-License-Identifier: MIT
#include "tools/cli/regressions.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cells.h"
#include "tools/cli/places.h"
#include "tools/cli/session.h"
#include "tools/explore/token.h"

typedef struct line {
    const char *file;
    uint32_t number;
    bool breaks;
    treadle_schedule schedule;
} line;

static int refuse(const line *at, const char *what)
{
    treadle_cli_error("%s:%u: %s", at->file, at->number, what);
    return TREADLE_EXIT_USAGE;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool stands_for_nothing(const char *text)
{
    text += strspn(text, " \t\n");
    return *text == '\0' || *text == '#';
}

/* Cuts a word off the front of `*text`. */
static char *word(char **text)
{
    char *from = *text + strspn(*text, " \t\n");
    char *end = from + strcspn(from, " \t\n");
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return from;
}

static int read_line(char *text, line *out)
{
    const char *what = word(&text);
    char *token = word(&text);
    char error[TREADLE_MESSAGE_MAX];
    out->breaks = strcmp(what, "breaks") == 0;
    if (!out->breaks && strcmp(what, "passes") != 0) {
        return refuse(out, "a line begins with \"breaks\" or \"passes\"");
    }
    if (stands_for_nothing(text)) {
        return refuse(out, "the reason is missing: breaks|passes TOKEN  why");
    }
    if (treadle_token_decode(token, &out->schedule, error, sizeof error) != TREADLE_TOKEN_OK) {
        return refuse(out, error);
    }
    const treadle_cell *cell = &out->schedule.cell;
    const char *wrong = NULL;
    if (treadle_scenario_find(cell->scenario) == NULL) {
        wrong = "there is no such scenario any more; `treadle list` shows what there is";
    } else if (!treadle_cli_schedule_known(&out->schedule, error, sizeof error)) {
        wrong = error;
    } else if (out->schedule.property[0] == '\0') {
        wrong = "the token names no property that it breaks or once broke";
    } else if (cell->granularity == TREADLE_GRANULARITY_MEMORY) {
        wrong =
            "switches at plain accesses are one compiler's; keep what shows it at sync or await";
    }
    if (wrong != NULL) {
        treadle_schedule_free(&out->schedule);
        return refuse(out, wrong);
    }
    return TREADLE_EXIT_OK;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool selected(const treadle_selection *selection, const treadle_cell *cell)
{
    return (selection->glob == NULL ||
            fnmatch(selection->glob, cell->scenario, FNM_EXTMATCH) == 0) &&
           (selection->variant == NULL || strcmp(selection->variant, cell->variant) == 0) &&
           (selection->backend == NULL ||
            strcmp(selection->backend, treadle_backend_name(cell->backend)) == 0) &&
           (selection->granularity == NULL ||
            strcmp(selection->granularity, treadle_granularity_name(cell->granularity)) == 0);
}

/* Whether the row expects what the line says. */
static bool coherent(const line *at)
{
    const treadle_cell *cell = &at->schedule.cell;
    const treadle_expectation *row = treadle_scenario_expectation(
        treadle_scenario_find(cell->scenario), cell->variant, cell->backend, cell->granularity);
    const bool violated = row != NULL && row->verdict == TREADLE_VERDICT_VIOLATED;
    if (!at->breaks) {
        return !violated;
    }
    /* A row may expect something else to break first, or state no more than that. */
    return violated || !treadle_variant_is_solution(cell->variant);
}

static int replay(treadle_session *session, const line *at, bool strict, treadle_outcome *outcome)
{
    const treadle_replay_request request = {.decisions = at->schedule.decisions,
                                            .count = at->schedule.decision_count,
                                            .record = true,
                                            .against = strict ? &at->schedule : NULL};
    return treadle_sandbox_replay(session->sandbox, &request, outcome);
}

/* What came about is what the line says. */
static bool as_kept(const line *at, const treadle_outcome *outcome)
{
    if (at->breaks) {
        return outcome->kind == TREADLE_OUTCOME_VIOLATED &&
               strcmp(outcome->property, at->schedule.property) == 0;
    }
    return outcome->kind == TREADLE_OUTCOME_PASSED;
}

static void tell_lost(const line *at, treadle_outcome *outcome)
{
    const treadle_cell *cell = &at->schedule.cell;
    treadle_places_resolve(outcome->message, sizeof outcome->message);
    const bool passed = outcome->kind == TREADLE_OUTCOME_PASSED;
    treadle_cli_error("%s:%u: %s %s %s %s: %s%s%s%s", at->file, at->number, cell->scenario,
                      cell->variant, at->breaks ? "no longer breaks" : "must never again break",
                      at->schedule.property, passed ? "no violation" : outcome->property,
                      passed ? "" : ": ", passed ? "" : outcome->message,
                      at->breaks ? "; if that is meant, record another schedule" : "");
}

/* What broke is first compared step by step; where the program does other steps by now, it may
 * still break in the same way. */
static int judge(const line *at, treadle_regression_counts *counts)
{
    treadle_session session;
    treadle_outcome outcome;
    const int status = treadle_session_open_schedule(&session, &at->schedule, NULL);
    if (status) {
        counts->environment = true;
        return TREADLE_EXIT_OK;
    }
    int error = replay(&session, at, at->breaks, &outcome);
    if (!error && outcome.kind == TREADLE_OUTCOME_DIVERGED) {
        error = replay(&session, at, false, &outcome);
    }
    treadle_session_close(&session);
    counts->replayed++;
    if (error || outcome.kind == TREADLE_OUTCOME_ENVIRONMENT) {
        treadle_cli_error("%s:%u: %s", at->file, at->number,
                          error ? strerror(error) : outcome.message);
        counts->environment = true;
    } else if (!as_kept(at, &outcome)) {
        counts->lost++;
        tell_lost(at, &outcome);
    }
    return TREADLE_EXIT_OK;
}

static int take_line(char *text, line *at, const treadle_selection *selection,
                     treadle_regression_counts *counts)
{
    int status = read_line(text, at);
    if (status) {
        return status;
    }
    if (!coherent(at)) {
        status = refuse(at, at->breaks ? "the row expects that this holds"
                                       : "the row expects that this is violated");
    } else if (selected(selection, &at->schedule.cell)) {
        status = judge(at, counts);
    }
    treadle_schedule_free(&at->schedule);
    return status;
}

static int take_file(const char *path, const treadle_selection *selection,
                     treadle_regression_counts *counts)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        treadle_cli_error("cannot read %s: %s", path, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    char *text = NULL;
    size_t room = 0;
    line at = {.file = path};
    int status = TREADLE_EXIT_OK;
    while (!status && !treadle_cli_interrupted() && getline(&text, &room, file) >= 0) {
        at.number++;
        if (!stands_for_nothing(text)) {
            status = take_line(text, &at, selection, counts);
        }
    }
    free(text);
    fclose(file);
    return status;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "README.md") != 0;
}

int treadle_regressions_replay(const char *folder, const treadle_selection *selection,
                               treadle_regression_counts *counts)
{
    struct dirent **entries;
    *counts = (treadle_regression_counts){0};
    const int count = scandir(folder, &entries, visible, alphasort);
    if (count < 0) {
        treadle_cli_error("cannot read the kept schedules in %s: %s", folder, strerror(errno));
        return TREADLE_EXIT_ENVIRONMENT;
    }
    int status = TREADLE_EXIT_OK;
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        status = status ? status : take_file(path, selection, counts);
        free(entries[i]);
    }
    free(entries);
    return status;
}
