// SPDX-License-Identifier: MIT
/*
 * SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format", 2020): a result for each
 * violation and for whatever else was not expected; written at the end.
 *
 * What a row expects to break is there, too, as accepted: a note with a suppression that says why.
 * The last moment of a counterexample is the location, the earlier ones are related locations, and
 * the interleaving is a code flow with a thread flow a thread, whose executionOrder is the step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/event_text.h"
#include "reports/json_values.h"
#include "reports/result_places.h"
#include "reports/writer.h"

#define SCHEMA \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define ROOT "%SRCROOT%"

enum { FLOW_MAX = 500 }; /* locations of a result: nobody reads more, and viewers refuse them */

typedef struct sarif_writer {
    treadle_writer_options options;
    json_t *results; /* owned */
    json_t *rules;   /* owned */
} sarif_writer;

static int sarif_begin(void **out, const treadle_writer_options *options)
{
    sarif_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->options = *options;
    self->results = json_array();
    self->rules = json_array();
    *out = self;
    return self->results != NULL && self->rules != NULL ? 0 : ENOMEM;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static const char *rule_text(const char *id)
{
    static const struct {
        const char *id;
        const char *text;
    } known[] = {
        {"data-race", "Two accesses, one a write, that nothing orders."},
        {"deadlock", "Threads wait for each other."},
        {"livelock", "Threads run for ever without getting anywhere."},
        {"starvation", "A thread is overtaken again and again."},
        {"lock-leak", "A lock is still held when all is over."},
        {"thread-leak", "A thread is neither joined nor detached."},
        {"double-free", "Memory is given back twice."},
        {"crash", "The program dies of a signal."},
        {"not-as-expected", "The verdict is not the one that the scenario's row expects."},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].id, id) == 0) {
            return known[i].text;
        }
    }
    return "A property that the scenario states does not hold.";
}

/* The index of a rule, which is added when it is new; -1 when out of memory. */
static int rule_index(sarif_writer *self, const char *id)
{
    size_t i;
    json_t *rule;
    json_array_foreach(self->rules, i, rule)
    {
        if (strcmp(json_string_value(json_object_get(rule, "id")), id) == 0) {
            return (int)i;
        }
    }
    rule = json_pack("{s:o, s:{s:s}}", "id", treadle_json_text(id), "shortDescription", "text",
                     rule_text(id));
    return json_array_append_new(self->rules, rule) == 0 ? (int)json_array_size(self->rules) - 1
                                                         : -1;
}

/* ---- locations ------------------------------------------------------------------------------- */

/* A path as a URI reference: what is not plain is percent-encoded. */
static json_t *uri_of(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/+@=";
    char uri[3 * TREADLE_PLACE_TEXT_MAX + 8] = "";
    size_t used = (size_t)snprintf(uri, sizeof uri, "%s", path[0] == '/' ? "file://" : "");
    for (; *path != '\0' && used + 4 < sizeof uri; path++) {
        if (strchr(plain, *path) != NULL) {
            uri[used++] = *path;
            uri[used] = '\0';
        } else {
            used += (size_t)snprintf(uri + used, 4, "%%%02X", (unsigned char)*path);
        }
    }
    return json_string(uri);
}

static json_t *physical_location(const treadle_source_place *place)
{
    json_t *artifact = json_pack("{s:o}", "uri", uri_of(place->file));
    if (artifact != NULL && place->file[0] != '/') {
        json_object_set_new(artifact, "uriBaseId", json_string(ROOT));
    }
    return json_pack("{s:o, s:{s:i}}", "artifactLocation", artifact, "region", "startLine",
                     place->line);
}

static json_t *text_object(const char *text)
{
    return json_pack("{s:o}", "text", treadle_json_bytes(text, strlen(text)));
}

static json_t *location(const treadle_source_place *place, json_t *message)
{
    json_t *made = json_object();
    int failed = made == NULL;
    if (place->line > 0) {
        failed |= json_object_set_new(made, "physicalLocation", physical_location(place));
    }
    if (place->function[0] != '\0') {
        failed |=
            json_object_set_new(made, "logicalLocations",
                                json_pack("[{s:o, s:s}]", "name",
                                          treadle_json_text(place->function), "kind", "function"));
    }
    failed |= json_object_set_new(made, "message", message);
    if (failed) {
        json_decref(made);
        return NULL;
    }
    return made;
}

static json_t *moment_text(const treadle_trace *trace, const treadle_moment *moment)
{
    char *text = treadle_moment_describe(trace, moment);
    json_t *object = text != NULL ? text_object(text) : NULL;
    free(text);
    return object;
}

