// SPDX-License-Identifier: MIT
/* JUnit XML, as CI servers read it: a suite a component, a test case a cell. Suites are grouped and
 * begin with counts, so results are kept until the end; lanes are drawn as each arrives, because a
 * trace is large. */
#include <errno.h>
#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/utf8.h"
#include "reports/writer.h"

typedef struct kept {
    treadle_result result; /* token and trace are not the caller's: see below */
    char *token;           /* owned */
    char *lanes;           /* owned, NULL when as expected */
    bool written;
} kept;

typedef struct junit_writer {
    treadle_writer_options options;
    kept *results; /* owned */
    size_t count;
    size_t room;
} junit_writer;

typedef struct counts {
    uint64_t tests;
    uint64_t failures;
    uint64_t errors;
    double elapsed_s;
} counts;

/* A document being written; after a failure the rest does nothing. */
typedef struct document {
    xmlTextWriter *xml;
    bool failed;
} document;

/* ---- keeping --------------------------------------------------------------------------------- */

static int junit_begin(void **out, const treadle_writer_options *options)
{
    junit_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->options = *options;
    self->options.colour = false;
    *out = self;
    return 0;
}

static int make_room(junit_writer *self)
{
    if (self->count < self->room) {
        return 0;
    }
    const size_t room = self->room * 2 + 16;
    kept *grown = realloc(self->results, room * sizeof *grown);
    if (grown == NULL) {
        return ENOMEM;
    }
    self->results = grown;
    self->room = room;
    return 0;
}

static int junit_result(void *context, const treadle_result *result)
{
    junit_writer *self = context;
    int error = make_room(self);
    if (error) {
        return error;
    }
    kept copy = {.result = *result};
    copy.result.token = NULL;
    copy.result.trace = NULL;
    if (result->token != NULL && (copy.token = strdup(result->token)) == NULL) {
        return ENOMEM;
    }
    if (!result->as_expected && result->trace != NULL) {
        copy.lanes = treadle_lanes_text(result->trace, &self->options, &error);
    }
    self->results[self->count++] = copy;
    return error;
}

/* ---- XML ------------------------------------------------------------------------------------- */

static void check(document *xml, int status)
{
    xml->failed |= status < 0;
}

static void start(document *xml, const char *element)
{
    check(xml, xmlTextWriterStartElement(xml->xml, BAD_CAST element));
}

static void end(document *xml)
{
    check(xml, xmlTextWriterEndElement(xml->xml));
}

static void attribute(document *xml, const char *name, const char *value)
{
    char *clean = treadle_utf8_escape_lines(value, strlen(value));
    check(xml, clean == NULL
                   ? -1
                   : xmlTextWriterWriteAttribute(xml->xml, BAD_CAST name, BAD_CAST clean));
    free(clean);
}

static void attribute_count(document *xml, const char *name, uint64_t value)
{
    check(xml, xmlTextWriterWriteFormatAttribute(xml->xml, BAD_CAST name, "%llu",
                                                 (unsigned long long)value));
}

static void attribute_seconds(document *xml, const char *name, double value)
{
    check(xml, xmlTextWriterWriteFormatAttribute(xml->xml, BAD_CAST name, "%.3f", value));
}

__attribute__((format(printf, 2, 3))) static void content(document *xml, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *clean = length >= 0 ? treadle_utf8_escape_lines(text, (size_t)length) : NULL;
    check(xml, clean == NULL ? -1 : xmlTextWriterWriteString(xml->xml, BAD_CAST clean));
    free(clean);
    if (length >= 0) {
        free(text);
    }
}

/* ---- a test case ----------------------------------------------------------------------------- */

/* An unknown verdict is an error of the test, anything else that was not expected a failure. */
static bool is_error(const treadle_result *result)
{
    return !result->as_expected && result->verdict == TREADLE_VERDICT_UNKNOWN;
}

static void write_problem(document *xml, const kept *item)
{
    const treadle_result *result = &item->result;
    const char *property = result->outcome.property;
    char expected[TREADLE_EXPECTED_MAX];
    char detail[TREADLE_DETAIL_MAX];
    char message[TREADLE_EXPECTED_MAX + TREADLE_DETAIL_MAX + 64];
    treadle_describe_expected(result, expected, sizeof expected);
    treadle_describe_detail(result, detail, sizeof detail);
    snprintf(message, sizeof message, "%s (%s)%s%s", treadle_verdict_name(result->verdict),
             expected, detail[0] != '\0' ? "; " : "", detail);
    start(xml, is_error(result) ? "error" : "failure");
    attribute(xml, "message", message);
    attribute(xml, "type", property[0] != '\0' ? property : treadle_verdict_name(result->verdict));
    content(xml, "%s\n", message);
    if (item->lanes != NULL) {
        content(xml, "\n%s", item->lanes);
    }
    if (item->token != NULL) {
        content(xml, "\nreplay: treadle replay %s\n", item->token);
    }
    end(xml);
}

