// SPDX-License-Identifier: MIT
/* The lane diagram of a trace. Only one thread acts per row, so a row's text may run over the lanes
 * to its right; the lanes are placed so that the texts of the rightmost ones fit, too:
 *
 *     step  client-1                        client-2
 *        1  ZCOUNT window:x -inf +inf -> 0  │
 *        2  ├─────────────────────────────→ ZCOUNT window:x -inf +inf -> 0
 *        3  ZADD window:x 1.5 a -> 1 ←──────┤
 *
 * An arrow is a context switch. A thread's line ends with its last event. Operations that no other
 * thread could notice are counted, not shown, and so is what comes again and again, unless
 * everything is asked for. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/canvas.h"
#include "reports/event_text.h"
#include "reports/objects.h"
#include "reports/relations.h"
#include "reports/repetition.h"
#include "reports/source_place.h"
#include "reports/utf8.h"
#include "reports/writer.h"

#define LINE "\xe2\x94\x82"         /* │ */
#define BRANCH_RIGHT "\xe2\x94\x9c" /* ├ */
#define BRANCH_LEFT "\xe2\x94\xa4"  /* ┤ */
#define DASH "\xe2\x94\x80"         /* ─ */
#define CROSSING "\xe2\x94\xbc"     /* ┼ */
#define ARROW_RIGHT "\xe2\x86\x92"  /* → */
#define CROSS " \xe2\x9c\x97"       /* ✗ */
#define ARROW_LEFT "\xe2\x86\x90"   /* ← */
#define DOTS "\xe2\x8b\xae"         /* ⋮ */

enum {
    WIDTH_MIN = 40,
    WIDTH_MAX = 1000,
    WIDTH_PLACES = 100, /* from here on places get a column of their own */
    GAP = 2,
    FOLD_MIN = 2,  /* fewer operations are not worth leaving out */
    LANE_MIN = 4,  /* "├─→ " */
    TEXT_MIN = 16, /* what the last lane needs at least, else there are no lanes */
    NONE = -1,
};

typedef struct lane {
    char *name; /* owned */
    uint32_t thread;
    uint32_t last; /* index of its last row */
    int text_max;  /* columns */
} lane;

/* An event or a remark; operations in a row that no other thread could notice; or events that are
 * those before them once more, and again. */
typedef struct row {
    const treadle_event *event; /* the first of them */
    uint32_t folded;            /* how many; 0 = the event stands for itself */
    const treadle_event *last;
    uint32_t repeats; /* of the folded ones; 0 = nobody could notice them */
} row;

typedef struct diagram {
    const treadle_trace *trace;
    const treadle_writer_options *options;
    treadle_relations relations;
    uint32_t helper_depth; /* see source_place.h */
    row *rows;             /* in order; owned */
    uint32_t row_count;
    treadle_canvas canvas;
    lane lanes[TREADLE_TRACE_THREADS_MAX];
    int lane_of[UINT8_MAX + 1]; /* thread → lane, NONE */
    int lane_count;
    int lane_step; /* columns from lane to lane; 0 = a column with the thread's name instead */
    int name_max;  /* columns */
    int step_width;
    int clock_width; /* 0 = the clock never changes */
    int left;        /* where lanes begin */
    int right;       /* where they end */
    int place;       /* where places begin, NONE = they are not shown */
} diagram;

/* ---- measuring ------------------------------------------------------------------------------- */

static int max_int(int one, int other)
{
    return one > other ? one : other;
}

static int min_int(int one, int other)
{
    return one < other ? one : other;
}

static bool is_note(const treadle_event *event)
{
    return event->kind == TREADLE_OP_NOTE;
}

static bool clock_changed(const diagram *self, uint32_t index)
{
    return index == 0 || self->rows[index].event->clock_ns != self->rows[index - 1].event->clock_ns;
}

/* Whether the steps that are to be shown have this one. */
static bool is_wanted(const diagram *self, uint32_t step)
{
    const treadle_writer_options *options = self->options;
    return step >= options->from && (options->to == 0 || step <= options->to);
}

