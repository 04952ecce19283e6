// SPDX-License-Identifier: MIT
/* Annotations for GitHub Actions: workflow commands that put what was not expected beside the line
 * of source where it went wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/result_places.h"
#include "reports/utf8.h"
#include "reports/writer.h"

typedef struct github_writer {
    treadle_writer_options options;
} github_writer;

static int github_begin(void **out, const treadle_writer_options *options)
{
    github_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->options = *options;
    *out = self;
    return 0;
}

/* The escapes of workflow commands; a property may not hold ':' and ',' either. */
static void print_data(FILE *out, const char *text, bool property)
{
    char *clean = treadle_utf8_escape_lines(text, strlen(text));
    for (const char *c = clean != NULL ? clean : ""; *c != '\0'; c++) {
        const unsigned char byte = (unsigned char)*c;
        const bool escaped =
            byte == '%' || byte < ' ' || (property && (byte == ':' || byte == ','));
        if (escaped) {
            fprintf(out, "%%%02X", byte);
        } else {
            fputc(byte, out);
        }
    }
    free(clean);
}

static int github_result(void *context, const treadle_result *result)
{
    const github_writer *self = context;
    if (result->as_expected) {
        return 0;
    }
    FILE *out = self->options.out;
    const treadle_cell *cell = &result->cell;
    const char *granularity = treadle_granularity_name(cell->granularity);
    char expected[TREADLE_EXPECTED_MAX];
    char detail[TREADLE_DETAIL_MAX];
    char title[4 * TREADLE_NAME_MAX];
    treadle_describe_expected(result, expected, sizeof expected);
    treadle_describe_detail(result, detail, sizeof detail);
    snprintf(title, sizeof title, "%s %s %s %s", cell->scenario, cell->variant,
             treadle_backend_name(cell->backend), granularity != NULL ? granularity : "?");
    treadle_result_places places;
    treadle_result_places_of(result, &self->options, &places);
    fprintf(out, "::%s ", result->verdict == TREADLE_VERDICT_UNKNOWN ? "warning" : "error");
    if (places.count > 0) {
        const treadle_source_place *last = &places.items[places.count - 1].place;
        fputs("file=", out);
        print_data(out, last->file, true);
        fprintf(out, ",line=%d,", last->line);
    }
    fputs("title=", out);
    print_data(out, title, true);
    fputs("::", out);
    print_data(out, treadle_verdict_name(result->verdict), false);
    fputs(" (", out);
    print_data(out, expected, false);
    fputs(")", out);
    fputs(detail[0] != '\0' ? ": " : "", out);
    print_data(out, detail, false);
    if (result->token != NULL) {
        print_data(out, "\nreplay: treadle replay ", false);
        print_data(out, result->token, false);
    }
    fputc('\n', out);
    return treadle_flush(out);
}

static int github_end(void *context, const treadle_summary *summary)
{
    (void)summary; /* annotations are of lines */
    free(context);
    return 0;
}

const treadle_writer treadle_writer_github = {
    .name = "github",
    .begin = github_begin,
    .result = github_result,
    .end = github_end,
};
