// SPDX-License-Identifier: MIT
#include "tools/explore/ledger.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct treadle_ledger {
    const treadle_claim **claims;
    size_t claim_count;
    treadle_cell *cells;
    size_t cell_count;
    size_t cell_room;
    treadle_result *results; /* in any order */
    size_t result_count;
};

const char *treadle_ruling_name(treadle_ruling ruling)
{
    static const char *const names[TREADLE_RULING_COUNT] = {
        [TREADLE_RULING_UNDECIDED] = "undecided",
        [TREADLE_RULING_TRUE] = "true",
        [TREADLE_RULING_FALSE] = "false",
        [TREADLE_RULING_THREADS_ONLY] = "true only for threads",
        [TREADLE_RULING_ASYNCIO_ONLY] = "true only for asyncio",
        [TREADLE_RULING_NOT_REFUTED] = "not refuted within the budget",
    };
    return names[ruling];
}

/* ---- which cells ----------------------------------------------------------------------------- */

static bool same_cell(const treadle_cell *a, const treadle_cell *b)
{
    return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->variant, b->variant) == 0 &&
           a->backend == b->backend && a->granularity == b->granularity;
}

static bool add_cell(treadle_ledger *ledger, const treadle_claim *claim,
                     const treadle_scenario *scenario, treadle_granularity granularity)
{
    treadle_cell cell = {.backend = claim->backend, .granularity = granularity};
    snprintf(cell.scenario, sizeof cell.scenario, "%s", claim->scenario);
    snprintf(cell.variant, sizeof cell.variant, "%s", claim->variant);
    for (const treadle_parameter *p = scenario->parameters; p->name != NULL; p++) {
        cell.parameters[cell.parameter_count++] = p->fallback;
    }
    for (size_t i = 0; i < ledger->cell_count; i++) {
        if (same_cell(&ledger->cells[i], &cell)) {
            return true;
        }
    }
    if (ledger->cell_count == ledger->cell_room) {
        const size_t room = ledger->cell_room * 2 + 64;
        treadle_cell *grown = reallocarray(ledger->cells, room, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        ledger->cells = grown;
        ledger->cell_room = room;
    }
    ledger->cells[ledger->cell_count++] = cell;
    return true;
}

/* The claim's own rows; and in memory, what a single event loop can do. */
static bool add_cells(treadle_ledger *ledger, const treadle_claim *claim)
{
    const treadle_scenario *scenario = treadle_scenario_find(claim->scenario);
    bool added = scenario != NULL;
    if (added && claim->backend == TREADLE_BACKEND_MEMORY) {
        added = add_cell(ledger, claim, scenario, TREADLE_GRANULARITY_AWAIT);
    }
    for (const treadle_expectation *e = added ? scenario->expectations : NULL;
         added && e->variant != NULL; e++) {
        if (strcmp(e->variant, claim->variant) == 0 && e->backend == claim->backend) {
            added = add_cell(ledger, claim, scenario, e->granularity);
        }
    }
    return added;
}

treadle_ledger *treadle_ledger_open(const char *glob)
{
    treadle_ledger *ledger = calloc(1, sizeof *ledger);
    const treadle_claim **claims = calloc(treadle_claim_count, sizeof(const void *));
    if (ledger == NULL || claims == NULL) {
        free(ledger);
        free(claims);
        return NULL;
    }
    ledger->claims = claims;
    for (size_t i = 0; i < treadle_claim_count; i++) {
        const treadle_claim *claim = &treadle_claims[i];
        if (glob != NULL && fnmatch(glob, claim->scenario, FNM_EXTMATCH) != 0) {
            continue;
        }
        ledger->claims[ledger->claim_count++] = claim;
        if (!add_cells(ledger, claim)) {
            treadle_ledger_close(ledger);
            return NULL;
        }
    }
    ledger->results = calloc(ledger->cell_count + 1, sizeof *ledger->results);
    if (ledger->results == NULL) {
        treadle_ledger_close(ledger);
        return NULL;
    }
    return ledger;
}

void treadle_ledger_close(treadle_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    for (size_t i = 0; i < ledger->result_count; i++) {
        treadle_result_free(&ledger->results[i]);
    }
    free(ledger->results);
    free(ledger->cells);
    free(ledger->claims);
    free(ledger);
}

const treadle_cell *treadle_ledger_cells(const treadle_ledger *ledger, size_t *count)
{
    *count = ledger->cell_count;
    return ledger->cells;
}

int treadle_ledger_note(treadle_ledger *ledger, treadle_result *result)
{
    if (ledger->result_count == ledger->cell_count) {
        treadle_result_free(result);
        return ENOMEM;
    }
    ledger->results[ledger->result_count++] = *result;
    return 0;
}

/* ---- ruling ---------------------------------------------------------------------------------- */

/* What the results say of a claim's variant: whether it breaks under one event loop, whether it
 * does at all, and whether the opposite was established. */
typedef struct showing {
    const treadle_result *loop;      /* violated as claimed at await */
    const treadle_result *threads;   /* violated as claimed at anything finer; the coarsest */
    const treadle_result *loop_safe; /* explored at await without it */
    const treadle_result *safe;      /* explored without it; the finest */
    bool missing;                    /* at some granularity nothing is known of it */
} showing;

static bool breaks_as_claimed(const treadle_claim *claim, const treadle_result *result)
{
    return result->verdict == TREADLE_VERDICT_VIOLATED &&
           (claim->property == NULL || strcmp(claim->property, result->outcome.property) == 0);
}

static bool is_about(const treadle_claim *claim, const treadle_cell *cell)
{
    return strcmp(cell->scenario, claim->scenario) == 0 &&
           strcmp(cell->variant, claim->variant) == 0 && cell->backend == claim->backend;
}

static showing look(const treadle_ledger *ledger, const treadle_claim *claim)
{
    showing seen = {0};
    size_t explored = 0;
    for (size_t i = 0; i < ledger->result_count; i++) {
        const treadle_result *result = &ledger->results[i];
        if (!is_about(claim, &result->cell)) {
            continue;
        }
        explored++;
        const bool at_await = result->cell.granularity == TREADLE_GRANULARITY_AWAIT;
        if (breaks_as_claimed(claim, result)) {
            const treadle_result **slot = at_await ? &seen.loop : &seen.threads;
            if (*slot == NULL || result->cell.granularity < (*slot)->cell.granularity) {
                *slot = result;
            }
        } else if (result->verdict == TREADLE_VERDICT_UNKNOWN) {
            seen.missing = true;
        } else if (result->verdict == TREADLE_VERDICT_VIOLATED) {
            /* What breaks something else says nothing of this. At memory granularity that is mostly
             * a torn access; a ruling says at which granularity it holds. */
            seen.missing |= result->cell.granularity < TREADLE_GRANULARITY_MEMORY;
        } else {
            seen.loop_safe = at_await ? result : seen.loop_safe;
            if (seen.safe == NULL || result->cell.granularity > seen.safe->cell.granularity) {
                seen.safe = result;
            }
        }
    }
    size_t wanted = 0;
    for (size_t i = 0; i < ledger->cell_count; i++) {
        wanted += is_about(claim, &ledger->cells[i]);
    }
    seen.missing |= explored < wanted; /* it was interrupted */
    return seen;
}

/* What was explored to the end speaks for everything. */
static bool exhausted(const treadle_result *result)
{
    return result != NULL && result->verdict == TREADLE_VERDICT_HOLDS;
}

static treadle_finding rule_breaks(const treadle_claim *claim, const showing *seen)
{
    treadle_finding finding = {.claim = claim};
    if (seen->loop != NULL) {
        finding.ruling = TREADLE_RULING_TRUE;
        finding.evidence = seen->loop;
    } else if (seen->threads != NULL) {
        finding.ruling =
            exhausted(seen->loop_safe) ? TREADLE_RULING_THREADS_ONLY : TREADLE_RULING_UNDECIDED;
        finding.evidence = seen->threads;
    } else {
        const treadle_result *safe = seen->safe;
        finding.ruling =
            exhausted(safe) && !seen->missing ? TREADLE_RULING_FALSE : TREADLE_RULING_UNDECIDED;
        finding.evidence = safe;
    }
    return finding;
}

static treadle_finding rule_holds(const treadle_claim *claim, const showing *seen)
{
    treadle_finding finding = {.claim = claim};
    if (seen->loop != NULL) {
        finding.ruling = TREADLE_RULING_FALSE;
        finding.evidence = seen->loop;
    } else if (seen->threads != NULL) {
        finding.ruling =
            exhausted(seen->loop_safe) ? TREADLE_RULING_ASYNCIO_ONLY : TREADLE_RULING_UNDECIDED;
        finding.evidence = seen->threads;
    } else {
        const treadle_result *safe = seen->safe;
        finding.evidence = safe;
        if (safe != NULL && !seen->missing) {
            finding.ruling = exhausted(safe) ? TREADLE_RULING_TRUE : TREADLE_RULING_NOT_REFUTED;
        }
    }
    return finding;
}

size_t treadle_ledger_count(const treadle_ledger *ledger)
{
    return ledger->claim_count;
}

treadle_finding treadle_ledger_finding(const treadle_ledger *ledger, size_t index)
{
    const treadle_claim *claim = ledger->claims[index];
    const showing seen = look(ledger, claim);
    return claim->sense == TREADLE_CLAIM_BREAKS ? rule_breaks(claim, &seen)
                                                : rule_holds(claim, &seen);
}