static void open_remarks(diagram *self, uint32_t after)
{
    const treadle_trace *trace = self->trace;
    const uint32_t step = after > 0 ? trace->events[after - 1].step : 1;
    for (uint32_t i = 0; i < trace->remark_count; i++) {
        if (trace->remarks[i].after == after && is_wanted(self, step)) {
            const treadle_event *note = &trace->remarks[i].note;
            self->rows[self->row_count++] = (row){.event = note, .last = note};
        }
    }
}

static bool has_remark(const treadle_trace *trace, uint32_t after)
{
    for (uint32_t i = 0; i < trace->remark_count; i++) {
        if (trace->remarks[i].after == after) {
            return true;
        }
    }
    return false;
}

static uint32_t last_operation(const treadle_trace *trace)
{
    uint32_t last = trace->event_count - 1;
    while (last > 0 && is_note(&trace->events[last])) {
        last--;
    }
    return last;
}

/* How many events from `index` on may share a row. The last one, where it went wrong, never does.
 */
static uint32_t foldable(const diagram *self, uint32_t index)
{
    const treadle_trace *trace = self->trace;
    const uint8_t thread = trace->events[index].thread;
    const uint32_t last = last_operation(trace);
    uint32_t count = 0;
    while (index + count < last && !self->relations.matters[index + count] &&
           trace->events[index + count].thread == thread &&
           is_wanted(self, trace->events[index + count].step) &&
           (count == 0 || !has_remark(trace, index + count))) {
        count++;
    }
    return self->options->verbose || count < FOLD_MIN ? 0 : count;
}

/* What begins at `index` and comes again and again, up to where something is said of it, or it goes
 * wrong. */
static treadle_repetition repetition_at(const diagram *self, uint32_t index)
{
    const treadle_trace *trace = self->trace;
    if (self->options->verbose || !is_wanted(self, trace->events[index].step)) {
        return (treadle_repetition){0};
    }
    uint32_t end = last_operation(trace);
    while (end > index && !is_wanted(self, trace->events[end - 1].step)) {
        end--;
    }
    for (uint32_t i = 0; i < trace->remark_count; i++) {
        const uint32_t after = trace->remarks[i].after;
        end = after > index && after < end ? after : end;
    }
    return treadle_repetition_at(trace, index, end);
}

static void add_row(diagram *self, uint32_t from, uint32_t to, uint32_t folded, uint32_t repeats)
{
    const treadle_event *events = self->trace->events;
    self->rows[self->row_count++] = (row){&events[from], folded, &events[to - 1], repeats};
}

static int open_rows(diagram *self)
{
    const treadle_trace *trace = self->trace;
    self->rows = calloc((size_t)trace->event_count + TREADLE_TRACE_REMARKS_MAX, sizeof(row));
    if (self->rows == NULL) {
        return ENOMEM;
    }
    open_remarks(self, 0);
    uint32_t round_end = 0;
    treadle_repetition again = {0};
    for (uint32_t i = 0; i < trace->event_count;) {
        if (i >= round_end) {
            again = repetition_at(self, i);
            round_end = i + again.period;
        }
        uint32_t count = foldable(self, i);
        const bool folds = count > 0 && (again.period == 0 || i + count <= round_end);
        count = folds ? count : 1;
        if (is_wanted(self, trace->events[i].step)) {
            add_row(self, i, i + count, folds ? count : 0, 0);
        }
        i += count;
        open_remarks(self, i);
        if (again.period > 0 && i == round_end) {
            const uint32_t left_out = again.period * again.repeats;
            add_row(self, i, i + left_out, left_out, again.repeats);
            i = round_end += left_out;
            open_remarks(self, i);
        }
    }
    return 0;
}

