// SPDX-License-Identifier: MIT
#include "reports/consistency/summary.h"

#include <stdlib.h>
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/utf8.h"

enum { LISTED_MAX = 20 };

static int number_of(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static const char *status_words(const json_t *of)
{
    static const char *const words[][2] = {{"ready", "ready"},
                                           {"ready-with-limits", "ready, with limits"},
                                           {"not-ready", "NOT READY"},
                                           {"not-known", "not known"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], treadle_text_of(of, "status")) == 0) {
            return words[i][1];
        }
    }
    return "?";
}

/* What an older report, a gate and names of files say may be anything. */
static void print_escaped(const char *text, FILE *out)
{
    char *shown = treadle_utf8_escape(text, strlen(text));
    fputs(shown != NULL ? shown : "?", out);
    free(shown);
}

static void print_text(const json_t *object, const char *key, FILE *out)
{
    print_escaped(treadle_text_of(object, key), out);
}

static void print_component(const json_t *component, FILE *out)
{
    size_t i;
    const json_t *variant;
    json_array_foreach(json_object_get(component, "variants"), i, variant)
    {
        fprintf(out, "%-17s %-19s %-25s %6d %7d %8d %8d %7d\n",
                i == 0 ? treadle_text_of(component, "name") : "",
                i == 0 ? status_words(component) : "", treadle_text_of(variant, "name"),
                number_of(variant, "checks"), number_of(variant, "holds"),
                number_of(variant, "no_violation_found"),
                number_of(variant, "violated") + number_of(variant, "violated_as_stated"),
                number_of(variant, "unknown"));
    }
}

static void print_changes(const json_t *comparison, const char *key, const char *words, FILE *out)
{
    const json_t *list = json_object_get(comparison, key);
    size_t i;
    const json_t *change;
    json_array_foreach(list, i, change)
    {
        if (i == LISTED_MAX) {
            fprintf(out, "  %-9s and %zu more\n", words, json_array_size(list) - i);
            return;
        }
        const char *now = treadle_text_of(change, "now");
        fprintf(out, "  %-9s ", words);
        print_text(change, "cell", out);
        fputs(": ", out);
        print_text(change, "was", out);
        fprintf(out, "%s%s\n", now[0] != '\0' ? " -> " : "", now);
    }
}

static void print_rule(const json_t *rule, FILE *out)
{
    if (json_is_true(json_object_get(rule, "passed"))) {
        return;
    }
    if (number_of(rule, "matched") == 0) {
        fprintf(out, "  line %d: no check matches ", number_of(rule, "line"));
        print_text(rule, "scenarios", out);
        fputs(" ", out);
        print_text(rule, "variant", out);
        fputs("\n", out);
    }
    const json_t *failing = json_object_get(rule, "failing");
    size_t i;
    const json_t *cell;
    json_array_foreach(failing, i, cell)
    {
        if (i == LISTED_MAX) {
            fprintf(out, "  line %d: and %zu more\n", number_of(rule, "line"),
                    json_array_size(failing) - i);
            return;
        }
        fprintf(out, "  line %d: %s is %s\n", number_of(rule, "line"),
                treadle_text_of(cell, "cell"), treadle_text_of(cell, "verdict"));
    }
}

static void print_gate(const json_t *gate, FILE *out)
{
    if (!json_is_object(gate)) {
        return;
    }
    fputs("\nGate ", out);
    print_text(gate, "file", out);
    fprintf(out, ": %s\n", json_is_true(json_object_get(gate, "passed")) ? "passed" : "NOT passed");
    size_t i;
    const json_t *rule;
    json_array_foreach(json_object_get(gate, "rules"), i, rule)
    {
        print_rule(rule, out);
    }
}

void treadle_summary_print(const json_t *report, const char *directory, FILE *out)
{
    fprintf(out, "%-17s %-19s %-25s %6s %7s %8s %8s %7s\n", "component", "", "variant", "checks",
            "hold", "sampled", "violated", "unknown");
    size_t i;
    const json_t *component;
    json_array_foreach(json_object_get(report, "components"), i, component)
    {
        print_component(component, out);
    }
    const json_t *comparison = json_object_get(report, "comparison");
    if (json_is_object(comparison)) {
        fputs("\nAgainst the report of ", out);
        print_text(comparison, "started", out);
        fprintf(out, ": %s\n",
                json_is_true(json_object_get(comparison, "regressed"))
                    ? "something that held no longer does"
                    : "nothing that held was lost");
        print_changes(comparison, "worse", "worse", out);
        print_changes(comparison, "vanished", "vanished", out);
        print_changes(comparison, "changed", "changed", out);
        print_changes(comparison, "better", "better", out);
    }
    print_gate(json_object_get(report, "gate"), out);
    fprintf(out, "\n%s\n", treadle_text_of(json_object_get(report, "answer"), "sentence"));
    fputs("The report: ", out);
    print_escaped(directory, out);
    fputs("/index.html\n", out);
}
