// SPDX-License-Identifier: MIT
#include "tools/cli/cells.h"

#include <stdio.h>

#include "tools/cli/cli.h"
#include "tools/cli/places.h"
#include "tools/cli/progress.h"

static volatile sig_atomic_t interrupted;
static atomic_bool *_Atomic to_stop; /* NULL = nothing */

static void on_interrupt(int number)
{
    interrupted = 1;
    atomic_bool *stop = atomic_load(&to_stop);
    if (stop != NULL) {
        atomic_store(stop, true);
    }
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

/* Results as they come from other processes name places by their addresses. */
static const treadle_jobs_options *receiver;

static void on_finished(void *context, const treadle_result *result)
{
    treadle_result readable = *result; /* borrows what it points to */
    treadle_places_resolve(readable.outcome.message, sizeof readable.outcome.message);
    receiver->finished(context, &readable);
}

static void on_result(void *context, treadle_result *result)
{
    treadle_places_resolve(result->outcome.message, sizeof result->outcome.message);
    receiver->result(context, result);
}

void treadle_cli_catch_interrupts(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void treadle_cli_stop_when_interrupted(atomic_bool *stop)
{
    atomic_store(&to_stop, stop);
    if (stop != NULL && interrupted) {
        atomic_store(stop, true);
    }
}

bool treadle_cli_interrupted(void)
{
    return interrupted != 0;
}

int treadle_cli_explore(const treadle_cell *cells, size_t count, const treadle_jobs_options *jobs)
{
    if (!interrupted) {
        treadle_cli_catch_interrupts();
    }
    treadle_jobs_options watched = *jobs;
    watched.interrupted = &interrupted;
    watched.progress = on_progress;
    receiver = jobs;
    watched.finished = jobs->finished != NULL ? on_finished : NULL;
    watched.result = on_result;
    char error[TREADLE_MESSAGE_MAX];
    treadle_progress_begin(count);
    const int started = treadle_jobs_run(cells, count, &watched, error, sizeof error);
    treadle_progress_end();
    if (started != 0) {
        treadle_cli_error("%s", error);
    }
    return started != 0 ? TREADLE_EXIT_ENVIRONMENT : TREADLE_EXIT_OK;
}
