// SPDX-License-Identifier: MIT
/* One execution as lanes: a column a thread, time downwards, lines between what conflicts. A grid,
 * so that lines end where their operations are, however high the rows get. */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

enum { FIRST_ROW = 2, TRACKS = 4 /* for lines side by side */ };

typedef struct lanes {
    const json_t *run;
    const treadle_page_run_options *options;
    FILE *out;
    bool forked; /* the row where the two runs part has been marked */
} lanes;

/* Below the row where operations were left out everything is one further down. */
static int row_of(const json_t *run, size_t event)
{
    const long long left_out = treadle_number_of(run, "left_out");
    const long long after = treadle_number_of(run, "left_out_after");
    return FIRST_ROW + (int)event + (left_out > 0 && (long long)event >= after ? 1 : 0);
}

/* "naive.c" alone says little: with the folder it lies in. */
static const char *short_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    while (slash != NULL && slash > path && slash[-1] != '/') {
        slash--;
    }
    return slash != NULL ? slash : path;
}

static void put_place(const json_t *place, FILE *out)
{
    const char *file = treadle_text_of(place, "file");
    if (file[0] == '\0') {
        treadle_html(out, "%s", treadle_text_of(place, "function"));
    } else {
        treadle_html(out, "%s:%d %s", short_path(file), (int)treadle_number_of(place, "line"),
                     treadle_text_of(place, "function"));
    }
    const char *code = treadle_text_of(place, "code");
    if (strlen(code) > 1) {
        treadle_html(out, "<code>%s</code>", code);
    }
}

static void put_redis(const json_t *commands, FILE *out)
{
    size_t i;
    const json_t *one;
    json_array_foreach(commands, i, one)
    {
        const char *before = treadle_text_of(one, "before");
        const char *after = treadle_text_of(one, "after");
        if (before[0] != '\0') {
            treadle_html(out, "<em>%s</em>", before);
        }
        treadle_html(out, "<kbd>%s</kbd>", treadle_text_of(one, "command"));
        const char *reply = treadle_text_of(one, "reply");
        if (reply[0] != '\0') {
            fputs("<samp>", out);
            treadle_html_lines(out, reply);
            fputs("</samp>", out);
        }
        if (after[0] != '\0') {
            treadle_html(out, "<em>%s</em>", after);
        }
    }
}

/* What a read came upon is no change, but known from then on: for whoever steps. */
static void put_changes(const json_t *changes, bool reads, FILE *out)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)changes, name, value)
    {
        if (json_is_null(value)) {
            treadle_html(out, "<div class=\"gone\"><b>%s</b> <s>gone</s></div>", name);
        } else {
            treadle_html(out, "<div%s><b>%s</b> <span>%s</span></div>", reads ? " hidden" : "",
                         name, json_string_value(value));
        }
    }
}

/* "· acquire: admitted" without its dot. */
static const char *note_text(const json_t *event)
{
    const char *text = treadle_text_of(event, "text");
    return strncmp(text, "· ", strlen("· ")) == 0 ? text + strlen("· ") : text;
}

static void put_operation(const json_t *event, FILE *out)
{
    const json_t *redis = json_object_get(event, "redis");
    if (json_is_array(redis)) {
        put_redis(redis, out);
    } else {
        treadle_html(out, "<tt>%s</tt>", treadle_text_of(event, "text"));
    }
    const bool reads = treadle_same(event, "op", "read") || treadle_same(event, "op", "load") ||
                       treadle_same(event, "op", "vread");
    put_changes(json_object_get(event, "changes"), reads, out);
}

static const char *thread_of(const json_t *run, const json_t *event)
{
    const size_t thread = (size_t)treadle_number_of(event, "thread");
    return json_string_value(json_array_get(json_object_get(run, "threads"), thread));
}

static void put_event(lanes *self, const json_t *event)
{
    FILE *out = self->out;
    const bool note = treadle_is(event, "note");
    const long long step = treadle_number_of(event, "step");
    const long long common = self->options->common_steps;
    const bool forks = !self->forked && !note && common > 0 && step > common;
    self->forked |= forks;
    treadle_html(out, "<li class=\"t%d%s%s%s\">", (int)treadle_number_of(event, "thread"),
                 note ? " note" : "", forks ? " fork" : "",
                 treadle_is(event, "failed") ? " failed" : "");
    if (note) {
        treadle_html(out, "<div><u>%s: </u>%s</div>\n", thread_of(self->run, event),
                     note_text(event));
        return;
    }
    treadle_html(out, "<i>%d</i><i>%s</i><div><u>%s: </u>", (int)step,
                 treadle_text_of(event, "clock"), thread_of(self->run, event));
    put_operation(event, out);
    fputs("</div>", out);
    const json_t *place = json_object_get(event, "place");
    const bool known = self->options->passes && step <= common; /* from the failing run */
    if (json_is_object(place) && !known && !treadle_same(event, "op", "start")) {
        fputs("<p>", out);
        put_place(place, out);
    }
    fputc('\n', out);
}

