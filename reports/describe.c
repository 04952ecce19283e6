// SPDX-License-Identifier: MIT
#include "reports/describe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 400 };

/* The property that the row expects to break; NULL when it names none. */
static const char *expected_property(const treadle_cell *cell)
{
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    if (scenario == NULL) {
        return NULL;
    }
    const treadle_expectation *expected =
        treadle_scenario_expectation(scenario, cell->variant, cell->backend, cell->granularity);
    return expected != NULL ? expected->property : NULL;
}

void treadle_describe_expected(const treadle_result *result, char *text, size_t size)
{
    if (result->expected == TREADLE_VERDICT_NONE) {
        snprintf(text, size, "nothing stated");
        return;
    }
    const char *property = NULL;
    if (result->expected == TREADLE_VERDICT_VIOLATED) {
        property = result->race_expected ? "data-race" : expected_property(&result->cell);
    }
    snprintf(text, size, "expected %s%s%s", treadle_verdict_name(result->expected),
             property != NULL ? " by " : "", property != NULL ? property : "");
}

void treadle_describe_detail(const treadle_result *result, char *text, size_t size)
{
    const treadle_outcome *outcome = &result->outcome;
    const bool found =
        result->verdict == TREADLE_VERDICT_VIOLATED || result->verdict == TREADLE_VERDICT_UNKNOWN;
    if (found && (outcome->property[0] != '\0' || outcome->message[0] != '\0')) {
        snprintf(text, size, "%s%s%s", outcome->property,
                 outcome->property[0] != '\0' && outcome->message[0] != '\0' ? ": " : "",
                 outcome->message);
    } else if (result->interrupted && result->bounds[0] == '\0') {
        snprintf(text, size, "interrupted after %llu executions",
                 (unsigned long long)result->executions);
    } else {
        snprintf(text, size, "%s%s", result->bounds, result->interrupted ? "; interrupted" : "");
    }
}

size_t treadle_component_length(const char *scenario)
{
    return strcspn(scenario, "/");
}

/* Where line number `line`, from 0, begins. */
static char *line_start(char *text, size_t line)
{
    while (line-- > 0) {
        text = strchr(text, '\n') + 1;
    }
    return text;
}

/* Replaces the middle of a diagram that nobody would read in a log. */
static int shorten(char **text)
{
    size_t lines = 0;
    for (const char *c = *text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    if (lines <= LINES_MAX) {
        return 0;
    }
    char *middle = line_start(*text, LINES_MAX / 2);
    const char *tail = line_start(middle, lines - LINES_MAX);
    char *shorter = NULL;
    if (asprintf(&shorter, "%.*s(%zu rows left out: `treadle replay` shows all)\n%s",
                 (int)(middle - *text), *text, lines - LINES_MAX, tail) < 0) {
        return ENOMEM;
    }
    free(*text);
    *text = shorter;
    return 0;
}

char *treadle_lanes_text(const treadle_trace *trace, const treadle_writer_options *options,
                         int *error)
{
    char *text = NULL;
    size_t size = 0;
    treadle_writer_options inner = *options;
    inner.out = open_memstream(&text, &size);
    if (inner.out == NULL) {
        *error = errno;
        return NULL;
    }
    *error = treadle_lanes_write(trace, &inner);
    if (fclose(inner.out) != 0 && !*error) {
        *error = ENOMEM;
    }
    *error = *error ? *error : shorten(&text);
    if (*error) {
        free(text);
        return NULL;
    }
    return text;
}

int treadle_flush(FILE *out)
{
    errno = 0;
    if (fflush(out) != 0 || ferror(out)) {
        return errno ? errno : EIO;
    }
    return 0;
}
