// SPDX-License-Identifier: MIT
/* 6. What it takes to run it again. */
#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

static void put_member(const char *title, const char *text, FILE *out)
{
    if (text[0] != '\0') {
        treadle_html(out, "<dt>%s</dt><dd><code>%s</code></dd>\n", title, text);
    }
}

void treadle_page_reproduction(const json_t *report, FILE *out)
{
    const json_t *made = json_object_get(report, "reproduction");
    const json_t *machine = json_object_get(made, "machine");
    fputs("<section id=\"reproduction\" aria-labelledby=\"reproduction-title\">\n<h2 "
          "id=\"reproduction-title\">Run it again</h2>\n<dl class=\"facts\">\n",
          out);
    put_member("command", treadle_text_of(made, "command"), out);
    put_member("real threads", treadle_text_of(made, "stress_file"), out);
    fputs("<dt>seed</dt><dd>", out);
    treadle_page_number(made, "seed", out);
    treadle_html(out, "</dd>\n<dt>time</dt><dd>begun %s, ", treadle_text_of(made, "started"));
    treadle_page_seconds(json_real_value(json_object_get(made, "elapsed_s")), out);
    treadle_html(out, " of checking%s</dd>\n",
                 treadle_is(made, "interrupted") ? ", interrupted" : "");
    put_member("Treadle", treadle_text_of(made, "treadle"), out);
    put_member("compiler", treadle_text_of(made, "compiler"), out);
    put_member("flags", treadle_text_of(made, "flags"), out);
    put_member("Redis", treadle_text_of(made, "redis"), out);
    put_member("hiredis", treadle_text_of(made, "hiredis"), out);
    treadle_html(out, "<dt>machine</dt><dd>%s, %s, %d cores, %d MB, Linux %s, %s</dd>\n",
                 treadle_text_of(machine, "processor"), treadle_text_of(machine, "architecture"),
                 (int)treadle_number_of(machine, "cores"),
                 (int)treadle_number_of(machine, "memory_mb"), treadle_text_of(machine, "kernel"),
                 treadle_text_of(machine, "system"));
    put_member("hash over the results", treadle_text_of(made, "results_hash"), out);
    fputs("</dl>\n<p>The same data as JSON lies beside this page: <a "
          "href=\"report.json\">report.json</a>. Two runs with the same hash found the same: the "
          "same verdict for every check, and the same interleavings.</p>\n</section>\n",
          out);
}