/* What a row says, as a new string; NULL when out of memory. */
static char *row_text(const diagram *self, const row *of)
{
    char *text = NULL;
    if (of->folded == 0) {
        return treadle_event_describe(self->trace, of->event);
    }
    const uint32_t to = of->last->step;
    const int written =
        of->repeats > 0
            ? asprintf(&text,
                       DOTS " the same %" PRIu32 " again, %" PRIu32 " times, to step %" PRIu32,
                       of->folded / of->repeats, of->repeats, to)
            : asprintf(&text, DOTS " %" PRIu32 " unshared operations, to step %" PRIu32, of->folded,
                       to);
    return written < 0 ? NULL : text;
}

static int open_lane(diagram *self, uint8_t thread)
{
    if (self->lane_count == (int)TREADLE_TRACE_THREADS_MAX) {
        return EINVAL; /* no trace of the engine's */
    }
    lane *made = &self->lanes[self->lane_count];
    *made = (lane){.thread = thread, .name = treadle_thread_describe(self->trace, thread)};
    if (made->name == NULL) {
        return ENOMEM;
    }
    self->name_max = max_int(self->name_max, treadle_text_columns(made->name));
    self->lane_of[thread] = self->lane_count++;
    return 0;
}

/* The lanes, in the order of the threads' numbers. */
static int open_lanes(diagram *self)
{
    bool acts[UINT8_MAX + 1] = {false};
    for (uint32_t i = 0; i < self->row_count; i++) {
        assert(self->rows[i].event != NULL);
        acts[self->rows[i].event->thread] = true;
    }
    for (int thread = 0; thread <= UINT8_MAX; thread++) {
        self->lane_of[thread] = NONE;
        const int error = acts[thread] ? open_lane(self, (uint8_t)thread) : 0;
        if (error) {
            return error;
        }
    }
    return 0;
}

static int measure_events(diagram *self)
{
    char number[64];
    bool ticks = false;
    self->step_width = (int)strlen("step");
    for (uint32_t i = 0; i < self->row_count; i++) {
        const treadle_event *event = self->rows[i].event;
        char *text = row_text(self, &self->rows[i]);
        if (text == NULL) {
            return ENOMEM;
        }
        lane *own = &self->lanes[self->lane_of[event->thread]];
        own->text_max = max_int(own->text_max, treadle_text_columns(text));
        own->last = i;
        if (self->rows[i].folded > 0) {
            for (const treadle_event *each = event; each <= self->rows[i].last; each++) {
                self->lanes[self->lane_of[each->thread]].last = i;
            }
        }
        free(text);
        const int digits = snprintf(number, sizeof number, "%" PRIu32, event->step);
        self->step_width = max_int(self->step_width, digits);
        treadle_clock_describe(event->clock_ns, number, sizeof number);
        self->clock_width = max_int(self->clock_width, (int)strlen(number));
        ticks |= i > 0 && clock_changed(self, i);
    }
    self->clock_width = ticks ? max_int(self->clock_width, (int)strlen("clock")) : 0;
    return 0;
}

/* The source place of a row as a new string; "" when there is none, NULL when out of memory. */
static char *place_of(const diagram *self, const row *of)
{
    const uint64_t site = of->folded == 0 ? treadle_shown_site(of->event, self->helper_depth) : 0;
    const char *place = treadle_place_text(self->options, site);
    return treadle_utf8_escape(place, strlen(place));
}

static int measure_places(const diagram *self, int *widest)
{
    *widest = 0;
    for (uint32_t i = 0; i < self->row_count; i++) {
        char *place = place_of(self, &self->rows[i]);
        if (place == NULL) {
            return ENOMEM;
        }
        *widest = max_int(*widest, treadle_text_columns(place));
        free(place);
    }
    return 0;
}

/* ---- placing --------------------------------------------------------------------------------- */

/* The widest step from lane to lane at which every lane's longest text still fits; not wider than
 * the texts need, not so narrow that lanes cannot be told apart. 0 = too many lanes. */
