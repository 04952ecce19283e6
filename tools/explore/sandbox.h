// SPDX-License-Identifier: MIT
/*
 * A sandbox: a process of its own in which a cell's executions run, so that a subject that crashes,
 * exits or hangs takes nobody along. Started when it is first needed, and again after it died;
 * asked through the journal, one request at a time.
 *
 * The caller owns the sandbox and its journal; the process is ended by treadle_sandbox_close(), and
 * dies with its parent. Not thread-safe.
 */
#ifndef TREADLE_EXPLORE_SANDBOX_H
#define TREADLE_EXPLORE_SANDBOX_H

#include "tools/explore/journal.h"
#include "tools/redis/redis_seam.h"

typedef struct treadle_sandbox treadle_sandbox;

/* `journal->cell` must name an existing scenario. `redis` may be NULL for backends without a
 * server; it and the journal are borrowed. NULL when out of memory. */
treadle_sandbox *treadle_sandbox_open(treadle_journal *journal, const treadle_redis_target *redis);
void treadle_sandbox_close(treadle_sandbox *sandbox);

/* Explores until something is found, the strategy is done, the budget is spent, or `journal->stop`.
 * What was found: journal->decisions. 0, or an errno value when no process could be started. */
int treadle_sandbox_explore(treadle_sandbox *sandbox, const treadle_explore_request *request,
                            treadle_explore_report *report);

typedef struct treadle_replay_request {
    const uint16_t *decisions;
    uint32_t count;
    bool in_order; /* `decisions` are threads, to be run one after another (in_order.c) */
    bool record;   /* leave a trace in the journal */
    bool state;    /* … that tells what a server of ours holds after each step */
    const treadle_schedule *against; /* strict: checked step by step against it; NULL = lenient */
    uint32_t repeat;                 /* 0 and 1: once */
} treadle_replay_request;

/* Runs one schedule. The decisions that were really made: journal->decisions. A death of the
 * process is an outcome like any other. 0, or an errno value. */
int treadle_sandbox_replay(treadle_sandbox *sandbox, const treadle_replay_request *request,
                           treadle_outcome *outcome);

/* Likewise in the calling process, which dies when the subject does: for debuggers. Once a process,
 * and not after another request to this sandbox. */
void treadle_sandbox_replay_here(treadle_sandbox *sandbox, const treadle_replay_request *request,
                                 treadle_outcome *outcome);

#endif
