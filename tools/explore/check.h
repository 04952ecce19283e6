// SPDX-License-Identifier: MIT
/*
 * Checking one cell: explore, judge, and turn what was found into a counterexample: shrunk, run
 * once more with a trace, as a token.
 */
#ifndef TREADLE_EXPLORE_CHECK_H
#define TREADLE_EXPLORE_CHECK_H

#include "tools/explore/sandbox.h"

/* Whether executions that differ in the numbers of interchangeable threads are explored once. */
typedef enum treadle_symmetry {
    TREADLE_SYMMETRY_AUTO, /* unless a strategy is named, whose traces may be wanted counted */
    TREADLE_SYMMETRY_ON,
    TREADLE_SYMMETRY_OFF,
} treadle_symmetry;

/* "auto", "on", "off"; false for an unknown name. */
bool treadle_symmetry_parse(const char *name, treadle_symmetry *out);

typedef struct treadle_check_options {
    const char *strategy; /* or "auto", which NULL means: search.h */
    uint64_t seed;
    uint32_t pct_depth;
    uint32_t bound_limit;    /* of preemptions or delays, plus one; 0 = none */
    uint64_t executions_max; /* 0: by backend and strategy, see check.c */
    double time_s_max;       /* 0: 10 s, 20 s where races are looked for */
    uint32_t explorers;      /* processes for a cell, where its space can be divided; 0 = 1 */
    treadle_race_mode races;
    treadle_symmetry symmetry;
    bool find_coarsest; /* a violation is also looked for at coarser granularities */
    bool explain;       /* a violation is compared with runs that pass: explain.h */
} treadle_check_options;

/* Checks journal->cell. Writes the result into journal->result, and its token and trace beside it
 * (see journal.h). Never fails: what goes wrong is a verdict. */
void treadle_check_cell(treadle_journal *journal, const treadle_redis_target *redis,
                        const treadle_check_options *options);

/* Copies what treadle_check_cell() left into a result of its own. 0, or ENOMEM. */
int treadle_result_take(const treadle_journal *journal, treadle_result *out);

/* The schedule of the execution that was just replayed with `record`, with checks: what a token is
 * made of. Frees nothing of `out` first. 0, or ENOMEM. */
int treadle_schedule_take(const treadle_journal *journal, treadle_schedule *out);

#endif
