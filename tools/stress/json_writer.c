// SPDX-License-Identifier: MIT
/* An object a line, as `treadle report --stress` reads it. What was left out is not in it. */
#include <jansson.h>

#include "tools/stress/writer.h"

static json_t *number_or_null(uint64_t number)
{
    return number > 0 ? json_integer((json_int_t)number) : json_null();
}

static void write_result(FILE *out, const treadle_stress_result *result)
{
    const treadle_run *run = result->run;
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:I, s:f, s:o}", "scenario",
                  run->scenario->name, "backend", treadle_backend_name(run->backend), "variant",
                  run->variant, "rounds", (json_int_t)result->rounds, "broken",
                  (json_int_t)result->broken, "first", number_or_null(result->first), "property",
                  result->first > 0 ? json_string(result->property) : json_null(), "time_scale",
                  (json_int_t)result->scale, "elapsed_s", result->elapsed_s, "explorer",
                  number_or_null(result->explorer));
    json_dumpf(line, out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(line);
}

static void leave_out(FILE *out, const treadle_run *run, const char *why)
{
    (void)out;
    (void)run;
    (void)why;
}

const treadle_stress_writer treadle_stress_json = {
    .name = "json",
    .result = write_result,
    .left_out = leave_out,
};
