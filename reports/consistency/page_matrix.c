// SPDX-License-Identifier: MIT
/* 2. Every check: a table a component, a row a workload, a column a variant and backend. */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

enum { COLUMNS_MAX = 32, BACKENDS = 3 };

typedef struct column {
    const char *variant;
    const char *backend;
} column;

static const char *const backend_order[BACKENDS] = {"memory", "redis-model", "redis"};

/* The columns of a component: its backends in turn, the variants in their order. */
static size_t find_columns(const json_t *cells, const char *component, column *columns)
{
    size_t count = 0;
    for (size_t b = 0; b < BACKENDS; b++) {
        size_t i;
        const json_t *cell;
        json_array_foreach(cells, i, cell)
        {
            if (!treadle_same(cell, "component", component) ||
                !treadle_same(cell, "backend", backend_order[b])) {
                continue;
            }
            size_t at = 0;
            while (at < count && (strcmp(columns[at].backend, backend_order[b]) != 0 ||
                                  !treadle_same(cell, "variant", columns[at].variant))) {
                at++;
            }
            if (at == count && count < COLUMNS_MAX) {
                columns[count++] = (column){treadle_text_of(cell, "variant"), backend_order[b]};
            }
        }
    }
    return count;
}

static void put_cell(const json_t *cell, FILE *out)
{
    treadle_html(out, "<div class=\"c\" data-cell=\"%s\"%s>", treadle_text_of(cell, "id"),
                 treadle_is(cell, "as_expected") ? "" : " data-unexpected");
    treadle_page_verdict(treadle_text_of(cell, "verdict"), out);
    treadle_html(out, " <span>%s</span>", treadle_text_of(cell, "granularity"));
    if (!treadle_is(cell, "as_expected")) {
        fputs(" <strong>not as expected</strong>", out);
    }
    const char *id = treadle_text_of(cell, "counterexample");
    if (id[0] != '\0') {
        treadle_html(out, "<p><a href=\"#%s\">%s</a></p>", id, treadle_text_of(cell, "property"));
    }
    treadle_html(out, "<p>%s</p>", treadle_text_of(cell, "how"));
    if (treadle_text_of(cell, "strategy")[0] != '\0') {
        treadle_html(out, "<p>%s, seed ", treadle_text_of(cell, "strategy"));
        treadle_page_number(cell, "seed", out);
        fputs(", ", out);
        treadle_page_seconds(json_real_value(json_object_get(cell, "elapsed_s")), out);
        fputs("</p>", out);
    }
    fputs("</div>", out);
}

static void put_row(const json_t *cells, size_t first, const column *columns, size_t count,
                    FILE *out)
{
    const json_t *head = json_array_get(cells, first);
    const char *scenario = treadle_text_of(head, "scenario");
    const char *slash = strchr(scenario, '/');
    treadle_html(out, "<tr><th scope=\"row\"><b>%s</b><p>", slash != NULL ? slash + 1 : scenario);
    treadle_html_prose(out, treadle_text_of(head, "summary"));
    fputs("</p></th>", out);
    for (size_t c = 0; c < count; c++) {
        treadle_html(out, "<td data-column=\"%s, %s\">", columns[c].variant, columns[c].backend);
        for (size_t i = first; i < json_array_size(cells); i++) {
            const json_t *cell = json_array_get(cells, i);
            if (treadle_same(cell, "scenario", scenario) &&
                treadle_same(cell, "variant", columns[c].variant) &&
                treadle_same(cell, "backend", columns[c].backend)) {
                put_cell(cell, out);
            }
        }
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

/* Whether an earlier cell has begun the row of this one. */
static bool has_row(const json_t *cells, size_t index)
{
    const char *scenario = treadle_text_of(json_array_get(cells, index), "scenario");
    for (size_t i = 0; i < index; i++) {
        if (treadle_same(json_array_get(cells, i), "scenario", scenario)) {
            return true;
        }
    }
    return false;
}

static void put_tally(const json_t *component, FILE *out)
{
    size_t i;
    const json_t *variant;
    json_array_foreach(json_object_get(component, "variants"), i, variant)
    {
        const int good = (int)treadle_number_of(variant, "holds");
        const int some = (int)treadle_number_of(variant, "no_violation_found");
        const int bad = (int)(treadle_number_of(variant, "violated") +
                              treadle_number_of(variant, "violated_as_stated"));
        const int none = (int)treadle_number_of(variant, "unknown");
        treadle_html(out, "<span class=\"tally\">%s", treadle_text_of(variant, "name"));
        const struct {
            int count;
            const char *class, *words;
        } parts[] = {{good, "ok", "hold"},
                     {some, "some", "no violation found"},
                     {bad, "bad", "violated"},
                     {none, "none", "unknown"}};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            if (parts[p].count > 0) {
                treadle_html(out,
                             " <b class=\"v %s\" title=\"%s\">%d<span class=\"sr\"> %s</span></b>",
                             parts[p].class, parts[p].words, parts[p].count, parts[p].words);
            }
        }
        fputs("</span>", out);
    }
}

static void put_table(const json_t *report, const json_t *component, FILE *out)
{
    const json_t *cells = json_object_get(report, "cells");
    const char *name = treadle_text_of(component, "name");
    const char *title = treadle_text_of(component, "title");
    column columns[COLUMNS_MAX];
    const size_t count = find_columns(cells, name, columns);
    treadle_html(out, "<details class=\"table\" id=\"m-%s\"><summary><b>%s</b> ", name, title);
    put_tally(component, out);
    treadle_html(out,
                 "</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                 "aria-label=\"Checks: %s\"><table><thead><tr><th scope=\"col\">what must "
                 "hold</th>",
                 title);
    for (size_t c = 0; c < count; c++) {
        treadle_html(out, "<th scope=\"col\">%s<span>%s</span></th>", columns[c].variant,
                     columns[c].backend);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < json_array_size(cells); i++) {
        if (treadle_same(json_array_get(cells, i), "component", name) && !has_row(cells, i)) {
            put_row(cells, i, columns, count, out);
        }
    }
    fputs("</tbody></table></div></details>\n", out);
}

void treadle_page_matrix(const json_t *report, FILE *out)
{
    fputs(
        "<section id=\"matrix\" aria-labelledby=\"matrix-title\">\n<h2 "
        "id=\"matrix-title\">Every check</h2>\n<p>A row is a workload and what must hold in it, a "
        "column a variant on a backend. <b class=\"v ok\"><i aria-hidden=\"true\">✓</i> holds</b> "
        "means that every interleaving was explored; <b class=\"v some\"><i "
        "aria-hidden=\"true\">≈</i> no violation found</b> that only a part was explored, and how "
        "much; <b class=\"v bad\"><i aria-hidden=\"true\">✗</i> violated</b> that there "
        "is a counterexample. Threads may be switched at <i>await</i> (commands, sleeps, waits), "
        "<i>sync</i> (also locks and atomics) or <i>memory</i> (also every plain access).</p>\n",
        out);
    size_t i;
    const json_t *component;
    json_array_foreach(json_object_get(report, "components"), i, component)
    {
        put_table(report, component, out);
    }
    fputs("</section>\n", out);
}
