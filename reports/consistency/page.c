// SPDX-License-Identifier: MIT
#include "reports/consistency/page.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "reports/consistency/html.h"
#include "reports/consistency/page_parts.h"
#include "reports/consistency/parts.h"

/* page.css and page.js as they are (page_assets.S); terminated. */
extern const char treadle_page_style[];
extern const char treadle_page_script[];

/* ---- what the sections share ----------------------------------------------------------------- */

long long treadle_number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10)
                                 : (long long)json_integer_value(value);
}

void treadle_page_number(const json_t *object, const char *key, FILE *out)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value)) {
        treadle_html(out, "%s", json_string_value(value));
    } else {
        fprintf(out, "%lld", (long long)json_integer_value(value));
    }
}

bool treadle_is(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

bool treadle_same(const json_t *object, const char *key, const char *text)
{
    return strcmp(treadle_text_of(object, key), text) == 0;
}

void treadle_page_verdict(const char *verdict, FILE *out)
{
    static const struct {
        const char *verdict, *class, *sign, *words;
    } shown[] = {{"holds", "ok", "✓", "holds"},
                 {"no-violation-found", "some", "≈", "no violation found"},
                 {"violated", "bad", "✗", "violated"},
                 {"unknown", "none", "?", "unknown"}};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        if (strcmp(shown[i].verdict, verdict) == 0) {
            treadle_html(out, "<b class=\"v %s\"><i aria-hidden=\"true\">%s</i> %s</b>",
                         shown[i].class, shown[i].sign, shown[i].words);
        }
    }
}

void treadle_page_seconds(double seconds, FILE *out)
{
    if (seconds < 0.01) {
        fprintf(out, "%.2g ms", 1e3 * seconds);
    } else if (seconds < 1) {
        fprintf(out, "%.0f ms", 1e3 * seconds);
    } else {
        fprintf(out, "%.3g s", seconds);
    }
}

/* ---- the frame ------------------------------------------------------------------------------- */

/* The only script that a browser may run here, whatever else got into the page. */
static void put_script_policy(FILE *out)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
    crypto_hash_sha256(hash, (const unsigned char *)treadle_page_script,
                       strlen(treadle_page_script));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    fprintf(out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'; script-src 'sha256-%s'; base-uri 'none'; form-action "
            "'none'\">\n",
            text);
}

static void put_head(const json_t *report, FILE *out)
{
    const json_t *made = json_object_get(report, "reproduction");
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
    put_script_policy(out);
    fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<title>Can we roll out? Consistency report</title>\n<style>\n",
          out);
    fputs(treadle_page_style, out);
    treadle_html(out,
                 "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the "
                 "answer</a>\n<header>\n<p class=\"brand\">Treadle <span>consistency "
                 "report</span></p>\n<p class=\"when\">%s</p>\n</header>\n",
                 treadle_text_of(made, "started"));
}

static void put_contents(const json_t *report, FILE *out)
{
    const struct {
        const char *id, *title;
        size_t count;
    } sections[] = {
        {"answer", "Can we roll out?", 0},
        {"matrix", "Every check", json_array_size(json_object_get(report, "cells"))},
        {"claims", "The claims, decided", json_array_size(json_object_get(report, "claims"))},
        {"counterexamples", "Counterexamples",
         json_array_size(json_object_get(report, "counterexamples"))},
        {"detection", "Can the checks fail?", 0},
        {"reproduction", "Run it again", 0},
    };
    fputs("<nav aria-label=\"Contents\"><ol>\n", out);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (strcmp(sections[i].id, "claims") == 0 && !treadle_page_has_claims(report)) {
            continue;
        }
        treadle_html(out, "<li><a href=\"#%s\">%s", sections[i].id, sections[i].title);
        if (sections[i].count > 0) {
            treadle_html(out, " <span>%zu</span>", sections[i].count);
        }
        fputs("</a></li>\n", out);
    }
    fputs("</ol></nav>\n", out);
}

int treadle_page_write(const json_t *report, FILE *out)
{
    errno = 0;
    put_head(report, out);
    put_contents(report, out);
    fputs("<main id=\"main\">\n", out);
    treadle_page_answer(report, out);
    treadle_page_matrix(report, out);
    treadle_page_claims(report, out);
    treadle_page_counterexamples(report, out);
    treadle_page_detection(report, out);
    treadle_page_reproduction(report, out);
    fputs("</main>\n<script>", out);
    fputs(treadle_page_script, out);
    fputs("</script>\n</body>\n</html>\n", out);
    return ferror(out) != 0 ? (errno ? errno : EIO) : 0;
}
