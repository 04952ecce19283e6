// SPDX-License-Identifier: MIT
/* The Prometheus text format, version 0.0.4: what a run came to, as numbers to be scraped (by the
 * textfile collector of a node exporter, say). Series are summed over the cells and sorted, so that
 * the same results give the same file; written at the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/utf8.h"
#include "reports/writer.h"

enum { LABELS_MAX = 3, BUCKETS = 7 };

/* Upper bounds of treadle_executions_to_first_violation; +Inf comes after them. */
static const uint64_t bucket_bounds[BUCKETS] = {1, 10, 100, 1000, 10000, 100000, 1000000};

/* A counter of one family, or all that is summed up for one component. */
typedef struct series {
    char labels[LABELS_MAX][TREADLE_NAME_MAX];
    uint64_t count; /* of the family; for a component: of its executions */
    uint64_t violations;
    uint64_t violations_within[BUCKETS]; /* cumulative */
    uint64_t executions_to_violations;
    double elapsed_s;
} series;

typedef struct table {
    series *rows; /* owned */
    size_t count;
    size_t room;
} table;

typedef struct prometheus_writer {
    FILE *out;
    table detections; /* component, property */
    table verdicts;   /* component, verdict, as_expected */
    table components; /* component */
} prometheus_writer;

/* ---- summing up ------------------------------------------------------------------------------ */

static int compare(const void *left, const void *right)
{
    const series *one = left;
    const series *other = right;
    int order = 0;
    for (int i = 0; i < LABELS_MAX && order == 0; i++) {
        order = strcmp(one->labels[i], other->labels[i]);
    }
    return order;
}

