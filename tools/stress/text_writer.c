// SPDX-License-Identifier: MIT
/* A line a workload, for people who watch. */
#include "tools/stress/writer.h"

static void write_result(FILE *out, const treadle_stress_result *result)
{
    const treadle_run *run = result->run;
    fprintf(out, "%-38s %-6s %-9s %9llu rounds %9llu broken", run->scenario->name,
            treadle_backend_name(run->backend), run->variant, (unsigned long long)result->rounds,
            (unsigned long long)result->broken);
    if (result->broken > 0) {
        fprintf(out, "  first %llu (%s)", (unsigned long long)result->first, result->property);
    }
    if (result->explorer > 0) {
        fprintf(out, "  explorer: execution %llu", (unsigned long long)result->explorer);
    }
    fprintf(out, "  %.1f s", result->elapsed_s);
    if (result->scale > 1) {
        fprintf(out, ", time %lld times as fast", (long long)result->scale);
    }
    fputc('\n', out);
}

static void write_left_out(FILE *out, const treadle_run *run, const char *why)
{
    fprintf(out, "%-38s %-6s left out: %s\n", run->scenario->name,
            treadle_backend_name(run->backend), why);
}

const treadle_stress_writer treadle_stress_text = {
    .name = "text",
    .result = write_result,
    .left_out = write_left_out,
};
