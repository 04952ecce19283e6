// SPDX-License-Identifier: MIT
/* A summary for a pull request: what it comes to, a row a component, and what was not expected with
 * its interleaving folded away. Written at the end; stays below what a comment on GitHub may hold
 * (65,536 characters). */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/utf8.h"
#include "reports/writer.h"

enum { COMPONENTS_MAX = 64, FINDINGS_BYTES_MAX = 48000, LANES_WIDTH = 100 };

typedef struct component {
    char name[TREADLE_NAME_MAX];
    uint64_t hold;
    uint64_t none_found;
    uint64_t violated;
    uint64_t unexpected;
} component;

typedef struct markdown_writer {
    treadle_writer_options options;
    component components[COMPONENTS_MAX];
    size_t component_count;
    FILE *findings; /* into the text; owned */
    char *text;
    size_t text_size;
    uint64_t left_out;
} markdown_writer;

static int markdown_begin(void **out, const treadle_writer_options *options)
{
    markdown_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->options = *options;
    self->options.colour = false;
    self->options.width = LANES_WIDTH;
    self->findings = open_memstream(&self->text, &self->text_size);
    if (self->findings == NULL) {
        free(self);
        return ENOMEM;
    }
    *out = self;
    return 0;
}

/* Underscores inside a word stay as they are. */
static bool is_markup(const char *text, size_t at)
{
    const bool inside =
        at > 0 && isalnum((unsigned char)text[at - 1]) && isalnum((unsigned char)text[at + 1]);
    return strchr("&<>|*`[]\\~#@", text[at]) != NULL || (text[at] == '_' && !inside);
}

/* As text in a paragraph or a table: what Markdown or HTML would take for its own is an entity. */
static void print_text(FILE *out, const char *text)
{
    char *escaped = treadle_utf8_escape(text, strlen(text));
    for (size_t i = 0; escaped != NULL && escaped[i] != '\0'; i++) {
        if (is_markup(escaped, i)) {
            fprintf(out, "&#%d;", escaped[i]);
        } else {
            fputc(escaped[i], out);
        }
    }
    free(escaped);
}