static int lane_step(const diagram *self, int columns)
{
    const int gaps = self->lane_count - 1;
    int natural = self->name_max + GAP;
    for (int i = 0; i < gaps; i++) {
        natural = max_int(natural, self->lanes[i].text_max + 2 * GAP);
    }
    if (gaps <= 0) {
        return natural;
    }
    const int most = (columns - TEXT_MIN) / gaps;
    if (most < LANE_MIN) {
        return 0;
    }
    int step = natural;
    for (int i = 1; i <= gaps; i++) {
        step = min_int(step, (columns - self->lanes[i].text_max) / i);
    }
    /* Names should stand beside each other, but not at the price of more than half of the row. */
    const int least = max_int(LANE_MIN, min_int(self->name_max + GAP, columns / 2 / gaps));
    return min_int(max_int(step, least), most);
}

/* Where the longest text ends at a given step. */
static int extent(const diagram *self, int step)
{
    int columns = 0;
    for (int i = 0; i < self->lane_count; i++) {
        columns = max_int(columns, i * step + max_int(self->lanes[i].text_max,
                                                      treadle_text_columns(self->lanes[i].name)));
    }
    return columns;
}

static void place_lanes(diagram *self, int widest_place)
{
    const int width = self->canvas.width;
    const int clock = self->clock_width > 0 ? self->clock_width + GAP : 0;
    self->left = self->step_width + GAP + clock;
    self->right = width;
    self->place = NONE;
    const int place = min_int(widest_place, width / 3);
    const int narrow = width - self->left - 2 * GAP - place; /* an arrow's head between */
    if (place > 0 && narrow > TEXT_MIN) {
        const int step = lane_step(self, narrow);
        const bool fits = step >= self->name_max + GAP && extent(self, step) <= narrow;
        if (width >= WIDTH_PLACES || fits) {
            /* Texts that are shorter than the room for them draw the places near. */
            const int used = step > 0 ? min_int(extent(self, step), narrow) : narrow;
            self->place = self->left + used + 2 * GAP;
            self->lane_step = step;
            return;
        }
    }
    self->lane_step = lane_step(self, width - self->left);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static int column_of(const diagram *self, int lane_index)
{
    return self->left + lane_index * self->lane_step;
}

static int ink_of(int lane_index)
{
    return TREADLE_INK_THREAD + lane_index % TREADLE_INKS_THREAD;
}

static void draw_lines(diagram *self, uint32_t index)
{
    for (int i = 0; i < self->lane_count; i++) {
        if (self->lanes[i].last >= index) {
            treadle_canvas_put(&self->canvas, column_of(self, i), LINE, TREADLE_INK_DIM);
        }
    }
}

static void draw_right_aligned(diagram *self, int end, const char *text, int ink)
{
    treadle_canvas_text(&self->canvas, end - (int)strlen(text), end, text, ink);
}

static void draw_header(diagram *self)
{
    draw_right_aligned(self, self->step_width, "step", TREADLE_INK_DIM);
    if (self->clock_width > 0) {
        draw_right_aligned(self, self->left - GAP, "clock", TREADLE_INK_DIM);
    }
    /* Names that do not fit beside each other go down like stairs. */
    const bool stairs = self->name_max + 1 > self->lane_step && self->lane_count > 1;
    for (int i = 0; i < self->lane_count; i++) {
        treadle_canvas_text(&self->canvas, column_of(self, i), self->right, self->lanes[i].name,
                            ink_of(i));
        if (stairs && i + 1 < self->lane_count) {
            treadle_canvas_print(&self->canvas, self->options->out);
            for (int above = 0; above <= i; above++) {
                treadle_canvas_put(&self->canvas, column_of(self, above), LINE, TREADLE_INK_DIM);
            }
        }
    }
    treadle_canvas_print(&self->canvas, self->options->out);
}

static void draw_dashes(diagram *self, int from, int to)
{
    for (int column = from; column < to; column++) {
        const bool crosses = self->canvas.cells[column].glyph[0] != '\0';
        treadle_canvas_put(&self->canvas, column, crosses ? CROSSING : DASH, TREADLE_INK_DIM);
    }
}

/* From the lane that acted before to the text, which begins or ends at `edge`. */
static void draw_switch(diagram *self, int from, int to, int edge)
{
    const int origin = column_of(self, from);
    if (from < to) {
        draw_dashes(self, origin + 1, edge - 2);
        treadle_canvas_put(&self->canvas, origin, BRANCH_RIGHT, TREADLE_INK_DIM);
        treadle_canvas_put(&self->canvas, edge - 2, ARROW_RIGHT, TREADLE_INK_DIM);
        return;
    }
    treadle_canvas_put(&self->canvas, edge + 1, ARROW_LEFT, TREADLE_INK_DIM);
    if (edge + 1 < origin) { /* else the text covers the lane: the arrow's head must do */
        draw_dashes(self, edge + 2, origin);
        treadle_canvas_put(&self->canvas, origin, BRANCH_LEFT, TREADLE_INK_DIM);
    }
}

/* The thread of the last event before `index` that is not a note; NONE when there is none. */
static int lane_before(const diagram *self, uint32_t index)
{
    while (index-- > 0) {
        if (!is_note(self->rows[index].event)) {
            return self->lane_of[self->rows[index].last->thread];
        }
    }
    return NONE;
}

/* What came of an operation: its reply, its value, its failure. The end of the text that says so in
 * at most `room` columns; "" when there is none. */
static const char *result_of(const char *text, int room)
{
    static const char *const signs[] = {" -> ", " = ", CROSS};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const char *last = "";
        for (const char *at = text; (at = strstr(at, signs[i])) != NULL; at++) {
            last = at;
        }
        if (last[0] != '\0' && treadle_text_columns(last) <= room) {
            return last;
        }
    }
    return "";
}

