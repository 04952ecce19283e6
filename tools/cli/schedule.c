// SPDX-License-Identifier: MIT
/* A schedule from what the user has: a token, a file with a token in it, or a journal that a killed
 * run left behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/suggest.h"
#include "tools/explore/journal.h"
#include "tools/explore/token.h"

enum { FILE_BYTES_MAX = 16 << 20, VARIANTS_MAX = 64 };

static int decode(const char *text, const char *where, treadle_schedule *schedule)
{
    char error[TREADLE_MESSAGE_MAX];
    if (treadle_token_decode(text, schedule, error, sizeof error) != TREADLE_TOKEN_OK) {
        treadle_cli_error("%s%s%s", where != NULL ? where : "", where != NULL ? ": " : "", error);
        return TREADLE_EXIT_USAGE;
    }
    return TREADLE_EXIT_OK;
}

/* As a token's is by its form. */
static bool is_whole(const treadle_cell *cell)
{
    return memchr(cell->scenario, '\0', sizeof cell->scenario) != NULL &&
           memchr(cell->variant, '\0', sizeof cell->variant) != NULL &&
           (unsigned)cell->backend < TREADLE_BACKEND_COUNT &&
           cell->granularity != TREADLE_GRANULARITY_NONE &&
           (unsigned)cell->granularity <= TREADLE_GRANULARITY_MEMORY &&
           cell->parameter_count <= TREADLE_PARAMETERS_MAX;
}

static int from_journal(const char *path, treadle_schedule *schedule)
{
    char error[TREADLE_MESSAGE_MAX];
    const treadle_journal *journal = treadle_journal_read(path, error, sizeof error);
    if (journal == NULL) {
        treadle_cli_error("%s", error);
        return TREADLE_EXIT_USAGE;
    }
    *schedule = (treadle_schedule){.cell = journal->cell};
    const uint32_t count = journal->decisions.count;
    if (!is_whole(&schedule->cell) || count > TREADLE_DECISIONS_MAX) {
        treadle_cli_error("%s is damaged: it tells of no cell with a schedule", path);
        treadle_journal_unmap(journal);
        return TREADLE_EXIT_USAGE;
    }
    schedule->decisions = malloc((count + 1) * sizeof *schedule->decisions);
    if (schedule->decisions != NULL) {
        schedule->decision_count = count;
        memcpy(schedule->decisions, journal->decisions.values, count * sizeof *schedule->decisions);
    }
    treadle_journal_unmap(journal);
    return schedule->decisions != NULL ? TREADLE_EXIT_OK : TREADLE_EXIT_ENVIRONMENT;
}

/* The first word of a file that starts like a token; else the file must be a journal. */
static int from_file(const char *path, treadle_schedule *schedule)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        treadle_cli_error("cannot read %s: %s", path, strerror(errno));
        return TREADLE_EXIT_USAGE;
    }
    char *text = malloc(FILE_BYTES_MAX + 1);
    const size_t length = text != NULL ? fread(text, 1, FILE_BYTES_MAX, file) : 0;
    fclose(file);
    if (text == NULL) {
        treadle_cli_error("out of memory");
        return TREADLE_EXIT_ENVIRONMENT;
    }
    text[length] = '\0';
    char *token = strlen(text) == length ? strstr(text, "tdl1.") : NULL;
    int status;
    if (token != NULL) {
        token[strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")] =
            '\0';
        status = decode(token, path, schedule);
    } else {
        status = from_journal(path, schedule);
    }
    free(text);
    return status;
}

static bool has_variant(const treadle_scenario *scenario, const char *variant)
{
    const treadle_expectation *e = scenario->expectations;
    while (e->variant != NULL && strcmp(e->variant, variant) != 0) {
        e++;
    }
    return e->variant != NULL;
}

static bool parameters_fit(const treadle_scenario *scenario, const treadle_cell *cell)
{
    uint32_t i = 0;
    for (; i < TREADLE_PARAMETERS_MAX && scenario->parameters[i].name != NULL; i++) {
        const treadle_parameter *p = &scenario->parameters[i];
        if (i >= cell->parameter_count || cell->parameters[i] < p->min ||
            cell->parameters[i] > p->max) {
            return false;
        }
    }
    return i == cell->parameter_count;
}

bool treadle_cli_schedule_known(const treadle_schedule *schedule, char *error, size_t error_size)
{
    const treadle_cell *cell = &schedule->cell;
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    if (scenario == NULL) {
        snprintf(error, error_size,
                 "the schedule is of scenario \"%s\", which this build does not have",
                 cell->scenario);
    } else if (!has_variant(scenario, cell->variant)) {
        snprintf(error, error_size,
                 "the schedule is of variant \"%s\", which %s does not have in this build",
                 cell->variant, cell->scenario);
    } else if (!parameters_fit(scenario, cell)) {
        snprintf(error, error_size, "the schedule's parameters do not fit %s in this build",
                 cell->scenario);
    } else {
        return true;
    }
    return false;
}

int treadle_cli_schedule(const char *argument, treadle_schedule *schedule)
{
    *schedule = (treadle_schedule){0};
    const bool token = strncmp(argument, "tdl", 3) == 0 || access(argument, F_OK) != 0;
    int status = token ? decode(argument, NULL, schedule) : from_file(argument, schedule);
    char error[TREADLE_MESSAGE_MAX];
    if (!status && !treadle_cli_schedule_known(schedule, error, sizeof error)) {
        treadle_cli_error("%s", error);
        status = TREADLE_EXIT_USAGE;
    }
    if (status) {
        treadle_schedule_free(schedule);
    }
    return status;
}
