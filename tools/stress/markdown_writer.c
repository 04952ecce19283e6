// SPDX-License-Identifier: MIT
/* For reports/stress.md: how often each workload broke, and what could not be tried. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/stress/writer.h"

typedef struct omission {
    const char *scenario;
    treadle_backend backend;
    const char *why;
} omission;

static struct {
    omission *items;
    size_t count;
} left_out;

static void write_heading(FILE *out)
{
    fputs(
        "# Plain stress on real threads, beside the explorer\n\n"
        "Made by `tools/stress-table`; `tools/stress/README.md` says what a round is. A workload "
        "ends when all rounds are\n"
        "done, when enough of them broke, or when its time is up (early, when its pace shows that "
        "they cannot all be done);\n"
        "`fixed` then passed for as long. How often something breaks differs several-fold from "
        "run to run and from machine to\n"
        "machine; when Treadle finds it, does not. \"< n\": none was seen, and with 95 % "
        "probability there are fewer than n.\n\n"
        "| workload | backend | variant | rounds | broken | in 1,000,000 | the first | Treadle: "
        "execution |\n|---|---|---|--:|--:|--:|--:|--:|\n",
        out);
}

static void write_result(FILE *out, const treadle_stress_result *result)
{
    const treadle_run *run = result->run;
    fprintf(out, "| `%s` | %s | %s | %llu | %llu | ", run->scenario->name,
            treadle_backend_name(run->backend), run->variant, (unsigned long long)result->rounds,
            (unsigned long long)result->broken);
    /* None in n rounds: with 95 % probability less than 3 in n. */
    const double seen = result->broken > 0 ? (double)result->broken : 3;
    const double in_a_million = 1e6 * seen / (double)result->rounds;
    fputs(result->broken > 0 ? "" : "< ", out);
    fprintf(out, in_a_million < 99.5 ? "%.2g" : "%.0f", in_a_million);
    if (result->first > 0) {
        fprintf(out, " | %llu | ", (unsigned long long)result->first);
    } else {
        fputs(" | – | ", out);
    }
    if (result->explorer > 0) {
        fprintf(out, "%llu |\n", (unsigned long long)result->explorer);
    } else {
        fputs("– |\n", out);
    }
}

static void remember(FILE *out, const treadle_run *run, const char *why)
{
    (void)out;
    omission *grown = realloc(left_out.items, (left_out.count + 1) * sizeof left_out.items[0]);
    if (grown == NULL) {
        perror("treadle_stress");
        exit(3);
    }
    left_out.items = grown;
    left_out.items[left_out.count++] = (omission){run->scenario->name, run->backend, why};
}

/* All that were left out for the reason of item `first`. */
static void write_reason(FILE *out, size_t first)
{
    const char *why = left_out.items[first].why;
    fprintf(out, "- %s:", why);
    for (size_t i = first; i < left_out.count; i++) {
        const omission *item = &left_out.items[i];
        if (strcmp(item->why, why) == 0) {
            fprintf(out, "%s\n  `%s` (%s)", i > first ? "," : "", item->scenario,
                    treadle_backend_name(item->backend));
        }
    }
    fputc('\n', out);
}

static bool reason_is_new(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(left_out.items[i].why, left_out.items[index].why) == 0) {
            return false;
        }
    }
    return true;
}

static void write_left_out(FILE *out)
{
    if (left_out.count > 0) {
        fputs("\nLeft out, and why:\n\n", out);
    }
    for (size_t i = 0; i < left_out.count; i++) {
        if (reason_is_new(i)) {
            write_reason(out, i);
        }
    }
    free(left_out.items);
    left_out.items = NULL;
    left_out.count = 0;
}

const treadle_stress_writer treadle_stress_markdown = {
    .name = "markdown",
    .begin = write_heading,
    .result = write_result,
    .left_out = remember,
    .end = write_left_out,
};
