// SPDX-License-Identifier: MIT
/* 1. Can we roll out? */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

enum { LISTED_MAX = 60, OPEN_MAX = 4 };

static const struct {
    const char *status, *class, *sign, *words;
} statuses[] = {{"ready", "ok", "✓", "Ready"},
                {"ready-with-limits", "some", "≈", "Ready, with limits"},
                {"not-ready", "bad", "✗", "Not ready"},
                {"not-known", "none", "?", "Not known"}};

static void put_status(const json_t *of, FILE *out)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (treadle_same(of, "status", statuses[i].status)) {
            treadle_html(out, "<b class=\"v %s\"><i aria-hidden=\"true\">%s</i> %s</b>",
                         statuses[i].class, statuses[i].sign, statuses[i].words);
        }
    }
}

static const char *class_of(const json_t *of)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (treadle_same(of, "status", statuses[i].status)) {
            return statuses[i].class;
        }
    }
    return "none";
}

static const char *kind_words(const json_t *open)
{
    static const char *const words[][2] = {{"sampled", "Sampled, not proved"},
                                           {"limit", "A known limit"},
                                           {"violated", "Violated"},
                                           {"unknown", "No verdict"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (treadle_same(open, "kind", words[i][0])) {
            return words[i][1];
        }
    }
    return "";
}

static void put_open(const json_t *component, FILE *out)
{
    const json_t *open = json_object_get(component, "not_established");
    const json_t *backends = json_object_get(component, "backends_not_run");
    const size_t count = json_array_size(open) + json_array_size(backends);
    if (count == 0) {
        return;
    }
    treadle_html(out, "<details%s><summary>What was not established <span>%zu</span></summary><ul>",
                 count <= OPEN_MAX ? " open" : "", count);
    size_t i;
    const json_t *one;
    json_array_foreach(backends, i, one)
    {
        treadle_html(out, "<li>Nothing was run on the backend “%s”.</li>\n",
                     json_string_value(one));
    }
    json_array_foreach(open, i, one)
    {
        treadle_html(out, "<li><em>%s</em>: ", kind_words(one));
        treadle_html_prose(out, treadle_text_of(one, "summary"));
        treadle_html(out, " <code>%s</code> ", treadle_text_of(one, "cell"));
        treadle_html_prose(out, treadle_text_of(one, "text"));
        fputs("</li>\n", out);
    }
    fputs("</ul></details>\n", out);
}

static void put_component(const json_t *component, FILE *out)
{
    treadle_html(out, "<article class=\"card %s\">\n<h3>%s</h3>\n", class_of(component),
                 treadle_text_of(component, "title"));
    put_status(component, out);
    treadle_html(out, "<p class=\"muted\">%s</p>\n<p>", treadle_text_of(component, "words"));
    treadle_html_prose(out, treadle_text_of(component, "sentence"));
    fputs("</p>\n", out);
    put_open(component, out);
    treadle_html(out, "<p class=\"more\"><a href=\"#m-%s\">All its checks</a></p></article>\n",
                 treadle_text_of(component, "name"));
}

/* ---- gate and comparison --------------------------------------------------------------------- */

static void put_gate_cells(const json_t *cells, const char *words, FILE *out)
{
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (i == LISTED_MAX) {
            treadle_html(out, "<li>and %zu more</li>", json_array_size(cells) - i);
            return;
        }
        treadle_html(out, "<li>%s <code>%s</code> ", words, treadle_text_of(cell, "cell"));
        treadle_page_verdict(treadle_text_of(cell, "verdict"), out);
        treadle_html(out, " %s</li>\n", treadle_text_of(cell, "reason"));
    }
}

static void put_gate(const json_t *gate, FILE *out)
{
    const bool passed = treadle_is(gate, "passed");
    treadle_html(out,
                 "<section class=\"card %s\"><h3>This team's gate: <b class=\"v %s\"><i "
                 "aria-hidden=\"true\">%s</i> %s</b></h3>\n<p class=\"muted\">%s</p><ul>\n",
                 passed ? "ok" : "bad", passed ? "ok" : "bad", passed ? "✓" : "✗",
                 passed ? "passed" : "not passed", treadle_text_of(gate, "file"));
    size_t i;
    const json_t *rule;
    json_array_foreach(json_object_get(gate, "rules"), i, rule)
    {
        treadle_html(out, "<li><b>%s</b> %s %s %s: at least %s; %d checks</li>\n",
                     treadle_text_of(rule, "scenarios"), treadle_text_of(rule, "variant"),
                     treadle_text_of(rule, "backend"), treadle_text_of(rule, "granularity"),
                     treadle_same(rule, "at_least", "holds") ? "holds" : "no violation found",
                     (int)treadle_number_of(rule, "matched"));
        if (treadle_number_of(rule, "matched") == 0) {
            fputs("<li>No check matches: what is not run does not hold.</li>\n", out);
        }
        put_gate_cells(json_object_get(rule, "failing"), "in the way:", out);
        put_gate_cells(json_object_get(rule, "allowed"), "allowed:", out);
    }
    fputs("</ul></section>\n", out);
}