/* A code block whose fence is longer than any run of backticks in it. */
static void print_code(FILE *out, const char *text)
{
    int longest = 2;
    int run = 0;
    for (const char *c = text; *c != '\0'; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (int line = 0; line < 2; line++) {
        for (int i = 0; i <= longest; i++) {
            fputc('`', out);
        }
        fprintf(out, "%s", line == 0 ? "text\n" : "\n");
        fputs(line == 0 ? text : "", out);
    }
}

/* ---- results --------------------------------------------------------------------------------- */

static component *component_of(markdown_writer *self, const char *scenario)
{
    const size_t length = treadle_component_length(scenario);
    for (size_t i = 0; i < self->component_count; i++) {
        component *known = &self->components[i];
        if (strlen(known->name) == length && memcmp(known->name, scenario, length) == 0) {
            return known;
        }
    }
    if (self->component_count == COMPONENTS_MAX) {
        return &self->components[COMPONENTS_MAX - 1];
    }
    component *made = &self->components[self->component_count++];
    snprintf(made->name, sizeof made->name, "%.*s", (int)length, scenario);
    return made;
}

static int print_finding(markdown_writer *self, const treadle_result *result)
{
    FILE *out = self->findings;
    const treadle_cell *cell = &result->cell;
    const char *granularity = treadle_granularity_name(cell->granularity);
    char expected[TREADLE_EXPECTED_MAX];
    char detail[TREADLE_DETAIL_MAX];
    int error = 0;
    treadle_describe_expected(result, expected, sizeof expected);
    treadle_describe_detail(result, detail, sizeof detail);
    fputs("- **", out);
    print_text(out, cell->scenario);
    fputs("** ", out);
    print_text(out, cell->variant);
    fprintf(out, " on %s, %s: **%s** (", treadle_backend_name(cell->backend),
            granularity != NULL ? granularity : "?", treadle_verdict_name(result->verdict));
    print_text(out, expected);
    fputs(detail[0] != '\0' ? "); " : ")", out);
    print_text(out, detail);
    fputs("\n\n", out);
    char *lanes =
        result->trace != NULL ? treadle_lanes_text(result->trace, &self->options, &error) : NULL;
    if (lanes != NULL) {
        fputs("<details><summary>the interleaving</summary>\n\n", out);
        print_code(out, lanes);
        fputs("\n</details>\n\n", out);
    }
    free(lanes);
    if (result->token != NULL) {
        fprintf(out, "  `treadle replay %s`\n\n", result->token);
    }
    return error;
}

/* What would make it too long is counted, not shown. */
static int add_finding(markdown_writer *self, const treadle_result *result)
{
    fflush(self->findings);
    const size_t before = self->text_size;
    if (before > FINDINGS_BYTES_MAX) {
        self->left_out++;
        return 0;
    }
    const int error = print_finding(self, result);
    fflush(self->findings);
    if (self->text_size > FINDINGS_BYTES_MAX && before > 0) {
        fseek(self->findings, (long)before, SEEK_SET);
        fflush(self->findings);
        self->left_out++;
    }
    return error;
}

static int markdown_result(void *context, const treadle_result *result)
{
    markdown_writer *self = context;
    component *of = component_of(self, result->cell.scenario);
    if (!result->as_expected) {
        of->unexpected++;
        return add_finding(self, result);
    }
    of->hold += result->verdict == TREADLE_VERDICT_HOLDS;
    of->none_found += result->verdict == TREADLE_VERDICT_NO_VIOLATION_FOUND;
    of->violated += result->verdict == TREADLE_VERDICT_VIOLATED;
    return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void print_head(const markdown_writer *self, const treadle_summary *summary)
{
    FILE *out = self->options.out;
    const uint64_t blind = treadle_summary_blind(summary);
    const uint64_t others =
        summary->results - summary->as_expected + summary->regressions_lost + blind;
    fprintf(out, "## Treadle: %" PRIu64 " of %" PRIu64 " verdict%s as expected\n\n",
            summary->as_expected, summary->results, summary->results == 1 ? "" : "s");
    if (summary->interrupted) {
        fputs("**Interrupted**: this is what was known by then.\n\n", out);
    }
    fprintf(out, "%s in %.1f s.", others == 0 ? "Nothing unexpected" : "See below; checked",
            summary->elapsed_s);
    if (summary->workloads > 0) {
        fprintf(out,
                " %" PRIu64 " of %" PRIu64
                " workloads that a solution passes break a baseline; %" PRIu64 " by design none.",
                summary->workloads_broken, summary->workloads, summary->workloads_exempt);
    }
    if (blind > 0) {
        fprintf(out,
                " **Of %" PRIu64 " no variant was found that breaks it: the check may have gone "
                "blind.**",
                blind);
    }
    if (summary->regressions_lost > 0) {
        fprintf(out,
                " **%" PRIu64 " of %" PRIu64 " kept schedules no longer do what they should.**",
                summary->regressions_lost, summary->regressions);
    }
    fputs("\n\n| component | holds, all interleavings | none found in the budget | violated, as "
          "expected | not as expected |\n|---|---:|---:|---:|---:|\n",
          out);
    for (size_t i = 0; i < self->component_count; i++) {
        const component *of = &self->components[i];
        fputs("| ", out);
        print_text(out, of->name);
        fprintf(out, " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %s%" PRIu64 "%s |\n", of->hold,
                of->none_found, of->violated, of->unexpected > 0 ? "**" : "", of->unexpected,
                of->unexpected > 0 ? "**" : "");
    }
}

static int markdown_end(void *context, const treadle_summary *summary)
{
    markdown_writer *self = context;
    FILE *out = self->options.out;
    const bool lost = fclose(self->findings) != 0;
    print_head(self, summary);
    if (self->text_size > 0) {
        fputs("\n### Not as expected\n\n", out);
        fwrite(self->text, 1, self->text_size, out);
    }
    if (self->left_out > 0) {
        fprintf(out, "%" PRIu64 " more left out, to keep this short.\n", self->left_out);
    }
    free(self->text);
    free(self);
    return lost ? ENOMEM : treadle_flush(out);
}

const treadle_writer treadle_writer_markdown = {
    .name = "markdown",
    .begin = markdown_begin,
    .result = markdown_result,
    .end = markdown_end,
};
