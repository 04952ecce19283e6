// SPDX-License-Identifier: MIT
/* The happens-before graph of a replay for Graphviz: a cluster a thread, solid lines for what is
 * ordered, dashed ones for conflicts whose order only the schedule decided. Operations that no
 * other thread could notice are left out unless everything is asked for. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/event_text.h"
#include "reports/relations.h"
#include "reports/source_place.h"
#include "reports/utf8.h"
#include "reports/writer.h"

enum { NONE = UINT32_MAX };

typedef struct graph {
    const treadle_replayed *replayed;
    const treadle_trace *trace;
    const treadle_writer_options *options;
    treadle_relations relations;
    uint32_t helper_depth;
} graph;

/* Inside a quoted string of DOT, where a backslash begins an escape of its own. */
static void print_quoted(FILE *out, const char *text)
{
    char *escaped = treadle_utf8_escape(text, strlen(text));
    for (const char *c = escaped != NULL ? escaped : ""; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', out);
        }
        fputc(*c, out);
    }
    free(escaped);
}

static bool is_shown(const graph *self, uint32_t index)
{
    const treadle_event *event = &self->trace->events[index];
    const uint32_t to = self->options->to;
    return event->kind != TREADLE_OP_NOTE && event->step >= self->options->from &&
           (to == 0 || event->step <= to) &&
           (self->options->verbose || self->relations.matters[index]);
}

static int print_node(const graph *self, uint32_t index)
{
    FILE *out = self->options->out;
    const treadle_event *event = &self->trace->events[index];
    char *text = treadle_event_describe(self->trace, event);
    if (text == NULL) {
        return ENOMEM;
    }
    fprintf(out, "    e%" PRIu32 " [label=\"%" PRIu32 "  ", index, event->step);
    print_quoted(out, text);
    free(text);
    treadle_source_place place;
    if (treadle_source_place_of(self->options, treadle_shown_site(event, self->helper_depth),
                                &place) &&
        place.line > 0) {
        const char *slash = strrchr(place.file, '/');
        fputs("\\n", out);
        print_quoted(out, slash != NULL ? slash + 1 : place.file);
        fprintf(out, ":%d", place.line);
    }
    fputs("\"];\n", out);
    return 0;
}

static int print_thread(const graph *self, uint32_t thread)
{
    FILE *out = self->options->out;
    uint32_t before = NONE;
    int error = 0;
    for (uint32_t i = 0; i < self->trace->event_count && !error; i++) {
        if (self->trace->events[i].thread != thread || !is_shown(self, i)) {
            continue;
        }
        if (before == NONE) {
            char *name = treadle_thread_describe(self->trace, thread);
            fprintf(out, "  subgraph cluster_%" PRIu32 " {\n    label=\"", thread);
            print_quoted(out, name != NULL ? name : "?");
            fputs("\";\n", out);
            free(name);
        }
        error = print_node(self, i);
        if (before != NONE) {
            fprintf(out, "    e%" PRIu32 " -> e%" PRIu32 " [weight=8];\n", before, i);
        }
        before = i;
    }
    if (before != NONE) {
        fputs("  }\n", out);
    }
    return error;
}

static void print_relations(const graph *self)
{
    static const char *const styles[] = {
        [TREADLE_RELATION_SYNC] = "color=\"#1f6feb\"",
        [TREADLE_RELATION_WAKES] = "color=\"#1f6feb\", style=dotted",
        [TREADLE_RELATION_CONFLICT] = "color=\"#cf222e\", style=dashed"};
    for (size_t i = 0; i < self->relations.count; i++) {
        const treadle_relation *relation = &self->relations.items[i];
        if (relation->kind != TREADLE_RELATION_PROGRAM && is_shown(self, relation->from) &&
            is_shown(self, relation->to)) {
            fprintf(self->options->out, "  e%" PRIu32 " -> e%" PRIu32 " [%s, constraint=true];\n",
                    relation->from, relation->to, styles[relation->kind]);
        }
    }
}

static int write_dot(const treadle_replayed *replayed, const treadle_writer_options *options)
{
    graph self = {.replayed = replayed,
                  .trace = replayed->trace,
                  .options = options,
                  .helper_depth = treadle_helper_depth(replayed->trace)};
    FILE *out = options->out;
    int error = treadle_relations_open(&self.relations, self.trace);
    if (error) {
        return error;
    }
    fputs("digraph treadle {\n  label=\"", out);
    print_quoted(out, replayed->schedule->cell.scenario);
    fputs("  ", out);
    print_quoted(out, replayed->schedule->cell.variant);
    fputs("\\n", out);
    print_quoted(out, replayed->line);
    fputs("\\nblue: happens before (dotted: wakes); red, dashed: conflicts that only the schedule "
          "ordered\";\n"
          "  labelloc=t;\n  node [shape=box, fontname=monospace, fontsize=10];\n"
          "  edge [arrowsize=0.7];\n",
          out);
    for (uint32_t thread = 0; thread <= UINT8_MAX && !error; thread++) {
        error = print_thread(&self, thread);
    }
    print_relations(&self);
    fputs("}\n", out);
    treadle_relations_close(&self.relations);
    return error ? error : treadle_flush(out);
}

const treadle_trace_writer treadle_trace_writer_dot = {.name = "dot", .write = write_dot};