/* If operations were left out before this one. */
static void put_gap(const lanes *self, size_t event)
{
    const long long left_out = treadle_number_of(self->run, "left_out");
    if (left_out > 0 && (long long)event == treadle_number_of(self->run, "left_out_after")) {
        treadle_html(self->out,
                     "<li class=\"gap\" style=\"grid-row:%d\">%d operations and notes left out; "
                     "<code>treadle replay</code> shows them</li>\n",
                     FIRST_ROW + (int)event, (int)left_out);
    }
}

/* A line from one operation to another: out of the one, down in the gap before the lane further
 * right, and into the other. Of the lanes between them only one of the two rows is crossed, and
 * nobody else acts in it. */
static void put_link(const lanes *self, const json_t *link, int number)
{
    const json_t *events = json_object_get(self->run, "events");
    const size_t from = (size_t)treadle_number_of(link, "from");
    const size_t to = (size_t)treadle_number_of(link, "to");
    const int a = (int)treadle_number_of(json_array_get(events, from), "thread");
    const int b = (int)treadle_number_of(json_array_get(events, to), "thread");
    const int left = a < b ? a : b;
    const int right = a < b ? b : a;
    const int top = row_of(self->run, from);
    const int bottom = row_of(self->run, to);
    treadle_html(self->out, "<b class=\"t%d%s\" style=\"grid-row:%d/%d;--o:%d\"></b>", right,
                 a < b ? "" : " back", top, bottom, number % TRACKS);
    if (right - left > 1) {
        treadle_html(self->out,
                     "<s class=\"t%d\" style=\"grid-row:%d;grid-column-end:span %d\"></s>",
                     left + 1, a < b ? top : bottom, right - left - 1);
    }
    fputc('\n', self->out);
}

static void put_object(const char *name, const json_t *object, FILE *out)
{
    treadle_html(out, "<dt>%s</dt><dd>", name);
    if (json_is_object(json_object_get(object, "allocated"))) {
        treadle_html(out, "byte %d of the %d allocated at ",
                     (int)treadle_number_of(object, "offset"),
                     (int)treadle_number_of(object, "block"));
        put_place(json_object_get(object, "allocated"), out);
    } else {
        treadle_html(out, "<code>%s</code>", treadle_text_of(object, "variable"));
    }
    fputs("</dd>\n", out);
}

static void put_objects(const json_t *objects, FILE *out)
{
    if (json_object_size(objects) == 0) {
        return;
    }
    fputs("<details class=\"objects\"><summary>What the names stand for</summary><dl>\n", out);
    const char *name;
    json_t *object;
    json_object_foreach((json_t *)(uintptr_t)objects, name, object)
    {
        put_object(name, object, out);
    }
    fputs("</dl></details>\n", out);
}

void treadle_page_run(const json_t *run, const treadle_page_run_options *options, FILE *out)
{
    lanes self = {.run = run, .options = options, .out = out};
    const json_t *threads = json_object_get(run, "threads");
    const json_t *events = json_object_get(run, "events");
    treadle_html(out,
                 "<div class=\"run %s\" role=\"group\" aria-label=\"%s\"><div class=\"lanes\" "
                 "style=\"--n:%zu\">\n<div class=\"h\" aria-hidden=\"true\"><i>step</i><i>"
                 "clock</i>",
                 options->class, options->label, json_array_size(threads));
    size_t i;
    const json_t *one;
    json_array_foreach(threads, i, one)
    {
        treadle_html(out, "<b class=\"t%zu\">%s</b>", i, json_string_value(one));
    }
    fputs("<i>source</i></div>\n<div class=\"links\" aria-hidden=\"true\">", out);
    json_array_foreach(json_object_get(run, "links"), i, one)
    {
        put_link(&self, one, (int)i);
    }
    fputs("</div><ol role=\"list\">\n", out);
    json_array_foreach(events, i, one)
    {
        put_gap(&self, i);
        put_event(&self, one);
    }
    put_gap(&self, json_array_size(events));
    treadle_html(out, "<li class=\"end %s\"><b aria-hidden=\"true\">%s</b> %s</li>\n</ol></div>\n",
                 options->passes ? "ok" : "bad", options->passes ? "✓" : "✗", options->end);
    put_objects(json_object_get(run, "objects"), out);
    fputs("</div>\n", out);
}
