// SPDX-License-Identifier: MIT
/* The human format: one aligned line a result as it arrives, the counterexample below it when it is
 * news, and at the end what it all comes to. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/canvas.h"
#include "reports/describe.h"
#include "reports/utf8.h"
#include "reports/writer.h"

enum { INDENT = 4, COLUMNS = 5 };

typedef struct text_writer {
    treadle_writer_options options;
    int widths[COLUMNS]; /* they grow when something is wider */
    uint64_t hold;
    uint64_t violated;
    uint64_t not_found;
    char **unexpected; /* a line each; owned */
    size_t unexpected_count;
    size_t unexpected_room;
    bool blank; /* the last line was empty */
} text_writer;

static void set_ink(const text_writer *self, const char *code)
{
    if (self->options.colour) {
        fprintf(self->options.out, "\x1b[%sm", code);
    }
}

/* Text that is not ours. */
static int print_escaped(FILE *out, const char *text)
{
    char *escaped = treadle_utf8_escape(text, strlen(text));
    if (escaped == NULL) {
        return 0;
    }
    const int columns = treadle_text_columns(escaped);
    fputs(escaped, out);
    free(escaped);
    return columns;
}

static int text_begin(void **out, const treadle_writer_options *options)
{
    text_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->options = *options;
    static const int usual[COLUMNS] = {29, 8, 11, 6, 18};
    memcpy(self->widths, usual, sizeof usual);
    if (options->scenario_columns > 0) {
        self->widths[0] = options->scenario_columns;
    }
    if (options->variant_columns > 0) {
        self->widths[1] = options->variant_columns;
    }
    *out = self;
    return 0;
}

/* ---- a result -------------------------------------------------------------------------------- */

static const char *verdict_ink(const treadle_result *result)
{
    if (!result->as_expected) {
        return result->verdict == TREADLE_VERDICT_UNKNOWN ? "33" : "1;31";
    }
    return result->verdict == TREADLE_VERDICT_HOLDS ? "32" : "0";
}

static void print_expectation(const text_writer *self, const treadle_result *result)
{
    FILE *out = self->options.out;
    if (!result->as_expected) {
        char expected[TREADLE_EXPECTED_MAX];
        treadle_describe_expected(result, expected, sizeof expected);
        fputs("NOT EXPECTED (", out);
        print_escaped(out, expected);
        fputc(')', out);
    } else {
        fputs(result->expected == TREADLE_VERDICT_NONE ? "nothing stated" : "as expected   ", out);
    }
}

