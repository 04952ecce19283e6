// SPDX-License-Identifier: MIT
/* 5. Can the checks fail? How soon each baseline was caught, beside plain stress. */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

static void put_stress(const json_t *line, FILE *out)
{
    const json_t *stress = json_object_get(line, "stress");
    const long long rounds = treadle_number_of(stress, "rounds");
    if (rounds == 0) {
        fputs("<td class=\"muted\">not measured</td>", out);
        return;
    }
    const long long broken = treadle_number_of(stress, "broken");
    fprintf(out, "<td>%lld of %lld rounds", broken, rounds);
    if (treadle_number_of(stress, "first") > 0) {
        fprintf(out, ", the first in round %lld", treadle_number_of(stress, "first"));
    }
    fputs("</td>", out);
}

static void put_line(const json_t *line, FILE *out)
{
    treadle_html(out, "<tr><th scope=\"row\">%s<p>%s</p></th>", treadle_text_of(line, "scenario"),
                 treadle_text_of(line, "backend"));
    if (treadle_same(line, "result", "caught")) {
        treadle_html(out, "<td><a href=\"#%s\">%s: %s</a></td><td>execution ",
                     treadle_text_of(line, "counterexample"), treadle_text_of(line, "variant"),
                     treadle_text_of(line, "property"));
        treadle_page_number(line, "executions", out);
        fputs(", ", out);
        treadle_page_seconds(json_real_value(json_object_get(line, "elapsed_s")), out);
        fputs("</td>", out);
        put_stress(line, out);
    } else {
        const char *why = treadle_text_of(line, "why_none");
        const bool lost = treadle_same(line, "result", "not-caught");
        treadle_html(out, "<td colspan=\"3\" class=\"muted\">%s%s</td>",
                     lost ? "not caught in this run" : "no variant breaks this: ",
                     lost ? "" : (why[0] != '\0' ? why : "none is expected to"));
    }
    fputs("</tr>\n", out);
}

void treadle_page_detection(const json_t *report, FILE *out)
{
    const json_t *lines = json_object_get(report, "detection");
    size_t caught = 0;
    size_t exempt = 0;
    size_t i;
    const json_t *line;
    json_array_foreach(lines, i, line)
    {
        caught += treadle_same(line, "result", "caught");
        exempt += treadle_same(line, "result", "none");
    }
    treadle_html(
        out,
        "<section id=\"detection\" aria-labelledby=\"detection-title\">\n<h2 "
        "id=\"detection-title\">Can the checks fail?</h2>\n<p>A check that cannot fail says "
        "nothing. For %zu of %zu workloads a variant that is known to be broken was caught; "
        "for %zu there is none by design. Beside it, how rarely real threads break the same "
        "without a harness, where that was measured.</p>\n<details><summary>All %zu "
        "workloads</summary><table class=\"list\"><thead><tr><th scope=\"col\">workload</th>"
        "<th scope=\"col\">broken variant</th><th scope=\"col\">caught in</th><th "
        "scope=\"col\">real threads</th></tr></thead><tbody>\n",
        caught, json_array_size(lines), exempt, json_array_size(lines));
    json_array_foreach(lines, i, line)
    {
        put_line(line, out);
    }
    fputs("</tbody></table></details>\n</section>\n", out);
}
