// SPDX-License-Identifier: MIT
/* Rulings from results that are made up: what each half of a claim needs. That exploring comes to
 * the rulings of the committed ledger is tested through the command. */
#include "tools/explore/ledger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The first claim of this sense whose cells are one at await and one at sync, in memory. */
static size_t some_claim(const treadle_ledger *ledger, treadle_claim_sense sense)
{
    size_t count;
    const treadle_cell *cells = treadle_ledger_cells(ledger, &count);
    for (size_t i = 0; i < treadle_ledger_count(ledger); i++) {
        const treadle_claim *claim = treadle_ledger_finding(ledger, i).claim;
        unsigned granularities = 0;
        for (size_t c = 0; c < count; c++) {
            if (strcmp(cells[c].scenario, claim->scenario) == 0 &&
                strcmp(cells[c].variant, claim->variant) == 0 &&
                cells[c].backend == claim->backend) {
                granularities |= 1u << cells[c].granularity;
            }
        }
        if (claim->sense == sense && claim->backend == TREADLE_BACKEND_MEMORY &&
            granularities == (1u << TREADLE_GRANULARITY_AWAIT | 1u << TREADLE_GRANULARITY_SYNC)) {
            return i;
        }
    }
    cr_assert_fail("there is no such claim");
    return 0;
}

static void note(treadle_ledger *ledger, const treadle_claim *claim,
                 treadle_granularity granularity, treadle_verdict verdict)
{
    treadle_result result = {.cell = {.backend = claim->backend, .granularity = granularity},
                             .verdict = verdict};
    snprintf(result.cell.scenario, sizeof result.cell.scenario, "%s", claim->scenario);
    snprintf(result.cell.variant, sizeof result.cell.variant, "%s", claim->variant);
    if (verdict == TREADLE_VERDICT_VIOLATED) {
        snprintf(result.outcome.property, sizeof result.outcome.property, "%s",
                 claim->property != NULL ? claim->property : "any");
    }
    cr_assert_eq(treadle_ledger_note(ledger, &result), 0);
}

/* The ruling on such a claim when that came of its cells; NONE: not explored. */
static treadle_ruling ruling(treadle_claim_sense sense, treadle_verdict at_await,
                             treadle_verdict at_sync)
{
    treadle_ledger *ledger = treadle_ledger_open(NULL);
    cr_assert_not_null(ledger);
    const size_t index = some_claim(ledger, sense);
    const treadle_claim *claim = treadle_ledger_finding(ledger, index).claim;
    if (at_await != TREADLE_VERDICT_NONE) {
        note(ledger, claim, TREADLE_GRANULARITY_AWAIT, at_await);
    }
    if (at_sync != TREADLE_VERDICT_NONE) {
        note(ledger, claim, TREADLE_GRANULARITY_SYNC, at_sync);
    }
    const treadle_ruling found = treadle_ledger_finding(ledger, index).ruling;
    treadle_ledger_close(ledger);
    return found;
}

#define EXPECT(sense, at_await, at_sync, expected)                                            \
    cr_expect_eq(                                                                             \
        ruling(TREADLE_CLAIM_##sense, TREADLE_VERDICT_##at_await, TREADLE_VERDICT_##at_sync), \
        TREADLE_RULING_##expected, #sense " with " #at_await ", " #at_sync)

Test(ledger, one_event_loop_and_threads_are_told_apart)
{
    EXPECT(BREAKS, VIOLATED, VIOLATED, TRUE);
    EXPECT(BREAKS, HOLDS, VIOLATED, THREADS_ONLY);
    EXPECT(BREAKS, HOLDS, HOLDS, FALSE);
    EXPECT(HOLDS, HOLDS, HOLDS, TRUE);
    EXPECT(HOLDS, HOLDS, NO_VIOLATION_FOUND, NOT_REFUTED);
    EXPECT(HOLDS, HOLDS, VIOLATED, ASYNCIO_ONLY);
    EXPECT(HOLDS, VIOLATED, VIOLATED, FALSE);
}

/* That threads break it is half of "only threads do"; that one granularity is safe is half of
 * "nothing does". */
Test(ledger, half_a_claim_is_no_ruling)
{
    EXPECT(BREAKS, UNKNOWN, VIOLATED, UNDECIDED);
    EXPECT(BREAKS, NO_VIOLATION_FOUND, VIOLATED, UNDECIDED);
    EXPECT(BREAKS, NONE, VIOLATED, UNDECIDED);
    EXPECT(BREAKS, UNKNOWN, HOLDS, UNDECIDED);
    EXPECT(BREAKS, HOLDS, UNKNOWN, UNDECIDED);
    EXPECT(BREAKS, HOLDS, NONE, UNDECIDED);
    EXPECT(HOLDS, UNKNOWN, VIOLATED, UNDECIDED);
    EXPECT(HOLDS, NO_VIOLATION_FOUND, VIOLATED, UNDECIDED);
    EXPECT(HOLDS, NONE, VIOLATED, UNDECIDED);
    EXPECT(HOLDS, UNKNOWN, HOLDS, UNDECIDED);
    EXPECT(HOLDS, HOLDS, UNKNOWN, UNDECIDED);
    EXPECT(HOLDS, HOLDS, NONE, UNDECIDED);
}
