// SPDX-License-Identifier: MIT
/* A replay for a person: what ran, its lanes, the lines of source that matter, and whether it is
 * what was recorded. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/canvas.h"
#include "reports/describe.h"
#include "reports/moments.h"
#include "reports/source_place.h"
#include "reports/utf8.h"
#include "reports/writer.h"

#define MARK "\xe2\x96\xb8" /* ▸ */

enum { INDENT = 4, CONTEXT_LINES = 2, GUTTER = 6, TAB = 4, LINE_MAX_BYTES = 1024 };

typedef struct page {
    const treadle_replayed *replayed;
    const treadle_writer_options *options;
    treadle_canvas canvas;
    uint32_t helper_depth;
} page;

__attribute__((format(printf, 4, 5))) static void put_text(page *self, int column, int ink,
                                                           const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *escaped = length >= 0 ? treadle_utf8_escape(text, (size_t)length) : NULL;
    if (escaped != NULL) {
        treadle_canvas_text(&self->canvas, column, self->canvas.width, escaped, ink);
    }
    free(escaped);
    if (length >= 0) {
        free(text);
    }
}

static void print_row(page *self)
{
    treadle_canvas_print(&self->canvas, self->options->out);
}

/* A line of source with its tabs as blanks. */
static void untab(const char *line, char *text, size_t size)
{
    size_t used = 0;
    for (; *line != '\0' && used + TAB < size; line++) {
        if (*line != '\t') {
            text[used++] = *line;
            continue;
        }
        do {
            text[used++] = ' ';
        } while (used % TAB != 0);
    }
    text[used] = '\0';
}

static void print_excerpt(page *self, const treadle_source_place *place, int ink)
{
    for (int i = place->line - CONTEXT_LINES; i <= place->line + CONTEXT_LINES; i++) {
        const char *line = i > 0 ? self->options->source(place->file, i) : NULL;
        if (line == NULL) {
            continue;
        }
        char text[LINE_MAX_BYTES];
        untab(line, text, sizeof text);
        const bool here = i == place->line;
        const int shown = here ? ink : TREADLE_INK_DIM;
        if (here) {
            treadle_canvas_put(&self->canvas, INDENT, MARK, ink);
        }
        put_text(self, INDENT + 2, shown, "%*d", GUTTER - 1, i);
        put_text(self, INDENT + 2 + GUTTER + 1, shown, "%s", text);
        print_row(self);
    }
}

/* "in acquire, called by client_run (fixture.c:87)" */
static void print_callers(page *self, const treadle_event *event, uint64_t shown)
{
    bool below = shown == event->site;
    for (uint32_t i = 0; i < TREADLE_EVENT_CALLERS_MAX; i++) {
        treadle_source_place place;
        if (below && treadle_source_place_of(self->options, event->callers[i], &place) &&
            place.line > 0) {
            put_text(self, INDENT, TREADLE_INK_DIM, "called by %s, %s:%d", place.function,
                     place.file, place.line);
            print_row(self);
        }
        below |= shown == event->callers[i];
    }
}

/* The colour that the thread has in the lanes, which are in the order of the threads that act. */
static int ink_of(const treadle_trace *trace, uint8_t thread)
{
    bool acts[UINT8_MAX + 1] = {false};
    for (uint32_t i = 0; i < trace->event_count; i++) {
        acts[trace->events[i].thread] = true;
    }
    int lane = 0;
    for (int i = 0; i < thread; i++) {
        lane += acts[i];
    }
    return TREADLE_INK_THREAD + lane % TREADLE_INKS_THREAD;
}

static bool print_moment(page *self, const treadle_moment *moment)
{
    const treadle_trace *trace = self->replayed->trace;
    const uint64_t site = treadle_shown_site(moment->event, self->helper_depth);
    treadle_source_place place;
    if (!treadle_source_place_of(self->options, site, &place) || place.line == 0 ||
        self->options->source(place.file, place.line) == NULL) {
        return true;
    }
    char *text = treadle_moment_describe(trace, moment);
    if (text == NULL) {
        return false;
    }
    const int ink = ink_of(trace, moment->event->thread);
    print_row(self);
    put_text(self, 0, ink, "%s", text);
    free(text);
    print_row(self);
    put_text(self, INDENT, TREADLE_INK_PLAIN, "%s:%d, in %s", place.file, place.line,
             place.function);
    print_row(self);
    print_excerpt(self, &place, ink);
    print_callers(self, moment->event, site);
    return true;
}

static int print_moments(page *self)
{
    const treadle_replayed *replayed = self->replayed;
    treadle_relations relations;
    const treadle_outcome_kind kind = replayed->outcome->kind;
    const bool broken = kind == TREADLE_OUTCOME_VIOLATED || kind == TREADLE_OUTCOME_CUT;
    if (self->options->source == NULL || !broken ||
        treadle_relations_open(&relations, replayed->trace) != 0) {
        return 0;
    }
    treadle_moment moments[TREADLE_MOMENTS_MAX];
    const uint32_t count = treadle_moments(replayed->trace, &relations, replayed->outcome, moments);
    int error = treadle_canvas_open(&self->canvas, self->options->width, self->options->colour);
    for (uint32_t i = 0; i < count && !error; i++) {
        error = print_moment(self, &moments[i]) ? 0 : ENOMEM;
    }
    treadle_canvas_close(&self->canvas);
    treadle_relations_close(&relations);
    return error;
}

static int write_text(const treadle_replayed *replayed, const treadle_writer_options *options)
{
    page self = {.replayed = replayed,
                 .options = options,
                 .helper_depth = treadle_helper_depth(replayed->trace)};
    FILE *out = options->out;
    const treadle_cell *cell = &replayed->schedule->cell;
    fprintf(out, "%s  %s  %s  %s\n\n", cell->scenario, cell->variant,
            treadle_backend_name(cell->backend), treadle_granularity_name(cell->granularity));
    int error = treadle_lanes_write(replayed->trace, options);
    error = error ? error : print_moments(&self);
    char *line = treadle_utf8_escape(replayed->line, strlen(replayed->line));
    fprintf(out, "\n%s\n", line != NULL ? line : "");
    free(line);
    if (replayed->repetitions > 1) {
        fprintf(out, "run %" PRIu64 " times, trace hash %016" PRIx64 " each time\n",
                replayed->repetitions, replayed->outcome->trace_hash);
    }
    fprintf(out, "%s\n",
            !replayed->again   ? "The recorded verdict did NOT come about again."
            : replayed->judged ? "The recorded verdict came about again."
                               : "No verdict was recorded.");
    return error ? error : treadle_flush(out);
}

const treadle_trace_writer treadle_trace_writer_lanes = {.name = "lanes", .write = write_text};
