// SPDX-License-Identifier: MIT
/* Can we roll out? A component is as good as the best of its solutions (`fixed`, `lockfree`). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/consistency/parts.h"
#include "reports/consistency/words.h"
#include "reports/json_values.h"

enum { VARIANTS_MAX = 32, SENTENCE_SIZE = 1024 };

typedef struct tally {
    const char *variant;
    size_t cells;
    size_t holds;
    size_t sampled;  /* no violation found, not all seen */
    size_t limits;   /* of a solution, violated as stated */
    size_t violated; /* otherwise */
    size_t unknown;
    bool solution;
    bool beyond_memory; /* some of its cells are */
} tally;

typedef enum status { STATUS_READY, STATUS_LIMITS, STATUS_NOT, STATUS_UNKNOWN } status;

static const char *status_name(status of)
{
    static const char *const names[] = {"ready", "ready-with-limits", "not-ready", "not-known"};
    return names[of];
}

static bool verdict_is(const json_t *cell, const char *verdict)
{
    return strcmp(treadle_text_of(cell, "verdict"), verdict) == 0;
}

static bool is_of(const json_t *cell, const char *component)
{
    return strcmp(treadle_text_of(cell, "component"), component) == 0;
}

/* A violation of a solution that its row states: a limit that is known. */
static bool is_limit(const json_t *cell)
{
    return verdict_is(cell, "violated") && json_is_true(json_object_get(cell, "as_expected")) &&
           json_is_true(json_object_get(cell, "solution"));
}

/* ---- counting -------------------------------------------------------------------------------- */

static void count_cell(tally *in, const json_t *cell)
{
    in->cells++;
    in->beyond_memory |= strcmp(treadle_text_of(cell, "backend"), "memory") != 0;
    if (verdict_is(cell, "holds")) {
        in->holds++;
    } else if (verdict_is(cell, "no-violation-found")) {
        in->sampled++;
    } else if (is_limit(cell)) {
        in->limits++;
    } else if (verdict_is(cell, "violated")) {
        in->violated++;
    } else {
        in->unknown++;
    }
}

static size_t count_variants(const json_t *cells, const char *component, tally *tallies)
{
    size_t count = 0;
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (!is_of(cell, component)) {
            continue;
        }
        const char *variant = treadle_text_of(cell, "variant");
        size_t at = 0;
        while (at < count && strcmp(tallies[at].variant, variant) != 0) {
            at++;
        }
        if (at == count && count < VARIANTS_MAX) {
            tallies[count++] = (tally){.variant = variant,
                                       .solution = json_is_true(json_object_get(cell, "solution"))};
        }
        if (at < count) {
            count_cell(&tallies[at], cell);
        }
    }
    return count;
}

static status status_of(const tally *variant)
{
    if (variant->violated > 0) {
        return STATUS_NOT;
    }
    if (variant->unknown > 0) {
        return STATUS_UNKNOWN;
    }
    return variant->sampled > 0 || variant->limits > 0 ? STATUS_LIMITS : STATUS_READY;
}

/* ---- sentences ------------------------------------------------------------------------------- */

typedef struct sentence {
    char text[SENTENCE_SIZE];
    size_t used;
} sentence;

static __attribute__((format(printf, 2, 3))) void say(sentence *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(self->text + self->used, sizeof self->text - self->used, format, arguments);
    va_end(arguments);
    if (length > 0) {
        self->used += (size_t)length;
        self->used = self->used < sizeof self->text ? self->used : sizeof self->text - 1;
    }
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void say_solution(sentence *out, const tally *variant, bool beyond_memory)
{
    say(out, "%s%s ", variant->variant,
        beyond_memory && !variant->beyond_memory ? " (in memory only)" : "");
    switch (status_of(variant)) {
    case STATUS_NOT:
        say(out, "breaks %zu of %zu checks", variant->violated, variant->cells);
        return;
    case STATUS_UNKNOWN:
        say(out, "has %zu of %zu checks without a verdict", variant->unknown, variant->cells);
        return;
    default: break;
    }
    if (variant->sampled == 0 && variant->limits == 0) {
        say(out, "keeps %s %zu check%s, in every interleaving", variant->cells == 1 ? "its" : "all",
            variant->cells, plural(variant->cells));
        return;
    }
    say(out, "keeps %zu of %zu checks in every interleaving", variant->holds, variant->cells);
    if (variant->sampled > 0) {
        say(out, ", %zu in all that %s tried", variant->sampled,
            variant->sampled == 1 ? "was" : "were");
    }
    if (variant->limits > 0) {
        say(out, "; %zu fail%s, which is known and stated", variant->limits,
            variant->limits == 1 ? "s" : "");
    }
}

/* What nobody should roll out. */
static void say_broken(sentence *out, const tally *tallies, size_t count)
{
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (tallies[i].solution || tallies[i].violated == 0) {
            continue;
        }
        say(out, "%s%s breaks %zu of %zu", first ? " Not to be rolled out: " : ", ",
            tallies[i].variant, tallies[i].violated, tallies[i].cells);
        first = false;
    }
    say(out, "%s", first ? "" : ".");
}

