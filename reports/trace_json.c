// SPDX-License-Identifier: MIT
/* A trace as one JSON object: what `replay --format json` prints. */
#include <errno.h>
#include <string.h>

#include "reports/event_text.h"
#include "reports/json_values.h"
#include "reports/writer.h"

static const char *outcome_name(treadle_outcome_kind kind)
{
    switch (kind) {
    case TREADLE_OUTCOME_NONE: return "none";
    case TREADLE_OUTCOME_PASSED: return "passed";
    case TREADLE_OUTCOME_VIOLATED: return "violated";
    case TREADLE_OUTCOME_CUT: return "cut";
    case TREADLE_OUTCOME_DIVERGED: return "diverged";
    case TREADLE_OUTCOME_ENVIRONMENT: return "environment";
    case TREADLE_OUTCOME_REDUNDANT: return "redundant";
    }
    return "none";
}

static json_t *outcome_object(const treadle_outcome *outcome)
{
    json_t *object = json_object();
    int failed = object == NULL;
    failed |= json_object_set_new(object, "kind", json_string(outcome_name(outcome->kind)));
    failed |= json_object_set_new(object, "property", treadle_json_text(outcome->property));
    failed |= json_object_set_new(object, "message", treadle_json_text(outcome->message));
    failed |= json_object_set_new(object, "steps", json_integer(outcome->steps));
    failed |= json_object_set_new(object, "switches", json_integer(outcome->switches));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *thread_names(const treadle_trace *trace)
{
    uint32_t count = trace->thread_count;
    count = count < TREADLE_TRACE_THREADS_MAX ? count : TREADLE_TRACE_THREADS_MAX;
    json_t *names = json_array();
    for (uint32_t i = 0; names != NULL && i < count; i++) {
        const char *name = trace->thread_names[i];
        if (json_array_append_new(
                names, treadle_json_bytes(name, strnlen(name, TREADLE_THREAD_NAME_MAX))) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static bool has_order(treadle_op_kind kind)
{
    return kind == TREADLE_OP_ATOMIC_LOAD || kind == TREADLE_OP_ATOMIC_STORE ||
           kind == TREADLE_OP_ATOMIC_RMW || kind == TREADLE_OP_ATOMIC_CAS ||
           kind == TREADLE_OP_FENCE;
}

static json_t *number_if(bool known, uint64_t value)
{
    return known ? treadle_json_number(value) : json_null();
}

static json_t *place_of(const treadle_event *event, const treadle_writer_options *options)
{
    return event->site != 0 && options->symbolize != NULL
               ? treadle_json_text(options->symbolize(event->site))
               : json_null();
}

static json_t *text_of(const treadle_trace *trace, const treadle_event *event)
{
    size_t length;
    const char *text = treadle_trace_text(trace, event, &length);
    return length > 0 ? treadle_json_bytes(text, length) : json_null();
}

static json_t *event_object(const treadle_trace *trace, const treadle_event *event,
                            const treadle_writer_options *options)
{
    const treadle_op_kind kind = (treadle_op_kind)event->kind;
    json_t *object = json_object();
    int failed = object == NULL;
    failed |= json_object_set_new(object, "step", json_integer(event->step));
    failed |= json_object_set_new(object, "thread", json_integer(event->thread));
    failed |= json_object_set_new(object, "op", json_string(treadle_op_word(kind)));
    failed |= json_object_set_new(object, "object", number_if(event->object != 0, event->object));
    failed |= json_object_set_new(object, "size", number_if(event->size != 0, event->size));
    failed |= json_object_set_new(object, "order",
                                  has_order(kind) ? json_string(treadle_order_name(event->order))
                                                  : json_null());
    failed |= json_object_set_new(
        object, "value", number_if((event->flags & TREADLE_EVENT_HAS_VALUE) != 0, event->value));
    failed |= json_object_set_new(
        object, "written",
        number_if((event->flags & TREADLE_EVENT_HAS_WRITTEN) != 0, event->written));
    failed |= json_object_set_new(object, "failed",
                                  json_boolean((event->flags & TREADLE_EVENT_FAILED) != 0));
    failed |= json_object_set_new(object, "clock_ns", json_integer(event->clock_ns));
    failed |= json_object_set_new(object, "place", place_of(event, options));
    failed |= json_object_set_new(object, "text", text_of(trace, event));
    failed |= json_object_set_new(object, "hash", treadle_json_hash(event->hash));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *event_objects(const treadle_trace *trace, const treadle_writer_options *options)
{
    json_t *events = json_array();
    for (uint32_t i = 0; events != NULL && i < trace->event_count; i++) {
        /* Appending fails when there is nothing to append. */
        if (json_array_append_new(events, event_object(trace, &trace->events[i], options)) != 0) {
            json_decref(events);
            return NULL;
        }
    }
    return events;
}

static json_t *remark_objects(const treadle_trace *trace, const treadle_writer_options *options)
{
    json_t *remarks = json_array();
    for (uint32_t i = 0; remarks != NULL && i < trace->remark_count; i++) {
        const treadle_event *note = &trace->remarks[i].note;
        json_t *object = json_object();
        int failed = object == NULL;
        failed |= json_object_set_new(object, "after", json_integer(trace->remarks[i].after));
        failed |= json_object_set_new(object, "thread", json_integer(note->thread));
        failed |= json_object_set_new(object, "place", place_of(note, options));
        failed |= json_object_set_new(object, "text", text_of(trace, note));
        if (failed) {
            json_decref(object);
            object = NULL;
        }
        if (json_array_append_new(remarks, object) != 0) {
            json_decref(remarks);
            return NULL;
        }
    }
    return remarks;
}

static int add_cell(json_t *object, const treadle_cell *cell)
{
    int failed = 0;
    failed |= json_object_set_new(object, "scenario", treadle_json_text(cell->scenario));
    failed |= json_object_set_new(object, "variant", treadle_json_text(cell->variant));
    failed |=
        json_object_set_new(object, "backend", json_string(treadle_backend_name(cell->backend)));
    failed |= json_object_set_new(object, "granularity",
                                  treadle_json_text(treadle_granularity_name(cell->granularity)));
    failed |= json_object_set_new(object, "parameters", treadle_json_parameters(cell));
    return failed;
}

int treadle_trace_json_write(const treadle_schedule *schedule, const treadle_outcome *outcome,
                             const char *token, const treadle_trace *trace,
                             const treadle_writer_options *options)
{
    json_t *object = json_object();
    int failed = object == NULL;
    failed |= json_object_set_new(object, "token", treadle_json_text(token));
    failed |= add_cell(object, &schedule->cell);
    failed |= json_object_set_new(object, "outcome", outcome_object(outcome));
    failed |= json_object_set_new(object, "trace_hash", treadle_json_hash(trace->hash));
    failed |= json_object_set_new(object, "threads", thread_names(trace));
    failed |= json_object_set_new(object, "events", event_objects(trace, options));
    if (trace->remark_count > 0) {
        failed |= json_object_set_new(object, "remarks", remark_objects(trace, options));
    }
    failed |= json_object_set_new(object, "dropped", json_integer(trace->dropped));
    if (failed) {
        json_decref(object);
        return ENOMEM;
    }
    return treadle_json_print(object, options->out);
}

static int write_json(const treadle_replayed *replayed, const treadle_writer_options *options)
{
    return treadle_trace_json_write(replayed->schedule, replayed->outcome, replayed->token,
                                    replayed->trace, options);
}

const treadle_trace_writer treadle_trace_writer_json = {
    .name = "json", .whole = true, .write = write_json};
