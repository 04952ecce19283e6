// SPDX-License-Identifier: MIT
/* 4. Every counterexample: what was tried, what must hold, what happened, what it takes, and the
 * interleaving, beside the nearest run that passes. */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

enum { END_SIZE = 1200, REPLY_SIZE = 100 };

static void put_fact(const char *title, const char *text, FILE *out)
{
    if (text[0] != '\0') {
        treadle_html(out, "<dt>%s</dt><dd>", title);
        treadle_html_prose(out, text);
        fputs("</dd>\n", out);
    }
}

static void put_parameters(const json_t *parameters, FILE *out)
{
    const char *name;
    json_t *value;
    const char *before = " <span class=\"muted\">(";
    json_object_foreach((json_t *)(uintptr_t)parameters, name, value)
    {
        fputs(before, out);
        treadle_html(out, "%s %d", name, (int)json_integer_value(value));
        before = ", ";
    }
    fputs(json_object_size(parameters) > 0 ? ")</span>" : "", out);
}

/* ---- what it takes --------------------------------------------------------------------------- */

static void put_serial(const json_t *run, FILE *out)
{
    const bool passes = treadle_is(run, "passes");
    fputs("<tr><th scope=\"row\">", out);
    size_t i;
    const json_t *name;
    json_array_foreach(json_object_get(run, "order"), i, name)
    {
        treadle_html(out, "%s%s", i > 0 ? ", then " : "", json_string_value(name));
    }
    treadle_html(out, "</th><td>%s</td><td><b class=\"v %s\"><i aria-hidden=\"true\">%s</i> %s</b>",
                 treadle_text_of(run, "notes"), passes ? "ok" : "bad", passes ? "✓" : "✗",
                 passes ? "holds" : treadle_text_of(run, "property"));
    treadle_html(out, "%s%s</td></tr>\n", passes ? "" : " ", treadle_text_of(run, "message"));
}

static void put_serials(const json_t *counterexample, FILE *out)
{
    const json_t *runs = json_object_get(json_object_get(counterexample, "serial"), "runs");
    if (json_array_size(runs) == 0) {
        return;
    }
    const char *notes = treadle_text_of(counterexample, "notes");
    fputs("<table class=\"serial\"><caption>One after another: what each order "
          "gives</caption><thead><tr><th scope=\"col\">order</th><th scope=\"col\">what each "
          "gets</th><th scope=\"col\">property</th></tr></thead><tbody>\n",
          out);
    size_t i;
    const json_t *run;
    json_array_foreach(runs, i, run)
    {
        put_serial(run, out);
    }
    treadle_html(
        out,
        "<tr class=\"this\"><th scope=\"row\">this run, below</th><td>%s</td><td><b "
        "class=\"v bad\"><i aria-hidden=\"true\">✗</i> %s</b></td></tr>\n</tbody></table>\n",
        notes, treadle_text_of(counterexample, "property"));
}

/* The first operation after the common ones. */
static const json_t *first_after(const json_t *run, long long steps)
{
    size_t i;
    const json_t *event;
    json_array_foreach(json_object_get(run, "events"), i, event)
    {
        if (!treadle_is(event, "note") && treadle_number_of(event, "step") > steps) {
            return event;
        }
    }
    return NULL;
}

static void put_turn_of(const json_t *run, const json_t *event, size_t which, FILE *out)
{
    const json_t *threads = json_object_get(run, "threads");
    const size_t thread = (size_t)treadle_number_of(event, "thread");
    const char *name = json_string_value(json_array_get(threads, thread));
    if (treadle_same(event, "op", "start")) {
        treadle_html(out, "<b>%s</b> starts", name);
        return;
    }
    const json_t *command = json_array_get(json_object_get(event, "redis"), which);
    treadle_html(out, "<b>%s</b> does <code>%s</code>", name,
                 command != NULL ? treadle_text_of(command, "command")
                                 : treadle_text_of(event, "text"));
    static const char *const fates[] = {"before", "after"};
    for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
        const char *fate = treadle_text_of(command, fates[i]);
        if (fate[0] != '\0') {
            treadle_html(out, " %s", fate);
            return;
        }
    }
    const char *reply = treadle_text_of(command, "reply");
    if (reply[0] != '\0') {
        char line[REPLY_SIZE];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(reply, "\n"), reply);
        const bool cut = strlen(line) + 1 == sizeof line;
        for (size_t n = strlen(line); cut && n > 0 && (line[n - 1] & 0x80); n--) {
            line[n - 1] = '\0'; /* no half of a character */
        }
        treadle_html(out, ", which gets <code>%s%s</code>", line,
                     strlen(line) < strlen(reply) ? " …" : "");
    }
    if (treadle_is(event, "failed")) {
        fputs(", which fails", out);
    }
}

