// SPDX-License-Identifier: MIT
/* The claims ledger for a terminal: a paragraph a claim, and what it all comes to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/describe.h"
#include "reports/ledger_writer.h"
#include "reports/utf8.h"

static int print_escaped(FILE *out, const char *before, const char *text)
{
    char *escaped = treadle_utf8_escape(text, strlen(text));
    if (escaped == NULL) {
        return ENOMEM;
    }
    fprintf(out, "%s%s\n", before, escaped);
    free(escaped);
    return 0;
}

static int write_finding(FILE *out, const treadle_finding *finding)
{
    char where[256];
    char what[TREADLE_DETAIL_MAX];
    treadle_ledger_describe(finding, where, sizeof where, what, sizeof what);
    fprintf(out, "%-14s %s: %s\n", finding->claim->id, finding->claim->source,
            finding->claim->text);
    fprintf(out, "    %s\n", treadle_ruling_name(finding->ruling));
    int error = 0;
    if (finding->evidence != NULL) {
        fprintf(out, "    %s\n", where);
        error = print_escaped(out, "    ", what);
    }
    if (!error && finding->evidence != NULL && finding->evidence->token != NULL) {
        error = print_escaped(out, "    treadle replay ", finding->evidence->token);
    }
    fputc('\n', out);
    return error;
}

static int write_ledger(const treadle_ledger *ledger, FILE *out)
{
    int error = 0;
    for (size_t i = 0; i < treadle_ledger_count(ledger) && !error; i++) {
        const treadle_finding finding = treadle_ledger_finding(ledger, i);
        error = write_finding(out, &finding);
    }
    const treadle_ledger_counts counts = treadle_ledger_counts_of(ledger);
    fprintf(out, "%zu claim%s", counts.claims, counts.claims == 1 ? "" : "s");
    const char *separator = ": ";
    static const treadle_ruling order[] = {TREADLE_RULING_TRUE,         TREADLE_RULING_FALSE,
                                           TREADLE_RULING_THREADS_ONLY, TREADLE_RULING_ASYNCIO_ONLY,
                                           TREADLE_RULING_NOT_REFUTED,  TREADLE_RULING_UNDECIDED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (counts.rulings[order[i]] > 0) {
            fprintf(out, "%s%zu %s", separator, counts.rulings[order[i]],
                    treadle_ruling_name(order[i]));
            separator = ", ";
        }
    }
    fprintf(out, "\n%zu defect%s of the proposed solutions, each with a token\n", counts.defects,
            counts.defects == 1 ? "" : "s");
    return error ? error : treadle_flush(out);
}

const treadle_ledger_writer treadle_ledger_text = {.name = "text", .write = write_ledger};
