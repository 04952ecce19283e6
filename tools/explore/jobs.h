// SPDX-License-Identifier: MIT
/*
 * Checking many cells on several cores: a few long-lived job processes, each with a journal and,
 * when it is needed, a private redis-server of its own. Results come in the order of the cells,
 * whatever finishes first, and do not depend on the number of jobs; except in what was explored of
 * a cell that was divided (explorer.h) and not explored to its end.
 *
 * The run's directory holds the journals while it lasts: when everything is killed, `treadle replay
 * DIRECTORY/journal-N` still shows what ran last. It is removed at the end.
 */
#ifndef TREADLE_EXPLORE_JOBS_H
#define TREADLE_EXPLORE_JOBS_H

#include <signal.h>

#include "tools/explore/check.h"

typedef struct treadle_jobs_options {
    uint32_t jobs; /* 0 = one a core; more than there are cells: explorers inside of cells */
    const treadle_redis_target *redis; /* NULL: a private server where one is needed */
    treadle_check_options check;
    const volatile sig_atomic_t *interrupted; /* non-zero: stop soon, report what is known */
    /* As soon as a cell is finished, whatever the order; may be NULL. */
    void (*finished)(void *context, const treadle_result *result);
    /* One cell's result, in the order of the cells; the callee owns it from then on. */
    void (*result)(void *context, treadle_result *result);
    /* About ten times a second: how many cells are done, and one that is under way, with the share
     * of its space explored (0 = not known) and its seconds left (below 0 = not known). */
    void (*progress)(void *context, size_t done, const treadle_cell *cell, uint64_t executions,
                     double rate, double share, double seconds_left);
    void *context;
} treadle_jobs_options;

/* 0; or -1 with one line in `error` when nothing could be started. A cell whose job process died is
 * reported as unknown. */
int treadle_jobs_run(const treadle_cell *cells, size_t count, const treadle_jobs_options *options,
                     char *error, size_t error_size);

/* A directory for journals, unique to this run, and its removal with all it holds. */
char *treadle_run_directory_create(char *error, size_t error_size);
void treadle_run_directory_remove(char *path);

#endif
