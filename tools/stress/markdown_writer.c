// SPDX-License-Identifier: MIT
/* Two tables for reports/stress.md: how often each workload broke, and what could not be tried. */
#include <stdlib.h>

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
    fputs("# Plain stress on real threads, beside the explorer\n\n"
          "Made by `tools/stress-table`; `tools/stress/README.md` says what a round is. A workload "
          "ends when enough rounds\nare done, when enough of them broke, or when its time is up; "
          "`fixed` then passed for as long.\n\n"
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
    const double in_a_million = 1e6 * (double)result->broken / (double)result->rounds;
    if (result->rounds > 0) {
        fprintf(out, in_a_million < 100 ? "%.2g" : "%.0f", in_a_million);
    } else {
        fputs("–", out);
    }
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

static void write_left_out(FILE *out)
{
    if (left_out.count > 0) {
        fputs("\nLeft out:\n\n| workload | backend | why |\n|---|---|---|\n", out);
    }
    for (size_t i = 0; i < left_out.count; i++) {
        fprintf(out, "| `%s` | %s | %s |\n", left_out.items[i].scenario,
                treadle_backend_name(left_out.items[i].backend), left_out.items[i].why);
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