static status say_component(sentence *out, const tally *tallies, size_t count)
{
    status best = STATUS_UNKNOWN;
    bool any = false;
    bool beyond_memory = false;
    for (size_t i = 0; i < count; i++) {
        beyond_memory |= tallies[i].beyond_memory;
    }
    for (size_t i = 0; i < count; i++) {
        if (!tallies[i].solution) {
            continue;
        }
        const status own = status_of(&tallies[i]);
        /* To be known as not ready says more than not to be known. */
        const bool better = own < best || (own == STATUS_NOT && best == STATUS_UNKNOWN);
        best = !any || better ? own : best;
        say(out, "%s", any ? "; " : "");
        say_solution(out, &tallies[i], beyond_memory);
        any = true;
    }
    say(out, "%s", any ? "." : "No variant that is meant to be rolled out was checked.");
    say_broken(out, tallies, count);
    return best;
}

/* ---- what was not established ---------------------------------------------------------------- */

static int add_open(json_t *list, const json_t *cell, const char *kind)
{
    const char *how = treadle_text_of(cell, "how");
    const char *reason = treadle_text_of(cell, "reason");
    const bool limit = strcmp(kind, "limit") == 0;
    return json_array_append_new(
        list, json_pack("{s:s, s:s, s:O, s:o, s:o}", "kind", kind, "cell",
                        treadle_text_of(cell, "id"), "summary", json_object_get(cell, "summary"),
                        "property", treadle_json_text(treadle_text_of(cell, "property")), "text",
                        treadle_json_text(limit ? reason : how)));
}

/* Checks of a solution that say less than "holds". */
static json_t *open_checks(const json_t *cells, const char *component)
{
    json_t *list = json_array();
    int failed = list == NULL;
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (failed || !is_of(cell, component) || !json_is_true(json_object_get(cell, "solution")) ||
            verdict_is(cell, "holds")) {
            continue;
        }
        failed |= add_open(list, cell,
                           is_limit(cell)                           ? "limit"
                           : verdict_is(cell, "no-violation-found") ? "sampled"
                           : verdict_is(cell, "violated")           ? "violated"
                                                                    : "unknown");
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static bool has_backend(const json_t *cells, const char *component, const char *backend)
{
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        if (is_of(cell, component) && strcmp(treadle_text_of(cell, "backend"), backend) == 0) {
            return true;
        }
    }
    return false;
}

/* A backend that the component has checks for, and none was run. */
static json_t *missing_backends(const json_t *cells, const char *component)
{
    json_t *missing = json_array();
    const size_t length = strlen(component);
    for (treadle_backend b = 0; b < TREADLE_BACKEND_COUNT; b++) {
        const char *backend = treadle_backend_name(b);
        bool stated = false;
        for (size_t i = 0; i < treadle_scenario_count(); i++) {
            const treadle_scenario *scenario = treadle_scenarios()[i];
            const bool own =
                strncmp(scenario->name, component, length) == 0 && scenario->name[length] == '/';
            for (const treadle_expectation *e = scenario->expectations; own && e->variant != NULL;
                 e++) {
                stated |= e->backend == b;
            }
        }
        if (stated && !has_backend(cells, component, backend)) {
            json_array_append_new(missing, json_string(backend));
        }
    }
    return missing;
}

/* ---- components ------------------------------------------------------------------------------ */

static json_t *variants_json(const tally *tallies, size_t count)
{
    json_t *variants = json_array();
    for (size_t i = 0; variants != NULL && i < count; i++) {
        const tally *t = &tallies[i];
        json_array_append_new(
            variants,
            json_pack("{s:s, s:o, s:b, s:i, s:i, s:i, s:i, s:i, s:i}", "name", t->variant, "words",
                      treadle_json_text(treadle_variant_words(t->variant)), "solution", t->solution,
                      "checks", (int)t->cells, "holds", (int)t->holds, "no_violation_found",
                      (int)t->sampled, "violated_as_stated", (int)t->limits, "violated",
                      (int)t->violated, "unknown", (int)t->unknown));
    }
    return variants;
}