static void put_changes(const json_t *comparison, const char *key, const char *title, bool open,
                        FILE *out)
{
    const json_t *list = json_object_get(comparison, key);
    if (json_array_size(list) == 0) {
        return;
    }
    treadle_html(out, "<details%s><summary>%s <span>%zu</span></summary><ul>\n",
                 open ? " open" : "", title, json_array_size(list));
    size_t i;
    const json_t *change;
    json_array_foreach(list, i, change)
    {
        treadle_html(out, "<li><code>%s</code> ", treadle_text_of(change, "cell"));
        treadle_page_verdict(treadle_text_of(change, "was"), out);
        fputs(json_is_string(json_object_get(change, "was")) &&
                      json_is_string(json_object_get(change, "now"))
                  ? " → "
                  : " ",
              out);
        treadle_page_verdict(treadle_text_of(change, "now"), out);
        treadle_html(out, " %s</li>\n", treadle_text_of(change, "message"));
    }
    fputs("</ul></details>\n", out);
}

static void put_comparison(const json_t *comparison, FILE *out)
{
    const bool regressed = treadle_is(comparison, "regressed");
    treadle_html(out,
                 "<section class=\"card %s\"><h3>Since the report of %s: <b class=\"v %s\"><i "
                 "aria-hidden=\"true\">%s</i> %s</b></h3>\n",
                 regressed ? "bad" : "ok", treadle_text_of(comparison, "started"),
                 regressed ? "bad" : "ok", regressed ? "✗" : "✓",
                 regressed ? "something that held no longer does" : "nothing that held was lost");
    put_changes(comparison, "worse", "Worse", true, out);
    put_changes(comparison, "vanished", "Vanished", true, out);
    put_changes(comparison, "changed", "Breaks in another way", false, out);
    put_changes(comparison, "better", "Better", false, out);
    put_changes(comparison, "appeared", "New", false, out);
    fputs("</section>\n", out);
}

/* ---- variants -------------------------------------------------------------------------------- */

static void put_variant(const json_t *variant, json_t *told, FILE *out)
{
    const char *name = treadle_text_of(variant, "name");
    const char *words = treadle_text_of(variant, "words");
    if (words[0] != '\0' && json_object_get(told, name) == NULL &&
        json_object_set_new(told, name, json_true()) == 0) {
        treadle_html(out, "<dt>%s</dt><dd>%s</dd>\n", name, words);
    }
}

/* Each once, whichever components have it. */
static void put_variants(const json_t *report, FILE *out)
{
    json_t *told = json_object();
    size_t i;
    const json_t *component;
    fputs("<h3>What the variants are</h3>\n", out);
    if (treadle_page_has_claims(report)) {
        fputs("<p class=\"muted\">“The document” is the one that proposes fixes for the race "
              "conditions of a rate-limiting system; see the claims.</p>\n",
              out);
    }
    fputs("<dl class=\"facts\">\n", out);
    json_array_foreach(json_object_get(report, "components"), i, component)
    {
        size_t j;
        const json_t *variant;
        json_array_foreach(json_object_get(component, "variants"), j, variant)
        {
            put_variant(variant, told, out);
        }
    }
    fputs("</dl>\n", out);
    json_decref(told);
}

void treadle_page_answer(const json_t *report, FILE *out)
{
    const json_t *answer = json_object_get(report, "answer");
    treadle_html(out,
                 "<section id=\"answer\" aria-labelledby=\"answer-title\">\n<h1 "
                 "id=\"answer-title\">Can we roll out?</h1>\n<p class=\"answer %s\">",
                 class_of(answer));
    put_status(answer, out);
    treadle_html(out, " <span>%s</span></p>\n<div class=\"cards\">\n",
                 treadle_text_of(answer, "sentence"));
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(report, "components"), i, one)
    {
        put_component(one, out);
    }
    fputs("</div>\n", out);
    put_variants(report, out);
    if (json_is_object(json_object_get(report, "gate"))) {
        put_gate(json_object_get(report, "gate"), out);
    }
    if (json_is_object(json_object_get(report, "comparison"))) {
        put_comparison(json_object_get(report, "comparison"), out);
    }
    fputs("<h3>What no check looks at</h3>\n<ul class=\"bounds\">\n", out);
    json_array_foreach(json_object_get(report, "not_looked_at"), i, one)
    {
        fputs("<li>", out);
        treadle_html_prose(out, json_string_value(one));
        fputs("</li>\n", out);
    }
    fputs("</ul>\n</section>\n", out);
}
