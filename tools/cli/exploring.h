// SPDX-License-Identifier: MIT
/*
 * What `check` and `report` have in common: which cells, explored how, on which server. Their
 * options are among each command's own, so that completion and manual see them there; its parser
 * passes on what it does not know.
 */
#ifndef TREADLE_CLI_EXPLORING_H
#define TREADLE_CLI_EXPLORING_H

#include <argp.h>

#include "tools/cli/cells.h"
#include "tools/cli/cli.h"

typedef struct treadle_exploring {
    treadle_selection selection;
    treadle_jobs_options jobs;
    const char *redis_url;
    treadle_redis_target target; /* its strings are ours */
} treadle_exploring;

enum treadle_exploring_key {
    TREADLE_KEY_REDIS = 0x100,
    TREADLE_KEY_DEPTH,
    TREADLE_KEY_BOUND,
    TREADLE_KEY_SYMMETRY,
    TREADLE_KEY_RACES,
};

/* clang-format off */
#define TREADLE_EXPLORING_OPTIONS \
    {"variant", 'V', "VARIANT", 0, "only this variant", 0}, \
    {"backend", 'b', "BACKEND", 0, "only this backend: memory or redis", 0}, \
    {"granularity", 'g', "LEVEL", 0, \
     "where threads may be switched: await, sync or memory; default: those of the rows", 0}, \
    {"strategy", 's', "NAME", 0, \
     "auto (default: few preemptions and mixed for what breaks quickly, then dpor for the proof; " \
     "without one, all that 2 preemptions can do, then mixed), random, pct, mixed (the two in " \
     "turns), pos, surw, preemptions, delays, dfs or dpor", \
     0}, \
    {"seed", 'S', "N", 0, "of the strategy's random numbers; default 1", 0}, \
    {"executions", 'n', "N", 0, "at most so many executions a cell", 0}, \
    {"time", 't', "SECONDS", 0, \
     "at most so long a cell; default 10, with races 20, 240 where a proof is expected, when " \
     "nothing else limits it", \
     0}, \
    {"jobs", 'j', "N", 0, \
     "cells at a time, and processes that divide a cell where there are more; default: one a core", \
     0}, \
    {"set", 'p', "NAME=VALUE,…", 0, "parameters of the scenarios, like threads=4", 0}, \
    {"bound", TREADLE_KEY_BOUND, "N", 0, \
     "at most so many preemptions or delays; default 2 for auto, for the strategies no limit", 0}, \
    {"pct-depth", TREADLE_KEY_DEPTH, "D", 0, "depth of the bugs that pct looks for; default 3", 0}, \
    {"symmetry", TREADLE_KEY_SYMMETRY, "WHEN", 0, \
     "of executions that differ in the numbers of interchangeable threads one is enough, for dpor: " \
     "auto (default) unless a strategy is named, on or off", \
     0}, \
    {"races", TREADLE_KEY_RACES, "WHERE", 0, \
     "data races are violations: auto (default) in the variants fixed and lockfree and where a row " \
     "expects one, on in all, off, or only (in all, and nothing else is looked for)", \
     0}, \
    {"redis", TREADLE_KEY_REDIS, "URL", 0, \
     "a running server instead of a private one; only keys under a unique prefix are used", 0}
/* clang-format on */

/* For a parser's keys that are not its own. */
error_t treadle_exploring_parse(treadle_exploring *exploring, int key, char *value,
                                const struct argp_state *state);

/* After the options were read: checks them, and selects the cells, to be freed. On a server that
 * was given, cells that need one of ours are left out, which is said. 0, or an exit status after an
 * error was printed. */
int treadle_exploring_prepare(treadle_exploring *exploring, treadle_cell **cells, size_t *count);
void treadle_exploring_release(treadle_exploring *exploring);

#endif