static json_t *component_json(const json_t *cells, const char *component)
{
    tally tallies[VARIANTS_MAX];
    const size_t count = count_variants(cells, component, tallies);
    sentence text = {.used = 0};
    const status of = say_component(&text, tallies, count);
    const char *title = treadle_component_title(component);
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name", component, "title",
                     treadle_json_text(title != NULL ? title : component), "words",
                     treadle_json_text(treadle_component_words(component)), "status",
                     status_name(of), "sentence", treadle_json_text(text.text), "variants",
                     variants_json(tallies, count), "not_established",
                     open_checks(cells, component), "backends_not_run",
                     missing_backends(cells, component));
}

/* Where a component belongs; SIZE_MAX when it is there already. */
static size_t place_of(const json_t *components, const char *name)
{
    size_t i;
    const json_t *component;
    size_t place = 0;
    json_array_foreach(components, i, component)
    {
        const char *other = treadle_text_of(component, "name");
        if (strcmp(other, name) == 0) {
            return SIZE_MAX;
        }
        place += treadle_component_rank(other) <= treadle_component_rank(name);
    }
    return place;
}

json_t *treadle_components_json(const json_t *cells)
{
    json_t *components = json_array();
    size_t i;
    const json_t *cell;
    json_array_foreach(cells, i, cell)
    {
        const char *name = treadle_text_of(cell, "component");
        const size_t place = place_of(components, name);
        if (place != SIZE_MAX &&
            json_array_insert_new(components, place, component_json(cells, name)) != 0) {
            json_decref(components);
            return NULL;
        }
    }
    return components;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool any_open(const json_t *components, const char *kind)
{
    size_t i;
    const json_t *component;
    json_array_foreach(components, i, component)
    {
        if (strcmp(treadle_text_of(component, "status"), status_name(STATUS_LIMITS)) != 0) {
            continue;
        }
        size_t j;
        const json_t *open;
        json_array_foreach(json_object_get(component, "not_established"), j, open)
        {
            if (strcmp(treadle_text_of(open, "kind"), kind) == 0) {
                return true;
            }
        }
    }
    return false;
}

static const char *what_is_open(const json_t *components)
{
    const bool limits = any_open(components, "limit");
    const bool sampled = any_open(components, "sampled");
    return !sampled ? "known limits"
           : limits ? "known limits, and checks that were only sampled"
                    : "checks that were only sampled";
}

json_t *treadle_answer_json(const json_t *components, bool interrupted)
{
    size_t counts[STATUS_UNKNOWN + 1] = {0};
    size_t i;
    const json_t *component;
    json_array_foreach(components, i, component)
    {
        for (status s = STATUS_READY; s <= STATUS_UNKNOWN; s++) {
            counts[s] += strcmp(treadle_text_of(component, "status"), status_name(s)) == 0;
        }
    }
    const size_t all = json_array_size(components);
    sentence text = {.used = 0};
    status of = STATUS_READY;
    if (interrupted) {
        of = STATUS_UNKNOWN;
        say(&text, "Not known: the run was interrupted, and this is what was known by then.");
    } else if (counts[STATUS_NOT] > 0) {
        of = STATUS_NOT;
        say(&text, "No: %zu of %zu component%s %s not ready.", counts[of], all, plural(all),
            counts[of] == 1 ? "is" : "are");
    } else if (counts[STATUS_UNKNOWN] > 0 || all == 0) {
        of = STATUS_UNKNOWN;
        say(&text, "Not known: of %zu of %zu component%s too little was established.", counts[of],
            all, plural(all));
    } else if (counts[STATUS_LIMITS] > 0) {
        of = STATUS_LIMITS;
        say(&text,
            "Yes, with limits: every component has a solution to roll out. In %zu of %zu there are "
            "%s, listed below; otherwise it keeps all that was checked, in every interleaving.",
            counts[of], all, what_is_open(components));
    } else {
        say(&text, "Yes: every component has a solution that keeps all that was checked, in every "
                   "interleaving.");
    }
    return json_pack("{s:s, s:o}", "status", status_name(of), "sentence",
                     treadle_json_text(text.text));
}