/* A text that is too long loses its middle rather than its result. Returns the column after it,
 * which it blanks, so that no line touches the text. */
static int draw_text(diagram *self, int column, const char *text, int ink)
{
    const int room = self->right - column;
    const char *result = treadle_text_columns(text) > room ? result_of(text, room / 2) : "";
    const int cut = self->right - treadle_text_columns(result);
    int end = treadle_canvas_text(&self->canvas, column, cut, text, ink);
    end = treadle_canvas_text(&self->canvas, end, self->right, result, ink);
    treadle_canvas_put(&self->canvas, end, "", TREADLE_INK_PLAIN);
    return end;
}

/* Shortens "function folder/file.c:12" in place, as far as `room` asks for: first the folder goes,
 * then the function. */
static void shorten_place(char *place, int room)
{
    char *file = strrchr(place, ' ') != NULL ? strrchr(place, ' ') + 1 : place;
    const char *base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
    if (treadle_text_columns(place) > room) {
        memmove(file, base, strlen(base) + 1);
    }
    if (treadle_text_columns(place) > room) {
        memmove(place, file, strlen(file) + 1);
    }
}

/* In the column of the places; where a text runs into it, at the right, if there is room. */
static void draw_place(diagram *self, const row *of, int end)
{
    char *place = self->place != NONE ? place_of(self, of) : NULL;
    if (place == NULL || place[0] == '\0') {
        free(place);
        return;
    }
    const bool beside = end + GAP <= self->place;
    const int room = self->right - (beside ? self->place : end + GAP);
    shorten_place(place, room);
    const int columns = treadle_text_columns(place);
    if (beside) {
        treadle_canvas_text(&self->canvas, self->place, self->right, place, TREADLE_INK_DIM);
    } else if (columns <= room) {
        treadle_canvas_text(&self->canvas, self->right - columns, self->right, place,
                            TREADLE_INK_DIM);
    }
    free(place);
}

static void draw_numbers(diagram *self, uint32_t index)
{
    const row *of = &self->rows[index];
    const treadle_event *event = of->event;
    char number[64];
    while (is_note(event) && event < of->last) {
        event++;
    }
    if (!is_note(event)) {
        snprintf(number, sizeof number, "%" PRIu32, event->step);
        draw_right_aligned(self, self->step_width, number, TREADLE_INK_DIM);
    }
    if (self->clock_width > 0 && clock_changed(self, index)) {
        treadle_clock_describe(event->clock_ns, number, sizeof number);
        draw_right_aligned(self, self->left - GAP, number, TREADLE_INK_PLAIN);
    }
}