/* The first command in which two operations on a server differ. */
static size_t where_they_differ(const json_t *here, const json_t *there)
{
    const json_t *one = json_object_get(here, "redis");
    const json_t *other = json_object_get(there, "redis");
    size_t i = 0;
    while (i < json_array_size(one) && i < json_array_size(other) &&
           json_equal(json_array_get(one, i), json_array_get(other, i))) {
        i++;
    }
    return i < json_array_size(one) || i < json_array_size(other) ? i : 0;
}

static void put_turn(const json_t *counterexample, FILE *out)
{
    const json_t *failing = json_object_get(counterexample, "failing");
    const json_t *passing = json_object_get(counterexample, "passing");
    const long long common = treadle_number_of(passing, "common_steps");
    const json_t *here = first_after(failing, common);
    const json_t *there = first_after(passing, common);
    if (!json_is_object(passing) || here == NULL || there == NULL) {
        return;
    }
    fputs("<dt>Where it turns</dt><dd>", out);
    if (common > 0) {
        treadle_html(out, "The nearest run that passes is the same up to step %d. Then, here, ",
                     (int)common);
    } else {
        fputs("The nearest run that passes differs from the first step on. Here ", out);
    }
    const size_t which = where_they_differ(here, there);
    put_turn_of(failing, here, which, out);
    if (json_equal(json_object_get(here, "redis"), json_object_get(there, "redis")) &&
        json_equal(json_object_get(here, "text"), json_object_get(there, "text")) &&
        json_equal(json_object_get(here, "thread"), json_object_get(there, "thread"))) {
        fputs("; there the same, of which something else is decided.</dd>\n", out);
        return;
    }
    fputs("; there ", out);
    put_turn_of(passing, there, which, out);
    fputs(".</dd>\n", out);
}

/* ---- what went stale ------------------------------------------------------------------------- */

static bool only_reads(const json_t *event, const char *object)
{
    static const char *const reads[] = {"read", "load", "vread", "redis"};
    bool reading = false;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        reading |= treadle_same(event, "op", reads[i]);
    }
    return reading && json_object_get(json_object_get(event, "changes"), object) == NULL;
}

/* The next operation of a thread; NULL when it does nothing more. */
static const json_t *next_of(const json_t *events, size_t after, long long thread)
{
    for (size_t i = after + 1; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (!treadle_is(event, "note") && treadle_number_of(event, "thread") == thread) {
            return event;
        }
    }
    return NULL;
}

static const char *name_of(const json_t *run, const json_t *event)
{
    const size_t thread = (size_t)treadle_number_of(event, "thread");
    return json_string_value(json_array_get(json_object_get(run, "threads"), thread));
}

/* One thread looks, another changes, the first goes on with what it saw. Whether the link is
 * that. */
static bool put_stale_link(const json_t *run, const json_t *link, FILE *out)
{
    const json_t *events = json_object_get(run, "events");
    const size_t to = (size_t)treadle_number_of(link, "to");
    const json_t *looks = json_array_get(events, (size_t)treadle_number_of(link, "from"));
    const json_t *changes = json_array_get(events, to);
    const char *object = treadle_text_of(link, "object");
    const json_t *goes_on = next_of(events, to, treadle_number_of(looks, "thread"));
    if (!only_reads(looks, object) || only_reads(changes, object) || goes_on == NULL) {
        return false;
    }
    treadle_html(out,
                 "<dt>How it goes wrong</dt><dd><b>%s</b> looks at <code>%s</code> in step %d. "
                 "<b>%s</b> changes it in step %d. <b>%s</b> does not know, and goes on in step %d "
                 "with what it saw.</dd>\n",
                 name_of(run, looks), object, (int)treadle_number_of(looks, "step"),
                 name_of(run, changes), (int)treadle_number_of(changes, "step"),
                 name_of(run, looks), (int)treadle_number_of(goes_on, "step"));
    return true;
}

