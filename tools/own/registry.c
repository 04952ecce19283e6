// SPDX-License-Identifier: MIT
/* Stands in for scenarios/registry.c and its tables: the scenarios that TREADLE_SCENARIO() put into
 * a section of their own, by name. The linker says where that begins and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/claims.h"
#include "scenarios/racy.h"
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

__attribute__((constructor)) static void gather(void)
{
    const treadle_scenario *const *next = __start_treadle_scenario_table;
    for (; next != __stop_treadle_scenario_table; next++) {
        if (count == SCENARIOS_MAX) {
            fprintf(stderr, "treadle: more than %d scenarios\n", SCENARIOS_MAX);
            exit(3);
        }
        all[count++] = *next;
    }
    qsort(all, count, sizeof all[0], by_name);
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
