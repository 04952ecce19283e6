// SPDX-License-Identifier: MIT
/*
 * What `check` and `report` have in common: which cells, explored how, on which server. An argp
 * child: give treadle_exploring_argp as one, and a treadle_exploring as its input.
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

extern const struct argp treadle_exploring_argp;

/* After the options were read: checks them, and selects the cells, to be freed. On a server that
 * was given, cells that need one of ours are left out, which is said. 0, or an exit status after an
 * error was printed. */
int treadle_exploring_prepare(treadle_exploring *exploring, treadle_cell **cells, size_t *count);
void treadle_exploring_release(treadle_exploring *exploring);

#endif