static void put_stale(const json_t *counterexample, FILE *out)
{
    const json_t *run = json_object_get(counterexample, "failing");
    size_t i;
    const json_t *link;
    json_array_foreach(json_object_get(run, "links"), i, link)
    {
        if (put_stale_link(run, link, out)) {
            return;
        }
    }
}

/* ---- the runs -------------------------------------------------------------------------------- */

static void put_runs(const json_t *counterexample, FILE *out)
{
    const json_t *failing = json_object_get(counterexample, "failing");
    const json_t *passing = json_object_get(counterexample, "passing");
    const bool both = json_is_object(passing);
    const char *id = treadle_text_of(counterexample, "id");
    if (!json_is_object(failing)) {
        fputs("<p class=\"muted\">It was not recorded step by step.</p>\n", out);
        return;
    }
    fputs("<div class=\"runs\">\n", out);
    if (both) {
        treadle_html(out,
                     "<fieldset class=\"pick\"><legend>Which run</legend><label><input "
                     "type=\"radio\" name=\"run-%s\" checked> Failing</label><label><input "
                     "type=\"radio\" name=\"run-%s\" class=\"other\"> Nearest that "
                     "passes</label></fieldset>\n",
                     id, id);
    }
    char end[END_SIZE];
    snprintf(end, sizeof end, "%s: %s", treadle_text_of(counterexample, "property"),
             treadle_text_of(counterexample, "message"));
    const long long common = both ? treadle_number_of(passing, "common_steps") : -1;
    const treadle_page_run_options fails = {
        .class = "failing", .label = "Failing run", .end = end, .common_steps = common};
    treadle_page_run(failing, &fails, out);
    if (both) {
        const treadle_page_run_options passes = {.class = "passing",
                                                 .label = "Nearest run that passes",
                                                 .end = "The property holds.",
                                                 .passes = true,
                                                 .common_steps = common};
        treadle_page_run(passing, &passes, out);
    }
    fputs("</div>\n", out);
}

static void put_counterexample(const json_t *counterexample, const json_t *cell, bool open,
                               FILE *out)
{
    const char *scenario = treadle_text_of(cell, "scenario");
    const char *slash = strchr(scenario, '/');
    treadle_html(out,
                 "<details class=\"cx\" id=\"%s\"%s><summary><b>%s</b> <span "
                 "class=\"where\">%s, %s, %s</span> <span class=\"what\">%s: %s</span></summary>\n",
                 treadle_text_of(counterexample, "id"), open ? " open" : "",
                 slash != NULL ? slash + 1 : scenario, treadle_text_of(cell, "variant"),
                 treadle_text_of(cell, "backend"), treadle_text_of(cell, "granularity"),
                 treadle_text_of(counterexample, "property"),
                 treadle_text_of(counterexample, "message"));
    /* A browser that runs scripts takes it for text, and makes elements of it when it is opened:
     * hundreds of them would take long to lay out. */
    fputs("<noscript><dl class=\"facts\"><dt>What was tried</dt><dd>", out);
    treadle_html_prose(out, treadle_text_of(counterexample, "tried"));
    put_parameters(json_object_get(counterexample, "parameters"), out);
    fputs("</dd>\n", out);
    put_fact("What must hold", treadle_text_of(counterexample, "must_hold"), out);
    put_fact("What happened", treadle_text_of(counterexample, "message"), out);
    put_fact("In short", treadle_text_of(counterexample, "reason"), out);
    put_stale(counterexample, out);
    put_fact("What it takes", treadle_text_of(counterexample, "why"), out);
    put_turn(counterexample, out);
    fputs("</dl>\n", out);
    put_serials(counterexample, out);
    put_runs(counterexample, out);
    const char *token = treadle_text_of(counterexample, "token");
    if (token[0] != '\0') {
        treadle_html(out,
                     "<p class=\"token\">Run it again: <code>treadle replay %s</code></p>\n"
                     "<p class=\"muted\">It shows at granularity %s already.</p>\n",
                     token, treadle_text_of(counterexample, "coarsest"));
    }
    fputs("</noscript></details>\n", out);
}

