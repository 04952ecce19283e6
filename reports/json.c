// SPDX-License-Identifier: MIT
/* One JSON object a line for each result, in a fixed order of keys. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "reports/json_values.h"
#include "reports/writer.h"

typedef struct json_writer {
    FILE *out;
} json_writer;

static int json_begin(void **out, const treadle_writer_options *options)
{
    json_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->out = options->out;
    *out = self;
    return 0;
}

static json_t *expected_name(const treadle_result *result)
{
    return result->expected == TREADLE_VERDICT_NONE
               ? json_null()
               : json_string(treadle_verdict_name(result->expected));
}

static int add_cell(json_t *line, const treadle_cell *cell)
{
    int failed = 0;
    failed |= json_object_set_new(line, "scenario", treadle_json_text(cell->scenario));
    failed |= json_object_set_new(line, "variant", treadle_json_text(cell->variant));
    failed |=
        json_object_set_new(line, "backend", json_string(treadle_backend_name(cell->backend)));
    failed |= json_object_set_new(line, "granularity",
                                  treadle_json_text(treadle_granularity_name(cell->granularity)));
    return failed;
}

static int add_search(json_t *line, const treadle_result *result)
{
    int failed = 0;
    failed |= json_object_set_new(line, "strategy", treadle_json_text(result->strategy));
    failed |= json_object_set_new(line, "seed", treadle_json_number(result->seed));
    failed |= json_object_set_new(line, "executions", treadle_json_number(result->executions));
    failed |= json_object_set_new(line, "complete", json_boolean(result->complete));
    failed |= json_object_set_new(line, "redundant", treadle_json_number(result->redundant));
    failed |= json_object_set_new(line, "steps", treadle_json_number(result->steps));
    failed |= json_object_set_new(line, "elapsed_s", treadle_json_seconds(result->elapsed_s));
    return failed;
}

static json_t *guarantee_of(const treadle_result *result)
{
    const treadle_guarantee *given = &result->guarantee;
    return given->executions == 0
               ? json_null()
               : json_pack("{s:i, s:i, s:i, s:o, s:f, s:b}", "depth", (int)given->depth, "threads",
                           (int)given->threads, "decisions", (int)given->decisions, "executions",
                           treadle_json_number(given->executions), "missed_probability_max",
                           given->missed, "order_only", given->order_only);
}

/* null for what JSON has no number for. */
static json_t *real(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *estimate_of(const treadle_result *result)
{
    const treadle_estimate *estimate = &result->estimate;
    return estimate->paths == 0
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "interleavings", real(estimate->interleavings),
                           "spread", real(estimate->spread), "paths",
                           treadle_json_number(estimate->paths));
}

/* Never a verdict of its own: what has more may break. */
static json_t *bound_of(const treadle_result *result)
{
    const treadle_bound *bound = &result->bound;
    return bound->bounds == 0 ? json_null()
                              : json_pack("{s:i, s:o}", bound->what, (int)bound->bounds - 1,
                                          "interleavings", treadle_json_number(bound->executions));
}

/* What a search is worth that found nothing and did not see everything. */
static int add_evidence(json_t *line, const treadle_result *result)
{
    const double share = result->share_explored;
    int failed = 0;
    failed |= json_object_set_new(line, "holds_up_to", bound_of(result));
    failed |= json_object_set_new(line, "guarantee", guarantee_of(result));
    failed |= json_object_set_new(line, "estimate", estimate_of(result));
    failed |=
        json_object_set_new(line, "share_explored", share > 0 ? json_real(share) : json_null());
    return failed;
}

static int add_verdict(json_t *line, const treadle_result *result)
{
    const treadle_outcome *outcome = &result->outcome;
    const bool violated = result->verdict == TREADLE_VERDICT_VIOLATED;
    const uint64_t first = result->first_violation;
    int failed = 0;
    failed |=
        json_object_set_new(line, "verdict", json_string(treadle_verdict_name(result->verdict)));
    failed |= json_object_set_new(line, "expected", expected_name(result));
    failed |= json_object_set_new(line, "as_expected", json_boolean(result->as_expected));
    failed |= json_object_set_new(line, "property", treadle_json_text(outcome->property));
    failed |= json_object_set_new(line, "message", treadle_json_text(outcome->message));
    failed |= json_object_set_new(line, "first_violation",
                                  first == 0 ? json_null() : treadle_json_number(first));
    failed |= json_object_set_new(line, "token", treadle_json_text(result->token));
    failed |= json_object_set_new(line, "trace_hash", treadle_json_hash(outcome->trace_hash));
    failed |= json_object_set_new(
        line, "coarsest",
        treadle_json_text(violated ? treadle_granularity_name(result->coarsest) : NULL));
    failed |= json_object_set_new(line, "bounds", treadle_json_text(result->bounds));
    failed |= add_evidence(line, result);
    failed |= json_object_set_new(line, "parameters", treadle_json_parameters(&result->cell));
    return failed;
}

json_t *treadle_json_result(const treadle_result *result)
{
    json_t *line = json_object();
    if (line != NULL &&
        (add_cell(line, &result->cell) | add_search(line, result) | add_verdict(line, result))) {
        json_decref(line);
        return NULL;
    }
    return line;
}

static int json_result(void *context, const treadle_result *result)
{
    const json_writer *self = context;
    return treadle_json_print(treadle_json_result(result), self->out);
}

static int json_end(void *context, const treadle_summary *summary)
{
    (void)summary; /* whoever reads lines can count them */
    free(context);
    return 0;
}

const treadle_writer treadle_writer_json = {
    .name = "json",
    .begin = json_begin,
    .result = json_result,
    .end = json_end,
};
