// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/consistency/run_json.h"
#include "reports/consistency/words.h"
#include "reports/json_values.h"

static const char *thread_name(const treadle_trace *trace, uint32_t thread)
{
    return thread < TREADLE_TRACE_THREADS_MAX ? trace->thread_names[thread] : "";
}

static json_t *serial_run(const treadle_trace *trace, const treadle_explanation *explanation,
                          const treadle_serial_run *run)
{
    json_t *order = json_array();
    for (uint32_t i = 0; order != NULL && i < explanation->thread_count; i++) {
        json_array_append_new(order, treadle_json_text(thread_name(trace, run->threads[i])));
    }
    const bool passed = run->outcome.kind == TREADLE_OUTCOME_PASSED;
    return json_pack("{s:o, s:b, s:o, s:o, s:o}", "order", order, "passes", passed, "property",
                     treadle_json_text(run->outcome.property), "message",
                     treadle_json_text(run->outcome.message), "notes",
                     treadle_json_text(run->notes));
}

/* {"runs", "all"}: the threads one after another; the first is the nearest. */
static json_t *serial_runs(const treadle_result *result)
{
    const treadle_explanation *explanation = result->explanation;
    if (explanation == NULL || explanation->serial_count == 0) {
        return json_null();
    }
    json_t *runs = json_array();
    for (uint32_t i = 0; runs != NULL && i < explanation->serial_count; i++) {
        if (json_array_append_new(
                runs, serial_run(result->trace, explanation, &explanation->serial[i])) != 0) {
            json_decref(runs);
            return NULL;
        }
    }
    return json_pack("{s:o, s:b}", "runs", runs, "all", explanation->serial_all);
}

/* Up to where two runs do the same. */
static uint32_t common_events(const treadle_trace *a, const treadle_trace *b)
{
    uint32_t same = 0;
    while (same < a->event_count && same < b->event_count &&
           a->events[same].hash == b->events[same].hash) {
        same++;
    }
    return same;
}

static json_t *passing_run(const treadle_result *result, const treadle_consistency_options *options)
{
    const treadle_explanation *explanation = result->explanation;
    if (explanation == NULL || explanation->passing == NULL) {
        return json_null();
    }
    const uint32_t same = common_events(result->trace, explanation->passing);
    const uint32_t step = same > 0 ? result->trace->events[same - 1].step : 0;
    json_t *run = treadle_run_json(explanation->passing, options);
    if (run == NULL || json_object_set_new(run, "common_steps", json_integer(step)) != 0 ||
        json_object_set_new(run, "serial", json_boolean(explanation->decision == 0)) != 0) {
        json_decref(run);
        return NULL;
    }
    return run;
}

/* Redis operations that something was done to begin with a bracket, or say how they were cut. */
static bool fault_strikes(const treadle_trace *trace)
{
    for (uint32_t i = 0; trace != NULL && i < trace->event_count; i++) {
        const treadle_event *event = &trace->events[i];
        size_t length;
        const char *text = treadle_trace_text(trace, event, &length);
        if (event->kind == TREADLE_OP_REDIS && length > 0 &&
            (text[0] == '(' || (event->flags & TREADLE_EVENT_FAILED) != 0)) {
            return true;
        }
    }
    return false;
}

/* What it takes, in plain English: what the threads one after another would have come to. */
static void describe_why(char *text, size_t size, const treadle_result *result)
{
    const treadle_explanation *explanation = result->explanation;
    uint32_t passed = 0;
    const uint32_t count = explanation != NULL ? explanation->serial_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        passed += explanation->serial[i].outcome.kind == TREADLE_OUTCOME_PASSED;
    }
    if (count == 0) {
        text[0] = '\0';
    } else if (explanation->thread_count < 2) {
        snprintf(text, size, "One thread is enough: no interleaving is needed, only %s.",
                 passed == 0                    ? "this sequence of calls"
                 : fault_strikes(result->trace) ? "the fault that strikes here"
                                                : "what the schedule decides beside it: time that "
                                                  "passes, a call that is cancelled");
    } else if (passed == count) {
        snprintf(text, size, "One after another%s the threads keep the property: %s.",
                 explanation->serial_all ? ", in every order," : ", in the nearest order,",
                 fault_strikes(result->trace) ? "it takes the fault that strikes here to break it"
                                              : "it takes an interleaving like this one to break "
                                                "it");
    } else if (passed == 0) {
        snprintf(text, size,
                 "Even one after another%s the threads break it: no interleaving is needed.",
                 explanation->serial_all ? ", in every order," : "");
    } else {
        snprintf(text, size,
                 "One after another the threads keep the property in %u of %u orders and break it "
                 "in the others: the order of the calls matters, no finer interleaving is needed.",
                 passed, count);
    }
}

json_t *treadle_counterexample_json(const treadle_result *result, const char *id,
                                    const treadle_consistency_options *options)
{
    const treadle_cell *cell = &result->cell;
    const treadle_scenario *scenario = treadle_scenario_find(cell->scenario);
    const treadle_explanation *explanation = result->explanation;
    char why[400];
    describe_why(why, sizeof why, result);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
        treadle_json_text(id), "cell", treadle_cell_id(cell), "token",
        treadle_json_text(result->token), "property", treadle_json_text(result->outcome.property),
        "message", treadle_json_text(result->outcome.message), "must_hold",
        treadle_json_text(treadle_property_words(result->outcome.property)), "tried",
        treadle_json_text(scenario != NULL ? scenario->summary : NULL), "parameters",
        treadle_json_parameters(cell), "reason", treadle_json_text(result->reason), "coarsest",
        treadle_json_text(treadle_granularity_name(result->coarsest)), "why",
        treadle_json_text(why), "notes",
        treadle_json_text(explanation != NULL ? explanation->notes : NULL), "serial",
        serial_runs(result), "switches", json_integer(result->outcome.switches), "failing",
        result->trace != NULL ? treadle_run_json(result->trace, options) : json_null(), "passing",
        result->trace != NULL ? passing_run(result, options) : json_null());
}
