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

static int from_journal(const char *path, treadle_schedule *schedule)
{
    char error[TREADLE_MESSAGE_MAX];
    const treadle_journal *journal = treadle_journal_read(path, error, sizeof error);
    if (journal == NULL) {
        treadle_cli_error("%s", error);
        return TREADLE_EXIT_USAGE;
    }
    *schedule = (treadle_schedule){.cell = journal->cell};
    uint32_t count = journal->decisions.count;
    count = count > TREADLE_DECISIONS_MAX ? 0 : count;
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

/* A token is well formed whatever it names; this build must have it. */
static int check_known(const treadle_schedule *schedule)
{
    const treadle_cell *cell = &schedule->cell;
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    if (scenario == NULL) {
        treadle_cli_error("the schedule is of scenario \"%s\", which this build does not have",
                          cell->scenario);
        return TREADLE_EXIT_USAGE;
    }
    bool variant_known = false;
    for (const treadle_expectation *e = scenario->expectations; e->variant != NULL; e++) {
        variant_known |= strcmp(e->variant, cell->variant) == 0;
    }
    if (!variant_known) {
        treadle_cli_error("the schedule is of variant \"%s\", which %s does not have in this build",
                          cell->variant, cell->scenario);
        return TREADLE_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < TREADLE_PARAMETERS_MAX; i++) {
        const treadle_parameter *p = &scenario->parameters[i];
        const bool fits = p->name == NULL
                              ? i == cell->parameter_count
                              : i < cell->parameter_count && cell->parameters[i] >= p->min &&
                                    cell->parameters[i] <= p->max;
        if (!fits) {
            treadle_cli_error("the schedule's parameters do not fit %s in this build",
                              cell->scenario);
            return TREADLE_EXIT_USAGE;
        }
        if (p->name == NULL) {
            break;
        }
    }
    return TREADLE_EXIT_OK;
}

int treadle_cli_schedule(const char *argument, treadle_schedule *schedule)
{
    *schedule = (treadle_schedule){0};
    const bool token = strncmp(argument, "tdl", 3) == 0 || access(argument, F_OK) != 0;
    int status = token ? decode(argument, NULL, schedule) : from_file(argument, schedule);
    status = status ? status : check_known(schedule);
    if (status) {
        treadle_schedule_free(schedule);
    }
    return status;
}