/* ---- which one to read first ----------------------------------------------------------------- */

static const json_t *find_counterexample(const json_t *report, const char *id)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(report, "counterexamples"), i, one)
    {
        if (treadle_same(one, "id", id)) {
            return one;
        }
    }
    return NULL;
}

/* The one that shows the first claim of all; NULL when none does. */
static const json_t *first_claimed(const json_t *report)
{
    size_t i;
    const json_t *claim;
    json_array_foreach(json_object_get(report, "claims"), i, claim)
    {
        const char *id = treadle_text_of(claim, "counterexample");
        if (id[0] != '\0') {
            return find_counterexample(report, id);
        }
    }
    return NULL;
}

/* Of those that only an interleaving breaks, the shortest, better with commands than with
 * addresses; NULL when there is none. */
static const json_t *shortest(const json_t *report)
{
    const json_t *best = NULL;
    size_t best_cost = SIZE_MAX;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(report, "counterexamples"), i, one)
    {
        const json_t *cell =
            treadle_find_cell(json_object_get(report, "cells"), treadle_text_of(one, "cell"));
        const json_t *serial = json_object_get(one, "serial");
        const json_t *nearest = json_array_get(json_object_get(serial, "runs"), 0);
        const json_t *failing = json_object_get(one, "failing");
        const bool interleaved = treadle_is(nearest, "passes") &&
                                 treadle_number_of(one, "switches") > 1 &&
                                 json_array_size(json_object_get(failing, "links")) > 0 &&
                                 treadle_same(cell, "variant", "naive");
        const size_t cost = json_array_size(json_object_get(failing, "events")) +
                            (treadle_same(cell, "backend", "memory") ? 1000 : 0);
        if (interleaved && cost < best_cost) {
            best = one;
            best_cost = cost;
        }
    }
    return best;
}

static void put_component(const json_t *report, const json_t *component, const json_t *first,
                          FILE *out)
{
    const json_t *cells = json_object_get(report, "cells");
    bool headed = false;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(report, "counterexamples"), i, one)
    {
        const json_t *cell = treadle_find_cell(cells, treadle_text_of(one, "cell"));
        if (!treadle_same(cell, "component", treadle_text_of(component, "name"))) {
            continue;
        }
        if (!headed) {
            treadle_html(out, "<h3>%s</h3>\n", treadle_text_of(component, "title"));
            headed = true;
        }
        put_counterexample(one, cell, one == first, out);
    }
}

void treadle_page_counterexamples(const json_t *report, FILE *out)
{
    const json_t *list = json_object_get(report, "counterexamples");
    const json_t *claimed = first_claimed(report);
    const json_t *first = claimed != NULL ? claimed : shortest(report);
    fputs("<section id=\"counterexamples\" aria-labelledby=\"counterexamples-title\">\n<h2 "
          "id=\"counterexamples-title\">Counterexamples</h2>\n<p>Each is one interleaving that "
          "breaks a property, made as short as it gets. Time runs downwards, a column is a thread; "
          "<span class=\"drawn\">a line joins two operations that conflict: both use the same "
          "thing, and one changes it.</span> "
          "Shared state is shown where it changes.</p>\n",
          out);
    if (first != NULL) {
        treadle_html(out, "<p>New here? Begin with <a href=\"#%s\">%s</a>.</p>\n",
                     treadle_text_of(first, "id"), treadle_text_of(first, "cell"));
    }
    if (json_array_size(list) == 0) {
        fputs("<p>There are none.</p>\n", out);
    }
    size_t i;
    const json_t *component;
    json_array_foreach(json_object_get(report, "components"), i, component)
    {
        put_component(report, component, first, out);
    }
    fputs("</section>\n", out);
}
