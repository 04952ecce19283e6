// SPDX-License-Identifier: MIT
/* Stands in for scenarios/registry.c and its tables: the scenarios that TREADLE_SCENARIO() put into
 * a section of their own, by name. The linker says where that begins and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/claims.h"
#include "scenarios/racy.h"
#include "tools/cli/cli.h"
#include "tools/own/treadle.h"

enum { SCENARIOS_MAX = 256 };

extern const treadle_scenario *const __start_treadle_scenario_table[] __attribute__((weak));
extern const treadle_scenario *const __stop_treadle_scenario_table[] __attribute__((weak));

static const treadle_scenario *all[SCENARIOS_MAX];
static size_t count;

static int by_name(const void *one, const void *other)
{
    const treadle_scenario *const *a = one;
    const treadle_scenario *const *b = other;
    return strcmp((*a)->name, (*b)->name);
}

static bool fits(const char *name, size_t room)
{
    return name == NULL || strlen(name) < room;
}

/* What a scenario lacks; NULL when nothing. */
static const char *missing_in(const treadle_scenario *scenario)
{
    const treadle_parameter *first = scenario->parameters;
    if (strchr(scenario->name, '/') == NULL) {
        return "a name like \"component/scenario\"";
    }
    if (!fits(scenario->name, TREADLE_NAME_MAX)) {
        return "a shorter name";
    }
    if (first == NULL || first->name == NULL || strcmp(first->name, "threads") != 0) {
        return ".parameters that begin with \"threads\"";
    }
    size_t parameters = 0;
    for (; first[parameters].name != NULL; parameters++) {
        const treadle_parameter *at = &first[parameters];
        if (at->fallback < at->min || at->fallback > at->max) {
            return "defaults within the bounds of its parameters";
        }
    }
    if (parameters > TREADLE_PARAMETERS_MAX) {
        return "fewer parameters";
    }
    if (scenario->expectations == NULL || scenario->expectations->variant == NULL) {
        return ".expectations";
    }
    for (const treadle_expectation *row = scenario->expectations; row->variant != NULL; row++) {
        if (!fits(row->variant, TREADLE_NAME_MAX) || !fits(row->property, TREADLE_PROPERTY_MAX)) {
            return "shorter names of variants or properties";
        }
    }
    if (scenario->setup == NULL || scenario->thread == NULL || scenario->check == NULL) {
        return ".setup, .thread and .check";
    }
    return scenario->summary == NULL ? ".summary" : NULL;
}

static _Noreturn void refuse(const char *name, const char *why, const char *what)
{
    fprintf(stderr, "treadle: the scenario \"%s\" %s%s\n", name, why, what);
    exit(TREADLE_EXIT_USAGE);
}

__attribute__((constructor)) static void gather(void)
{
    const treadle_scenario *const *next = __start_treadle_scenario_table;
    for (; next != __stop_treadle_scenario_table; next++) {
        const char *name = (*next)->name != NULL ? (*next)->name : "";
        const char *missing = (*next)->name != NULL ? missing_in(*next) : "a .name";
        if (missing != NULL) {
            refuse(name, "needs ", missing);
        }
        if (count == SCENARIOS_MAX) {
            refuse(name, "is one more than there is room for", "");
        }
        all[count++] = *next;
    }
    qsort(all, count, sizeof(void *), by_name);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(all[i - 1]->name, all[i]->name) == 0) {
            refuse(all[i]->name, "is there twice", "");
        }
    }
}

const treadle_scenario *const *treadle_scenarios(void)
{
    return all;
}

size_t treadle_scenario_count(void)
{
    return count;
}

/* Nobody claims anything, and every race is unexpected. */
const treadle_claim treadle_claims[] = {{0}};
const size_t treadle_claim_count = 0;

bool treadle_claim_is_defect(const treadle_claim *claim)
{
    (void)claim;
    return false;
}

bool treadle_scenario_is_racy(const char *scenario, const char *variant,
                              treadle_granularity granularity)
{
    (void)scenario;
    (void)variant;
    (void)granularity;
    return false;
}