/* The series with these labels, made when there is none; NULL when out of memory. */
static series *find(table *in, const char *component, const char *second, const char *third)
{
    series wanted = {.count = 0};
    snprintf(wanted.labels[0], sizeof wanted.labels[0], "%.*s",
             (int)treadle_component_length(component), component);
    snprintf(wanted.labels[1], sizeof wanted.labels[1], "%s", second);
    snprintf(wanted.labels[2], sizeof wanted.labels[2], "%s", third);
    for (size_t i = 0; i < in->count; i++) {
        if (compare(&in->rows[i], &wanted) == 0) {
            return &in->rows[i];
        }
    }
    if (in->count == in->room) {
        const size_t room = in->room * 2 + 16;
        series *grown = realloc(in->rows, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        in->rows = grown;
        in->room = room;
    }
    in->rows[in->count] = wanted;
    return &in->rows[in->count++];
}

static int prometheus_begin(void **out, const treadle_writer_options *options)
{
    prometheus_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->out = options->out;
    *out = self;
    return 0;
}

static int add_detection(prometheus_writer *self, series *component, const treadle_result *result)
{
    series *detections =
        find(&self->detections, result->cell.scenario, result->outcome.property, "");
    if (detections == NULL) {
        return ENOMEM;
    }
    detections->count++;
    component->violations++;
    component->executions_to_violations += result->first_violation;
    for (int i = 0; i < BUCKETS; i++) {
        component->violations_within[i] += result->first_violation <= bucket_bounds[i];
    }
    return 0;
}

static int prometheus_result(void *context, const treadle_result *result)
{
    prometheus_writer *self = context;
    const char *scenario = result->cell.scenario;
    series *verdicts = find(&self->verdicts, scenario, treadle_verdict_name(result->verdict),
                            result->as_expected ? "true" : "false");
    series *component = find(&self->components, scenario, "", "");
    if (verdicts == NULL || component == NULL) {
        return ENOMEM;
    }
    verdicts->count++;
    component->count += result->executions;
    component->elapsed_s += result->elapsed_s;
    return result->verdict == TREADLE_VERDICT_VIOLATED ? add_detection(self, component, result) : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void family(const prometheus_writer *self, const char *name, const char *type,
                   const char *help)
{
    fprintf(self->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* NAME="VALUE": the three characters that the format escapes, of what may reach a terminal. */
static int label(const prometheus_writer *self, const char *name, const char *value)
{
    char *clean = treadle_utf8_escape_lines(value, strlen(value));
    if (clean == NULL) {
        return ENOMEM;
    }
    fprintf(self->out, "%s=\"", name);
    for (const char *c = clean; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"' || *c == '\n') {
            fputc('\\', self->out);
        }
        fputc(*c == '\n' ? 'n' : *c, self->out);
    }
    fputc('"', self->out);
    free(clean);
    return 0;
}

/* A counter family; `names` ends with NULL. */
static int write_counters(const prometheus_writer *self, const table *from, const char *name,
                          const char *const *names)
{
    int error = 0;
    for (size_t i = 0; i < from->count; i++) {
        fprintf(self->out, "%s{", name);
        for (int j = 0; j < LABELS_MAX && names[j] != NULL; j++) {
            fputs(j > 0 ? "," : "", self->out);
            error = error ? error : label(self, names[j], from->rows[i].labels[j]);
        }
        fprintf(self->out, "} %" PRIu64 "\n", from->rows[i].count);
    }
    return error;
}

/* "NAME{component="…"": whoever calls goes on from there. */
static int begin_sample(const prometheus_writer *self, const char *name, const series *component)
{
    fprintf(self->out, "%s{", name);
    return label(self, "component", component->labels[0]);
}

static int write_histogram(const prometheus_writer *self, const char *name, const series *component)
{
    char part[64];
    int error = 0;
    snprintf(part, sizeof part, "%s_bucket", name);
    for (int i = 0; i < BUCKETS; i++) {
        error |= begin_sample(self, part, component);
        fprintf(self->out, ",le=\"%" PRIu64 "\"} %" PRIu64 "\n", bucket_bounds[i],
                component->violations_within[i]);
    }
    error |= begin_sample(self, part, component);
    fprintf(self->out, ",le=\"+Inf\"} %" PRIu64 "\n", component->violations);
    snprintf(part, sizeof part, "%s_sum", name);
    error |= begin_sample(self, part, component);
    fprintf(self->out, "} %" PRIu64 "\n", component->executions_to_violations);
    snprintf(part, sizeof part, "%s_count", name);
    error |= begin_sample(self, part, component);
    fprintf(self->out, "} %" PRIu64 "\n", component->violations);
    return error ? ENOMEM : 0;
}

static int write_by_component(const prometheus_writer *self)
{
    static const char first[] = "treadle_executions_to_first_violation";
    static const char elapsed[] = "treadle_elapsed_seconds";
    int error = 0;
    family(self, first, "histogram",
           "Executions that it took to find a violation, for each cell that has one.");
    for (size_t i = 0; i < self->components.count && !error; i++) {
        error = write_histogram(self, first, &self->components.rows[i]);
    }
    family(self, elapsed, "gauge",
           "Time spent exploring, added up over cells even where they ran beside each other.");
    for (size_t i = 0; i < self->components.count && !error; i++) {
        error = begin_sample(self, elapsed, &self->components.rows[i]);
        fprintf(self->out, "} %.6f\n", self->components.rows[i].elapsed_s);
    }
    return error;
}

/* A check that cannot fail says nothing: alert on baseline="lost" above 0. */
static void write_workloads(const prometheus_writer *self, const treadle_summary *summary)
{
    const uint64_t lost = treadle_summary_blind(summary);
    family(self, "treadle_workloads", "gauge",
           "Workloads that a solution passed, by whether the run broke a baseline with them.");
    fprintf(self->out, "treadle_workloads{baseline=\"broken\"} %" PRIu64 "\n",
            summary->workloads_broken);
    fprintf(self->out, "treadle_workloads{baseline=\"exempt\"} %" PRIu64 "\n",
            summary->workloads_exempt);
    fprintf(self->out, "treadle_workloads{baseline=\"lost\"} %" PRIu64 "\n", lost);
}

static int write_all(const prometheus_writer *self, const treadle_summary *summary)
{
    static const char *const of_detections[] = {"component", "property", NULL};
    static const char *const of_verdicts[] = {"component", "verdict", "as_expected"};
    static const char *const of_components[] = {"component", NULL};
    family(self, "treadle_detections_total", "counter",
           "Cells in which a property was violated, expected or not.");
    int error = write_counters(self, &self->detections, "treadle_detections_total", of_detections);
    family(self, "treadle_verdicts_total", "counter", "Cells by verdict.");
    error = error ? error
                  : write_counters(self, &self->verdicts, "treadle_verdicts_total", of_verdicts);
    family(self, "treadle_executions_total", "counter", "Executions explored.");
    error =
        error ? error
              : write_counters(self, &self->components, "treadle_executions_total", of_components);
    error = error ? error : write_by_component(self);
    write_workloads(self, summary);
    family(self, "treadle_interrupted", "gauge",
           "1 when the run was interrupted, so that the other figures are not of all cells.");
    fprintf(self->out, "treadle_interrupted %d\n", summary->interrupted);
    return error ? error : treadle_flush(self->out);
}

static void sort(table *rows)
{
    if (rows->count > 0) {
        qsort(rows->rows, rows->count, sizeof *rows->rows, compare);
    }
}

static int prometheus_end(void *context, const treadle_summary *summary)
{
    prometheus_writer *self = context;
    sort(&self->detections);
    sort(&self->verdicts);
    sort(&self->components);
    const int error = write_all(self, summary);
    free(self->detections.rows);
    free(self->verdicts.rows);
    free(self->components.rows);
    free(self);
    return error;
}

const treadle_writer treadle_writer_prometheus = {
    .name = "prometheus",
    .begin = prometheus_begin,
    .result = prometheus_result,
    .end = prometheus_end,
};
