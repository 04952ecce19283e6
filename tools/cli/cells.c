// SPDX-License-Identifier: MIT
#include "tools/cli/cells.h"

#include <stdio.h>

#include "tools/cli/cli.h"
#include "tools/cli/progress.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL); /* a second one ends at once */
}

static void on_progress(void *context, size_t done, const treadle_cell *cell, uint64_t executions,
                        double rate, double share, double seconds_left)
{
    (void)context;
    char text[256];
    snprintf(text, sizeof text, "%s %s %s %s", cell->scenario, cell->variant,
             treadle_backend_name(cell->backend), treadle_granularity_name(cell->granularity));
    treadle_progress_update(done, text, executions, rate, share, seconds_left);
}

bool treadle_cli_interrupted(void)
{
    return interrupted != 0;
}

int treadle_cli_explore(const treadle_cell *cells, size_t count, const treadle_jobs_options *jobs)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    treadle_jobs_options watched = *jobs;
    watched.interrupted = &interrupted;
    watched.progress = on_progress;
    char error[TREADLE_MESSAGE_MAX];
    treadle_progress_begin(count);
    const int started = treadle_jobs_run(cells, count, &watched, error, sizeof error);
    treadle_progress_end();
    if (started != 0) {
        treadle_cli_error("%s", error);
    }
    return started != 0 ? TREADLE_EXIT_ENVIRONMENT : TREADLE_EXIT_OK;
}