static int draw_event(diagram *self, uint32_t index)
{
    const row *of = &self->rows[index];
    const treadle_event *event = of->event;
    char *text = row_text(self, of);
    if (text == NULL) {
        return ENOMEM;
    }
    const int own = self->lane_of[event->thread];
    const int before = is_note(event) ? NONE : lane_before(self, index);
    const bool switched = before != NONE && before != own;
    draw_numbers(self, index);
    int end;
    if (self->lane_step > 0) {
        draw_lines(self, index);
        const int column = column_of(self, own);
        if (switched && before < own) {
            draw_switch(self, before, own, column);
        }
        end = draw_text(self, column, text, ink_of(own));
        if (switched && before > own) {
            draw_switch(self, before, own, end);
            end += GAP; /* an arrow's head */
        }
    } else {
        const int column = self->left + min_int(self->name_max, WIDTH_MIN / 4) + GAP;
        treadle_canvas_text(&self->canvas, self->left, column - GAP, self->lanes[own].name,
                            ink_of(own));
        if (switched) {
            treadle_canvas_put(&self->canvas, self->left - 1, ARROW_RIGHT, TREADLE_INK_DIM);
        }
        end = draw_text(self, column, text, ink_of(own));
    }
    draw_place(self, of, end);
    treadle_canvas_print(&self->canvas, self->options->out);
    free(text);
    return 0;
}

/* What the objects are that the rows name. */
static int draw_objects(diagram *self)
{
    const size_t width = sizeof(void *); /* of one element, which is a pointer */
    const treadle_event **events = calloc((size_t)self->row_count + 1, width);
    uint32_t count = 0;
    if (events == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < self->row_count; i++) {
        if (self->rows[i].folded == 0) {
            events[count++] = self->rows[i].event;
        }
    }
    const int error = treadle_objects_write(events, count, self->options, &self->canvas);
    free(events);
    return error;
}

static int draw(diagram *self)
{
    int widest_place;
    int error = treadle_relations_open(&self->relations, self->trace);
    self->helper_depth = treadle_helper_depth(self->trace);
    error = error ? error : open_rows(self);
    error = error ? error : open_lanes(self);
    error = error ? error : measure_events(self);
    error = error ? error : measure_places(self, &widest_place);
    if (error) {
        return error;
    }
    place_lanes(self, widest_place);
    const uint32_t last = self->trace->events[self->trace->event_count - 1].step;
    const uint32_t to = self->options->to;
    if (self->options->from > 1) {
        fprintf(self->options->out, "(from step %" PRIu32 " of %" PRIu32 ")\n", self->options->from,
                last);
    }
    if (self->lane_step > 0) {
        draw_header(self);
    }
    for (uint32_t i = 0; i < self->row_count && !error; i++) {
        error = draw_event(self, i);
    }
    if (to > 0 && to < last) {
        fprintf(self->options->out, "(to step %" PRIu32 " of %" PRIu32 ")\n", to, last);
    }
    return error ? error : draw_objects(self);
}

int treadle_lanes_write(const treadle_trace *trace, const treadle_writer_options *options)
{
    diagram *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return ENOMEM;
    }
    self->trace = trace;
    self->options = options;
    const int width = min_int(max_int(options->width, WIDTH_MIN), WIDTH_MAX);
    int error = treadle_canvas_open(&self->canvas, width, options->colour);
    if (!error && trace->event_count > 0) {
        error = draw(self);
    } else if (!error) {
        fputs("(no events)\n", options->out);
    }
    if (!error && trace->dropped > 0) {
        fprintf(options->out, "(%" PRIu32 " more events: the trace was full)\n", trace->dropped);
    }
    for (int i = 0; i < self->lane_count; i++) {
        free(self->lanes[i].name);
    }
    free(self->rows);
    treadle_relations_close(&self->relations);
    treadle_canvas_close(&self->canvas);
    free(self);
    return error ? error : (ferror(options->out) ? EIO : 0);
}
