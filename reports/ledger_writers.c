// SPDX-License-Identifier: MIT
#include "reports/ledger_writer.h"

#include <string.h>

#include "reports/describe.h"

const treadle_ledger_writer *const treadle_ledger_writers[] = {
    &treadle_ledger_text,
    &treadle_ledger_json,
    &treadle_ledger_markdown,
    NULL,
};

const treadle_ledger_writer *treadle_ledger_writer_find(const char *name)
{
    for (size_t i = 0; treadle_ledger_writers[i] != NULL; i++) {
        if (strcmp(treadle_ledger_writers[i]->name, name) == 0) {
            return treadle_ledger_writers[i];
        }
    }
    return NULL;
}

treadle_ledger_counts treadle_ledger_counts_of(const treadle_ledger *ledger)
{
    treadle_ledger_counts counts = {.claims = treadle_ledger_count(ledger)};
    for (size_t i = 0; i < counts.claims; i++) {
        const treadle_finding finding = treadle_ledger_finding(ledger, i);
        counts.rulings[finding.ruling]++;
        const bool shown =
            finding.ruling == TREADLE_RULING_TRUE || finding.ruling == TREADLE_RULING_THREADS_ONLY;
        counts.defects += shown && treadle_claim_is_defect(finding.claim) &&
                          finding.evidence != NULL && finding.evidence->token != NULL;
    }
    return counts;
}

void treadle_ledger_describe(const treadle_finding *finding, char *where, size_t where_size,
                             char *what, size_t what_size)
{
    const treadle_result *evidence = finding->evidence;
    where[0] = '\0';
    what[0] = '\0';
    if (evidence == NULL) {
        return;
    }
    snprintf(where, where_size, "%s %s %s %s", evidence->cell.scenario, evidence->cell.variant,
             treadle_backend_name(evidence->cell.backend),
             treadle_granularity_name(evidence->cell.granularity));
    treadle_describe_detail(evidence, what, what_size);
}