/* The last moment as the location, the others as related; for a reader without a trace the cell. */
static int add_locations(json_t *object, const treadle_result *result,
                         const treadle_writer_options *options)
{
    treadle_result_places places;
    treadle_result_places_of(result, options, &places);
    json_t *related = json_array();
    json_t *last = NULL;
    int failed = related == NULL;
    for (uint32_t i = 0; i < places.count; i++) {
        const treadle_result_place *item = &places.items[i];
        json_t *made = location(&item->place, moment_text(result->trace, &item->moment));
        failed |= made == NULL;
        if (i + 1 == places.count) {
            last = made;
        } else {
            json_object_set_new(made, "id", json_integer(i + 1));
            failed |= json_array_append_new(related, made);
        }
    }
    if (last == NULL) {
        char name[2 * TREADLE_NAME_MAX + 1];
        snprintf(name, sizeof name, "%s/%s", result->cell.scenario, result->cell.variant);
        last = json_pack("{s:[{s:o, s:s}]}", "logicalLocations", "fullyQualifiedName",
                         treadle_json_text(name), "kind", "member");
    }
    failed |= json_object_set_new(object, "locations", json_pack("[o]", last));
    if (json_array_size(related) > 0) {
        failed |= json_object_set(object, "relatedLocations", related);
    }
    json_decref(related);
    return failed;
}

/* ---- code flows ------------------------------------------------------------------------------ */

typedef struct flow_walk {
    const treadle_trace *trace;
    const treadle_writer_options *options;
    treadle_relations relations;
    treadle_moment moments[TREADLE_MOMENTS_MAX];
    uint32_t moment_count;
    uint32_t helper_depth;
    uint32_t left;
} flow_walk;

static bool is_moment(const flow_walk *self, const treadle_event *event)
{
    for (uint32_t i = 0; i < self->moment_count; i++) {
        if (self->moments[i].event == event) {
            return true;
        }
    }
    return false;
}

static json_t *flow_location(const flow_walk *self, const treadle_event *event, uint32_t step)
{
    treadle_source_place place;
    treadle_source_place_of(self->options, treadle_shown_site(event, self->helper_depth), &place);
    char *what = treadle_event_describe(self->trace, event);
    json_t *message = what != NULL ? text_object(what) : NULL;
    free(what);
    return json_pack("{s:o, s:i, s:s}", "location", location(&place, message), "executionOrder",
                     (int)step, "importance", is_moment(self, event) ? "essential" : "important");
}

static int add_remarks(flow_walk *self, json_t *locations, uint32_t thread, uint32_t after)
{
    int failed = 0;
    for (uint32_t i = 0; i < self->trace->remark_count; i++) {
        const treadle_trace_remark *remark = &self->trace->remarks[i];
        if (remark->after == after && remark->note.thread == thread) {
            const uint32_t step = after > 0 ? self->trace->events[after - 1].step : 0;
            failed |= json_array_append_new(locations, flow_location(self, &remark->note, step));
        }
    }
    return failed;
}

static json_t *thread_flow(flow_walk *self, uint32_t thread)
{
    json_t *locations = json_array();
    int failed = locations == NULL;
    failed |= add_remarks(self, locations, thread, 0);
    for (uint32_t i = 0; i < self->trace->event_count && self->left > 0; i++) {
        const treadle_event *event = &self->trace->events[i];
        if (event->thread == thread && (self->relations.matters[i] || is_moment(self, event))) {
            failed |= json_array_append_new(locations, flow_location(self, event, event->step));
            self->left--;
        }
        failed |= add_remarks(self, locations, thread, i + 1);
    }
    if (failed || json_array_size(locations) == 0) {
        json_decref(locations);
        return NULL;
    }
    char *name = treadle_thread_describe(self->trace, thread);
    json_t *flow =
        json_pack("{s:o, s:o}", "id", name != NULL ? treadle_json_bytes(name, strlen(name)) : NULL,
                  "locations", locations);
    free(name);
    return flow;
}

static int add_code_flow(json_t *object, const treadle_result *result,
                         const treadle_writer_options *options)
{
    flow_walk self = {.trace = result->trace, .options = options, .left = FLOW_MAX};
    if (result->trace == NULL || result->trace->event_count == 0) {
        return 0;
    }
    if (treadle_relations_open(&self.relations, result->trace) != 0) {
        return -1;
    }
    self.helper_depth = treadle_helper_depth(result->trace);
    self.moment_count =
        treadle_moments(result->trace, &self.relations, &result->outcome, self.moments);
    json_t *flows = json_array();
    for (uint32_t thread = 0; thread < TREADLE_TRACE_THREADS_MAX; thread++) {
        json_t *flow = thread_flow(&self, thread);
        if (flow != NULL) {
            json_array_append_new(flows, flow);
        }
    }
    treadle_relations_close(&self.relations);
    if (json_array_size(flows) == 0) {
        json_decref(flows);
        return 0;
    }
    return json_object_set_new(object, "codeFlows", json_pack("[{s:o}]", "threadFlows", flows));
}

/* ---- a result -------------------------------------------------------------------------------- */

static const char *level_of(const treadle_result *result)
{
    if (result->as_expected) {
        return "note";
    }
    return result->verdict == TREADLE_VERDICT_UNKNOWN ? "warning" : "error";
}

