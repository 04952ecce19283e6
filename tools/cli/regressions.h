// SPDX-License-Identifier: MIT
/*
 * Kept schedules: what once broke, and must go on to break (a naive or proposed variant) or never
 * break again (a solution that was fixed). `treadle check` replays them before it explores.
 *
 * They are in files of a folder, scenarios/regressions/NAME, a line each; empty lines and those
 * that begin with # say nothing:
 *
 *     breaks TOKEN  why it does
 *     passes TOKEN  what was wrong
 *
 * A line is coherent with its scenario's row: what breaks is expected to, what passes is not.
 */
#ifndef TREADLE_CLI_REGRESSIONS_H
#define TREADLE_CLI_REGRESSIONS_H

#include <stdint.h>

#include "tools/cli/cli.h"

typedef struct treadle_regression_counts {
    uint64_t replayed;
    uint64_t lost; /* of them, those that do not do what the line says */
    bool environment;
} treadle_regression_counts;

/* The folder that came with this program: ../share/treadle/regressions beside an installed one,
 * else the source tree's scenarios/regressions. Of a program over other code (tools/own) that
 * project's, or NULL when it keeps none. Static. */
const char *treadle_regressions_folder(void);

/* Replays those of the folder that belong to the selection; a line on standard error tells of each
 * that is lost. Redis schedules run on private servers. TREADLE_EXIT_OK, or another exit status
 * after an error was printed: the folder cannot be read, or a line is none. */
int treadle_regressions_replay(const char *folder, const treadle_selection *selection,
                               treadle_regression_counts *counts);

#endif
