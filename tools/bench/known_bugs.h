// SPDX-License-Identifier: MIT
/* How many executions different ways of searching need to find bugs of known depth
 * (scenarios/litmus/depth.c): the mean over seeds 1 … TREADLE_HUNT_SEEDS. A search that finds
 * nothing within its budget is counted as the whole budget, and such a mean is marked as a lower
 * bound. */
#ifndef TREADLE_BENCH_KNOWN_BUGS_H
#define TREADLE_BENCH_KNOWN_BUGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cli/session.h"

enum { TREADLE_HUNT_SEEDS = 20, TREADLE_HUNT_WAYS_MAX = 8 };

/* Its depth is known by construction. */
typedef struct treadle_known_bug {
    const char *scenario; /* of litmus/ */
    const char *set;      /* its parameters */
    uint32_t depth;
} treadle_known_bug;

/* The execution, from 1, in which a way found the bug; 0 = in none of the budget's. False when it
 * could not search. */
typedef bool treadle_hunter(treadle_session *session, const treadle_known_bug *bug, uint32_t way,
                            uint64_t seed, uint64_t budget, uint64_t *first);

typedef struct treadle_way {
    const char *name;    /* in JSON */
    const char *heading; /* in the table */
} treadle_way;

typedef struct treadle_hunt {
    const char *title;   /* of the table, before "mean executions …"; "" = none */
    const char *family;  /* that the names in JSON begin with */
    const char *peer_is; /* words for the way that others are compared with, … */
    uint32_t peer;       /* … which is this one */
    const treadle_known_bug *bugs;
    size_t bug_count;
    const treadle_way *ways;
    uint32_t way_count;
    treadle_hunter *search;
} treadle_hunt;

/* Prints a table, or with `json` an object a line. `scale` is percent of the usual budget. False
 * after an error was printed. */
bool treadle_hunt_run(const treadle_hunt *hunt, bool json, uint64_t scale);

#endif
