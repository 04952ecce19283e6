// SPDX-License-Identifier: MIT
/*
 * Writers of the claims ledger: one format a file, one line in the registry (ledger_writers.c).
 * They see the ledger's findings only.
 */
#ifndef TREADLE_REPORTS_LEDGER_WRITER_H
#define TREADLE_REPORTS_LEDGER_WRITER_H

#include <stdio.h>

#include "tools/explore/ledger.h"

/* What the ledger comes to. */
typedef struct treadle_ledger_counts {
    size_t claims;
    size_t rulings[TREADLE_RULING_COUNT];
    size_t defects; /* of proposed solutions, each with a token */
} treadle_ledger_counts;

treadle_ledger_counts treadle_ledger_counts_of(const treadle_ledger *ledger);

typedef struct treadle_ledger_writer {
    const char *name; /* as in --format */
    /* 0, or an errno value when it could not be written. */
    int (*write)(const treadle_ledger *ledger, FILE *out);
} treadle_ledger_writer;

extern const treadle_ledger_writer treadle_ledger_text;
extern const treadle_ledger_writer treadle_ledger_json;
extern const treadle_ledger_writer treadle_ledger_markdown;

/* Ends with NULL. */
extern const treadle_ledger_writer *const treadle_ledger_writers[];
/* NULL for an unknown name. */
const treadle_ledger_writer *treadle_ledger_writer_find(const char *name);

/* Where the evidence was found, "scenario variant backend granularity", and what it says: the
 * violation, or the bounds of what was explored. "" without evidence. */
void treadle_ledger_describe(const treadle_finding *finding, char *where, size_t where_size,
                             char *what, size_t what_size);

#endif