static json_t *message_of(const treadle_result *result)
{
    char expected[TREADLE_EXPECTED_MAX];
    char detail[TREADLE_DETAIL_MAX];
    char text[TREADLE_EXPECTED_MAX + TREADLE_DETAIL_MAX + 256];
    const treadle_cell *cell = &result->cell;
    treadle_describe_expected(result, expected, sizeof expected);
    treadle_describe_detail(result, detail, sizeof detail);
    snprintf(text, sizeof text, "%s, variant %s, on %s: %s (%s)%s%s", cell->scenario, cell->variant,
             treadle_backend_name(cell->backend), treadle_verdict_name(result->verdict), expected,
             detail[0] != '\0' ? "; " : "", detail);
    return text_object(text);
}

static json_t *properties_of(const treadle_result *result)
{
    const treadle_cell *cell = &result->cell;
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:o}", "scenario", treadle_json_text(cell->scenario),
        "variant", treadle_json_text(cell->variant), "backend", treadle_backend_name(cell->backend),
        "granularity", treadle_json_text(treadle_granularity_name(cell->granularity)), "verdict",
        treadle_verdict_name(result->verdict), "strategy", treadle_json_text(result->strategy),
        "seed", treadle_json_number(result->seed), "token", treadle_json_text(result->token));
}

/* The same finding in another run, however its lines have moved. */
static json_t *fingerprint_of(const treadle_result *result, const char *rule)
{
    const treadle_cell *cell = &result->cell;
    char text[2 * TREADLE_NAME_MAX + TREADLE_PROPERTY_MAX + 32];
    snprintf(text, sizeof text, "%s %s %s %s", cell->scenario, cell->variant,
             treadle_backend_name(cell->backend), rule);
    return json_pack("{s:o}", "treadleCell/v1", treadle_json_text(text));
}

static json_t *suppression_of(const treadle_result *result)
{
    const char *reason = result->reason != NULL ? result->reason : "expected by the scenario's row";
    return json_pack("[{s:s, s:s, s:o}]", "kind", "external", "status", "accepted", "justification",
                     treadle_json_text(reason));
}

static json_t *result_object(sarif_writer *self, const treadle_result *result)
{
    const bool found =
        result->verdict == TREADLE_VERDICT_VIOLATED && result->outcome.property[0] != '\0';
    const char *rule = found ? result->outcome.property : "not-as-expected";
    const int index = rule_index(self, rule);
    json_t *object = json_object();
    int failed = object == NULL || index < 0;
    failed |= json_object_set_new(object, "ruleId", treadle_json_text(rule));
    failed |= json_object_set_new(object, "ruleIndex", json_integer(index));
    failed |= json_object_set_new(object, "kind", json_string("fail"));
    failed |= json_object_set_new(object, "level", json_string(level_of(result)));
    failed |= json_object_set_new(object, "message", message_of(result));
    failed |= add_locations(object, result, &self->options);
    failed |= add_code_flow(object, result, &self->options);
    failed |= json_object_set_new(object, "partialFingerprints", fingerprint_of(result, rule));
    if (result->as_expected) {
        failed |= json_object_set_new(object, "suppressions", suppression_of(result));
    }
    failed |= json_object_set_new(object, "properties", properties_of(result));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int sarif_result(void *context, const treadle_result *result)
{
    sarif_writer *self = context;
    if (result->as_expected && result->verdict != TREADLE_VERDICT_VIOLATED) {
        return 0; /* counted in the run's properties */
    }
    return json_array_append_new(self->results, result_object(self, result)) == 0 ? 0 : ENOMEM;
}

/* ---- the end --------------------------------------------------------------------------------- */

static json_t *driver_of(const sarif_writer *self)
{
    json_t *driver = json_pack("{s:s, s:O}", "name", "Treadle", "rules", self->rules);
    if (driver != NULL && self->options.version != NULL) {
        json_object_set_new(driver, "version", treadle_json_text(self->options.version));
    }
    return driver;
}

static json_t *run_of(const sarif_writer *self, const treadle_summary *summary)
{
    json_t *counts =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "cells", treadle_json_number(summary->results),
                  "asExpected", treadle_json_number(summary->as_expected), "notAsExpected",
                  treadle_json_number(summary->unexpected), "unknown",
                  treadle_json_number(summary->unknown), "elapsedSeconds",
                  treadle_json_seconds(summary->elapsed_s), "interrupted", summary->interrupted);
    return json_pack("{s:{s:o}, s:{s:s}, s:s, s:[{s:b}], s:O, s:o}", "tool", "driver",
                     driver_of(self), "automationDetails", "id", "treadle/check/", "columnKind",
                     "unicodeCodePoints", "invocations", "executionSuccessful",
                     !summary->interrupted, "results", self->results, "properties", counts);
}

static int sarif_end(void *context, const treadle_summary *summary)
{
    sarif_writer *self = context;
    json_t *document = json_pack("{s:s, s:s, s:[o]}", "$schema", SCHEMA, "version", "2.1.0", "runs",
                                 run_of(self, summary));
    const int error = treadle_json_print(document, self->options.out);
    json_decref(self->results);
    json_decref(self->rules);
    free(self);
    return error;
}

const treadle_writer treadle_writer_sarif = {
    .name = "sarif",
    .begin = sarif_begin,
    .result = sarif_result,
    .end = sarif_end,
};
