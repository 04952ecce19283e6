// SPDX-License-Identifier: MIT
/* 3. What the seed document and its analysis claim, decided. */
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

/* A true claim that something is broken is no good news. */
static const char *class_of(const json_t *claim)
{
    if (treadle_is(claim, "defect") && !treadle_same(claim, "ruling", "undecided")) {
        return "bad";
    }
    static const char *const classes[][2] = {
        {"true", "ok"}, {"false", "bad"}, {"undecided", "none"}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (treadle_same(claim, "ruling", classes[i][0])) {
            return classes[i][1];
        }
    }
    return "some";
}

static void put_claim(const json_t *claim, FILE *out)
{
    treadle_html(
        out, "<tr><th scope=\"row\"><b>%s</b><p>%s, %s</p></th><td><b class=\"v %s\">%s</b>",
        treadle_text_of(claim, "text"), treadle_text_of(claim, "id"),
        treadle_text_of(claim, "source"), class_of(claim), treadle_text_of(claim, "ruling"));
    if (treadle_is(claim, "defect")) {
        fputs("<p>a defect of the proposal</p>", out);
    }
    fputs("</td><td>", out);
    treadle_html(out, "<p>%s</p><p><code>%s</code></p>", treadle_text_of(claim, "evidence"),
                 treadle_text_of(claim, "cell"));
    const char *id = treadle_text_of(claim, "counterexample");
    if (id[0] != '\0') {
        treadle_html(out, "<p><a href=\"#%s\">see it happen<span class=\"sr\">: %s</span></a></p>",
                     id, treadle_text_of(claim, "id"));
    }
    fputs("</td></tr>\n", out);
}

bool treadle_page_has_claims(const json_t *report)
{
    return json_array_size(json_object_get(report, "claims")) > 0 ||
           treadle_text_of(report, "no_claims")[0] != '\0';
}

void treadle_page_claims(const json_t *report, FILE *out)
{
    const json_t *claims = json_object_get(report, "claims");
    if (!treadle_page_has_claims(report)) {
        return;
    }
    fputs("<section id=\"claims\" aria-labelledby=\"claims-title\">\n<h2 id=\"claims-title\">The "
          "claims, decided</h2>\n",
          out);
    if (json_array_size(claims) == 0) {
        treadle_html(out, "<p>%s</p>\n</section>\n", treadle_text_of(report, "no_claims"));
        return;
    }
    fputs("<p>The document proposes fixes for the race conditions of a rate-limiting system; the "
          "analysis examines them. What both say is decided by exploring. Something is false, or "
          "true because nothing breaks, only where every "
          "interleaving was explored.</p>\n<table class=\"list\"><thead><tr><th "
          "scope=\"col\">claim</th><th scope=\"col\">ruling</th><th "
          "scope=\"col\">evidence</th></tr></thead><tbody>\n",
          out);
    size_t i;
    const json_t *claim;
    json_array_foreach(claims, i, claim)
    {
        put_claim(claim, out);
    }
    fputs("</tbody></table>\n</section>\n", out);
}