static void print_line(text_writer *self, const treadle_result *result)
{
    FILE *out = self->options.out;
    const treadle_cell *cell = &result->cell;
    const char *const fields[COLUMNS] = {
        cell->scenario, cell->variant, treadle_backend_name(cell->backend),
        treadle_granularity_name(cell->granularity), treadle_verdict_name(result->verdict)};
    for (int i = 0; i < COLUMNS; i++) {
        if (i == COLUMNS - 1) {
            set_ink(self, verdict_ink(result));
        }
        const int columns = print_escaped(out, fields[i] != NULL ? fields[i] : "?");
        self->widths[i] = columns > self->widths[i] ? columns : self->widths[i];
        fprintf(out, "%*s", self->widths[i] - columns + 2, "");
    }
    print_expectation(self, result);
    set_ink(self, "0");
    char detail[TREADLE_DETAIL_MAX];
    treadle_describe_detail(result, detail, sizeof detail);
    if (detail[0] != '\0') {
        fputs("  ", out);
        print_escaped(out, detail);
    }
    fputc('\n', out);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* How it was found and what it takes. */
static void print_finding(const text_writer *self, const treadle_result *result)
{
    FILE *out = self->options.out;
    const uint32_t switches = result->outcome.switches;
    const char *coarsest = treadle_granularity_name(result->coarsest);
    fprintf(out, "%*sfound in execution %" PRIu64 " (strategy ", INDENT, "",
            result->first_violation);
    print_escaped(out, result->strategy);
    fprintf(out, ", seed %" PRIu64 "); %" PRIu32 " context switch%s", result->seed, switches,
            switches == 1 ? "" : "es");
    if (result->switches_found > switches) {
        fprintf(out, ", shrunk from %" PRIu32, result->switches_found);
    }
    if (coarsest != NULL) {
        fprintf(out, "; coarsest granularity that shows it: %s", coarsest);
    }
    fputs("\n\n", out);
}

static int print_lanes(const text_writer *self, const treadle_trace *trace)
{
    treadle_writer_options options = self->options;
    options.width -= INDENT;
    int error;
    char *lanes = treadle_lanes_text(trace, &options, &error);
    if (lanes == NULL) {
        return error;
    }
    for (const char *line = lanes; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        fprintf(self->options.out, "%*s%.*s\n", length > 0 ? INDENT : 0, "", (int)length, line);
        line += length + (line[length] == '\n');
    }
    free(lanes);
    fputc('\n', self->options.out);
    return 0;
}

static void print_replay(const text_writer *self, const char *token)
{
    fprintf(self->options.out, "%*sreplay: treadle replay ", INDENT, "");
    print_escaped(self->options.out, token);
    fputc('\n', self->options.out);
}

static int print_counterexample(text_writer *self, const treadle_result *result)
{
    int error = 0;
    const bool at_length = !result->as_expected || self->options.lanes_always;
    const bool violated = result->verdict == TREADLE_VERDICT_VIOLATED;
    if (violated && at_length) {
        print_finding(self, result);
        if (result->trace != NULL) {
            error = print_lanes(self, result->trace);
        }
    }
    if (result->token != NULL) {
        print_replay(self, result->token);
    }
    self->blank = violated && at_length;
    if (self->blank) {
        fputc('\n', self->options.out);
    }
    return error;
}

/* ---- what is kept for the end ---------------------------------------------------------------- */

static char *unexpected_line(const treadle_result *result)
{
    const treadle_cell *cell = &result->cell;
    const char *granularity = treadle_granularity_name(cell->granularity);
    char expected[TREADLE_EXPECTED_MAX];
    char detail[TREADLE_DETAIL_MAX];
    treadle_describe_expected(result, expected, sizeof expected);
    treadle_describe_detail(result, detail, sizeof detail);
    char *line = NULL;
    if (asprintf(&line, "%s  %s  %s  %s: %s, %s%s%s", cell->scenario, cell->variant,
                 treadle_backend_name(cell->backend), granularity != NULL ? granularity : "?",
                 treadle_verdict_name(result->verdict), expected, detail[0] != '\0' ? "; " : "",
                 detail) < 0) {
        return NULL;
    }
    return line;
}

static int keep_unexpected(text_writer *self, const treadle_result *result)
{
    if (self->unexpected_count == self->unexpected_room) {
        const size_t room = self->unexpected_room * 2 + 16;
        char **grown = realloc(self->unexpected, room * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        self->unexpected = grown;
        self->unexpected_room = room;
    }
    char *line = unexpected_line(result);
    if (line == NULL) {
        return ENOMEM;
    }
    self->unexpected[self->unexpected_count++] = line;
    return 0;
}

static int text_result(void *context, const treadle_result *result)
{
    text_writer *self = context;
    const bool expected = result->as_expected;
    self->hold += expected && result->verdict == TREADLE_VERDICT_HOLDS;
    self->violated += expected && result->verdict == TREADLE_VERDICT_VIOLATED;
    self->not_found += expected && result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND;
    print_line(self, result);
    int error = print_counterexample(self, result);
    if (!expected) {
        const int keep_error = keep_unexpected(self, result);
        error = error ? error : keep_error;
    }
    return error ? error : treadle_flush(self->options.out);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void print_count(const text_writer *self, uint64_t count, const char *one, const char *many)
{
    if (count > 0) {
        fprintf(self->options.out, "%*" PRIu64 " %s\n", INDENT + 2, count, count == 1 ? one : many);
    }
}

static void print_summary(const text_writer *self, const treadle_summary *summary)
{
    FILE *out = self->options.out;
    const uint64_t known = self->hold + self->violated + self->not_found;
    const uint64_t others = summary->as_expected > known ? summary->as_expected - known : 0;
    fprintf(out, "%s%" PRIu64 " cell%s in %.1f s: %" PRIu64 " as expected", self->blank ? "" : "\n",
            summary->results, plural(summary->results), summary->elapsed_s, summary->as_expected);
    if (summary->unexpected > 0) {
        fprintf(out, ", %" PRIu64 " NOT as expected", summary->unexpected);
    }
    if (summary->unknown > 0) {
        fprintf(out, ", %" PRIu64 " unknown", summary->unknown);
    }
    fputc('\n', out);
    print_count(self, self->hold, "holds: all interleavings explored",
                "hold: all interleavings explored");
    print_count(self, self->violated, "violated, as expected", "violated, as expected");
    print_count(self, self->not_found, "no violation found within the budget, as expected",
                "no violation found within the budget, as expected");
    print_count(self, others, "unknown, as expected", "unknown, as expected");
    if (summary->workloads > 0) {
        fprintf(out,
                "%*" PRIu64 " of %" PRIu64 " workloads that a solution passes break a baseline",
                INDENT + 2, summary->workloads_broken, summary->workloads);
        if (summary->workloads_exempt > 0) {
            fprintf(out, "; %" PRIu64 " by design none", summary->workloads_exempt);
        }
        fputc('\n', out);
    }
    if (summary->regressions > 0) {
        fprintf(out, "%*" PRIu64 " of %" PRIu64 " kept schedules do what they should\n", INDENT + 2,
                summary->regressions - summary->regressions_lost, summary->regressions);
    }
}

static void print_unexpected(const text_writer *self)
{
    if (self->unexpected_count == 0) {
        return;
    }
    fputs("\nNot as expected:\n", self->options.out);
    for (size_t i = 0; i < self->unexpected_count; i++) {
        fputs("  ", self->options.out);
        print_escaped(self->options.out, self->unexpected[i]);
        fputc('\n', self->options.out);
    }
}

static int text_end(void *context, const treadle_summary *summary)
{
    text_writer *self = context;
    FILE *out = self->options.out;
    print_summary(self, summary);
    print_unexpected(self);
    if (summary->interrupted) {
        fputs("\nInterrupted: this is what was known by then.\n", out);
    }
    for (size_t i = 0; i < self->unexpected_count; i++) {
        free(self->unexpected[i]);
    }
    free(self->unexpected);
    free(self);
    return treadle_flush(out);
}

const treadle_writer treadle_writer_text = {
    .name = "text",
    .begin = text_begin,
    .result = text_result,
    .end = text_end,
};