static void write_output(document *xml, const kept *item)
{
    char detail[TREADLE_DETAIL_MAX];
    treadle_describe_detail(&item->result, detail, sizeof detail);
    start(xml, "system-out");
    content(xml, "%s%s%s\n", treadle_verdict_name(item->result.verdict),
            detail[0] != '\0' ? ": " : "", detail);
    if (item->token != NULL) {
        content(xml, "token: %s\n", item->token);
    }
    end(xml);
}

static void write_case(document *xml, const kept *item)
{
    const treadle_cell *cell = &item->result.cell;
    const char *granularity = treadle_granularity_name(cell->granularity);
    char class[TREADLE_NAME_MAX];
    char name[2 * TREADLE_NAME_MAX];
    snprintf(class, sizeof class, "%s", cell->scenario);
    char *slash = strchr(class, '/');
    if (slash != NULL) {
        *slash = '.';
    }
    snprintf(name, sizeof name, "%s/%s/%s", cell->variant, treadle_backend_name(cell->backend),
             granularity != NULL ? granularity : "?");
    start(xml, "testcase");
    attribute(xml, "classname", class);
    attribute(xml, "name", name);
    attribute_seconds(xml, "time", item->result.elapsed_s);
    if (!item->result.as_expected) {
        write_problem(xml, item);
    }
    write_output(xml, item);
    end(xml);
}

/* ---- suites ---------------------------------------------------------------------------------- */

static bool same_component(const kept *one, const kept *other)
{
    const char *scenario = one->result.cell.scenario;
    const size_t length = treadle_component_length(scenario);
    return length == treadle_component_length(other->result.cell.scenario) &&
           memcmp(scenario, other->result.cell.scenario, length) == 0;
}

/* Over the results of one component, or over all when `of` is NULL. */
static counts count(const junit_writer *self, const kept *of)
{
    counts sum = {0};
    for (size_t i = 0; i < self->count; i++) {
        const treadle_result *result = &self->results[i].result;
        if (of != NULL && !same_component(of, &self->results[i])) {
            continue;
        }
        sum.tests++;
        sum.errors += is_error(result);
        sum.failures += !result->as_expected && !is_error(result);
        sum.elapsed_s += result->elapsed_s;
    }
    return sum;
}

static void write_counts(document *xml, const char *name, const counts *sum)
{
    attribute(xml, "name", name);
    attribute_count(xml, "tests", sum->tests);
    attribute_count(xml, "failures", sum->failures);
    attribute_count(xml, "errors", sum->errors);
    attribute_seconds(xml, "time", sum->elapsed_s);
}

static void write_suite(junit_writer *self, document *xml, const kept *first)
{
    char component[TREADLE_NAME_MAX];
    snprintf(component, sizeof component, "%.*s",
             (int)treadle_component_length(first->result.cell.scenario),
             first->result.cell.scenario);
    const counts sum = count(self, first);
    start(xml, "testsuite");
    write_counts(xml, component, &sum);
    for (size_t i = 0; i < self->count; i++) {
        kept *item = &self->results[i];
        if (same_component(first, item)) {
            write_case(xml, item);
            item->written = true;
        }
    }
    end(xml);
}

static void write_suites(junit_writer *self, document *xml, const treadle_summary *summary)
{
    counts sum = count(self, NULL);
    sum.elapsed_s = summary->elapsed_s; /* cells run beside each other */
    check(xml, xmlTextWriterSetIndent(xml->xml, 1));
    check(xml, xmlTextWriterStartDocument(xml->xml, NULL, "UTF-8", NULL));
    start(xml, "testsuites");
    write_counts(xml, summary->interrupted ? "treadle (interrupted)" : "treadle", &sum);
    for (size_t i = 0; i < self->count; i++) {
        if (!self->results[i].written) {
            write_suite(self, xml, &self->results[i]);
        }
    }
    end(xml);
    check(xml, xmlTextWriterEndDocument(xml->xml));
}

static int write_document(junit_writer *self, const treadle_summary *summary)
{
    xmlBuffer *buffer = xmlBufferCreate();
    document xml = {.xml = buffer != NULL ? xmlNewTextWriterMemory(buffer, 0) : NULL};
    int error = ENOMEM;
    if (xml.xml != NULL) {
        write_suites(self, &xml, summary);
        xmlFreeTextWriter(xml.xml); /* flushes */
        error = xml.failed ? ENOMEM : 0;
    }
    if (!error) {
        fwrite(xmlBufferContent(buffer), 1, (size_t)xmlBufferLength(buffer), self->options.out);
        error = treadle_flush(self->options.out);
    }
    if (buffer != NULL) {
        xmlBufferFree(buffer);
    }
    return error;
}

static int junit_end(void *context, const treadle_summary *summary)
{
    junit_writer *self = context;
    const int error = write_document(self, summary);
    for (size_t i = 0; i < self->count; i++) {
        free(self->results[i].token);
        free(self->results[i].lanes);
    }
    free(self->results);
    free(self);
    return error;
}

const treadle_writer treadle_writer_junit = {
    .name = "junit",
    .begin = junit_begin,
    .result = junit_result,
    .end = junit_end,
};
