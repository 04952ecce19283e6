// SPDX-License-Identifier: MIT
/*
 * The consistency report: what a team reads before a roll-out, and an engineer at night.
 *
 * The report is one tree of JSON values, described by reports/schema/consistency-1.schema.json.
 * report.json is that tree; the page (consistency_page.h), the comparison with an older report
 * (compare.h) and the gate (gate.h) read nothing else.
 *
 * open, any number of results, finish; or close. The tree is the caller's. Not thread-safe.
 */
#ifndef TREADLE_REPORTS_CONSISTENCY_H
#define TREADLE_REPORTS_CONSISTENCY_H

#include <jansson.h>

#include "reports/writer.h"
#include "tools/explore/ledger.h"

#define TREADLE_CONSISTENCY_SCHEMA "treadle-consistency-1"

typedef struct treadle_consistency_options {
    treadle_symbolizer *symbolize;      /* code addresses; NULL = no source places */
    treadle_symbolizer *symbolize_data; /* addresses of global variables; NULL = none */
    const char *source_directory;       /* for the lines of places; NULL = none */
} treadle_consistency_options;

/* How the run can be repeated. Strings are borrowed; NULL = not known. */
typedef struct treadle_reproduction {
    const char *version;
    const char *flags;   /* of the compiler */
    const char *command; /* as typed */
    const char *stress;  /* the file that real threads' numbers came from */
    char started[32];    /* UTC, "2026-01-31T12:00:00Z" */
    uint64_t seed;
    uint32_t jobs;
    double elapsed_s; /* of the checking */
    bool interrupted;
} treadle_reproduction;

/* What was asked for; NULL = all. */
typedef struct treadle_scope {
    const char *glob;
    const char *variant;
    const char *backend;
    const char *granularity;
    const char *set;
} treadle_scope;

typedef struct treadle_consistency treadle_consistency;

/* NULL when out of memory. */
treadle_consistency *treadle_consistency_open(const treadle_consistency_options *options);
void treadle_consistency_close(treadle_consistency *report);

/* 0, or ENOMEM. The result is not kept. */
int treadle_consistency_result(treadle_consistency *report, const treadle_result *result);

/*
 * The whole tree, a new reference; NULL when out of memory. The ledger holds the claims that the
 * same results decide; NULL: they are not decided here, and `no_claims` says why. `stress` is what
 * `treadle_stress --format json` printed, an array of its lines; NULL = not given.
 */
json_t *treadle_consistency_finish(treadle_consistency *report, const treadle_ledger *ledger,
                                   const char *no_claims, const json_t *stress,
                                   const treadle_scope *scope,
                                   const treadle_reproduction *reproduction);

#endif
