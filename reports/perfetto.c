// SPDX-License-Identifier: MIT
/* A replay in the Trace Event Format, which the Perfetto UI and chrome://tracing open. A thread is
 * a track; a step is a microsecond, since virtual time mostly stands still; what synchronises or
 * conflicts is joined by arrows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/event_text.h"
#include "reports/json_values.h"
#include "reports/relations.h"
#include "reports/source_place.h"
#include "reports/writer.h"

enum { PROCESS = 1, STEP_US = 1 };

/* ---- values ---------------------------------------------------------------------------------- */

/* Fails when out of memory, or when given something that failed. */
static int append(json_t *events, json_t *event)
{
    return json_array_append_new(events, event);
}

static json_t *name_event(const char *what, uint32_t thread, json_t *name)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:{s:o}}", "name", what, "ph", "M", "pid", PROCESS,
                     "tid", (int)thread, "args", "name", name);
}

static json_t *text_and_free(char *text)
{
    json_t *value = text != NULL ? treadle_json_bytes(text, strlen(text)) : NULL;
    free(text);
    return value;
}

static json_t *place_value(const treadle_writer_options *options, uint64_t site)
{
    return treadle_json_text(treadle_place_text(options, site));
}

static const char *relation_name(treadle_relation_kind kind)
{
    static const char *const names[] = {"program order", "happens before", "wakes", "conflict"};
    return names[kind];
}

/* ---- events ---------------------------------------------------------------------------------- */

static int add_names(json_t *events, const treadle_replayed *replayed)
{
    const treadle_cell *cell = &replayed->schedule->cell;
    bool named[UINT8_MAX + 1] = {false};
    char process[2 * TREADLE_NAME_MAX + 1];
    snprintf(process, sizeof process, "%s %s", cell->scenario, cell->variant);
    int failed = append(events, name_event("process_name", 0, treadle_json_text(process)));
    for (uint32_t i = 0; i < replayed->trace->event_count; i++) {
        const uint8_t thread = replayed->trace->events[i].thread;
        if (!named[thread]) {
            named[thread] = true;
            failed |=
                append(events,
                       name_event("thread_name", thread,
                                  text_and_free(treadle_thread_describe(replayed->trace, thread))));
        }
    }
    return failed;
}

static json_t *slice(const treadle_trace *trace, const treadle_event *event, uint32_t helper_depth,
                     const treadle_writer_options *options)
{
    const char *category = event->kind == TREADLE_OP_REDIS ? "redis" : "operation";
    json_t *name = text_and_free(treadle_event_describe(trace, event));
    json_t *place = place_value(options, treadle_shown_site(event, helper_depth));
    if (event->kind == TREADLE_OP_NOTE) {
        return json_pack("{s:o, s:s, s:s, s:s, s:i, s:i, s:I, s:{s:o}}", "name", name, "cat",
                         "note", "ph", "i", "s", "t", "pid", PROCESS, "tid", (int)event->thread,
                         "ts", (json_int_t)event->step * STEP_US, "args", "place", place);
    }
    return json_pack("{s:o, s:s, s:s, s:i, s:i, s:I, s:i, s:{s:i, s:I, s:b, s:o}}", "name", name,
                     "cat", category, "ph", "X", "pid", PROCESS, "tid", (int)event->thread, "ts",
                     (json_int_t)event->step * STEP_US, "dur", STEP_US, "args", "step",
                     (int)event->step, "clock_ns", (json_int_t)event->clock_ns, "failed",
                     (event->flags & TREADLE_EVENT_FAILED) != 0, "place", place);
}

static int add_slices(json_t *events, const treadle_trace *trace,
                      const treadle_writer_options *options)
{
    const uint32_t depth = treadle_helper_depth(trace);
    int failed = 0;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const treadle_event *event = &trace->events[i];
        failed |= append(events, slice(trace, event, depth, options));
        if (i == 0 || event->clock_ns != trace->events[i - 1].clock_ns) {
            failed |= append(events, json_pack("{s:s, s:s, s:i, s:i, s:I, s:{s:f}}", "name",
                                               "virtual clock", "ph", "C", "pid", PROCESS, "tid", 0,
                                               "ts", (json_int_t)event->step * STEP_US, "args",
                                               "seconds", (double)event->clock_ns / 1e9));
        }
    }
    for (uint32_t i = 0; i < trace->remark_count; i++) {
        treadle_event note = trace->remarks[i].note;
        const uint32_t after = trace->remarks[i].after;
        note.step = after > 0 ? trace->events[after - 1].step : 0;
        failed |= append(events, slice(trace, &note, depth, options));
    }
    return failed;
}

static json_t *flow_end(const treadle_event *event, const char *phase, const char *name, size_t id)
{
    json_t *flow = json_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:I}", "name", name, "cat", "order",
                             "ph", phase, "id", (json_int_t)id, "pid", PROCESS, "tid",
                             (int)event->thread, "ts", (json_int_t)event->step * STEP_US);
    if (flow != NULL && phase[0] == 'f') {
        json_object_set_new(flow, "bp", json_string("e")); /* ends at the slice, not before it */
    }
    return flow;
}

static int add_flows(json_t *events, const treadle_trace *trace)
{
    treadle_relations relations;
    if (treadle_relations_open(&relations, trace) != 0) {
        return -1;
    }
    int failed = 0;
    for (size_t i = 0; i < relations.count; i++) {
        const treadle_relation *relation = &relations.items[i];
        if (relation->kind == TREADLE_RELATION_PROGRAM) {
            continue;
        }
        const char *name = relation_name(relation->kind);
        failed |= append(events, flow_end(&trace->events[relation->from], "s", name, i + 1));
        failed |= append(events, flow_end(&trace->events[relation->to], "f", name, i + 1));
    }
    treadle_relations_close(&relations);
    return failed;
}

static json_t *about(const treadle_replayed *replayed)
{
    const treadle_cell *cell = &replayed->schedule->cell;
    return json_pack(
        "{s:o, s:o, s:s, s:s, s:o, s:o}", "scenario", treadle_json_text(cell->scenario), "variant",
        treadle_json_text(cell->variant), "backend", treadle_backend_name(cell->backend),
        "granularity", treadle_granularity_name(cell->granularity), "outcome",
        treadle_json_text(replayed->line), "token", treadle_json_text(replayed->token));
}

static int write_perfetto(const treadle_replayed *replayed, const treadle_writer_options *options)
{
    json_t *events = json_array();
    int failed = events == NULL;
    failed |= add_names(events, replayed);
    failed |= add_slices(events, replayed->trace, options);
    failed |= add_flows(events, replayed->trace);
    json_t *document = json_pack("{s:o, s:s, s:o}", "traceEvents", events, "displayTimeUnit", "ns",
                                 "otherData", about(replayed));
    if (failed) {
        json_decref(document);
        return ENOMEM;
    }
    return treadle_json_print(document, options->out);
}

const treadle_trace_writer treadle_trace_writer_perfetto = {
    .name = "perfetto", .whole = true, .write = write_perfetto};
