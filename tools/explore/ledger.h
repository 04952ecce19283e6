// SPDX-License-Identifier: MIT
/*
 * The claims ledger: which claims (scenarios/claims.h) are true, by exploring the cells that decide
 * them.
 *
 * In this process only threads and tasks of one event loop differ: what breaks at `await` breaks
 * under asyncio already, what breaks only at `sync` or `memory` needs threads. A claim that a
 * variant breaks is thus true, true only for threads, or false; a claim that it holds likewise. It
 * is false, or true for one of the two, only when what says so was explored to the end, at the
 * granularity that its evidence names; else it is undecided.
 *
 * A ledger owns the results it was given. Not thread-safe.
 */
#ifndef TREADLE_EXPLORE_LEDGER_H
#define TREADLE_EXPLORE_LEDGER_H

#include "scenarios/claims.h"
#include "tools/explore/cell.h"

typedef enum treadle_ruling {
    TREADLE_RULING_UNDECIDED, /* a budget ran out before it was found or refuted */
    TREADLE_RULING_TRUE,
    TREADLE_RULING_FALSE,
    TREADLE_RULING_THREADS_ONLY, /* true under threads, false under asyncio */
    TREADLE_RULING_ASYNCIO_ONLY, /* true under asyncio, false under threads */
    TREADLE_RULING_NOT_REFUTED,  /* said to hold; no violation found within the budget */
    TREADLE_RULING_COUNT
} treadle_ruling;

/* "true", "true only for threads", … */
const char *treadle_ruling_name(treadle_ruling ruling);

typedef struct treadle_ledger treadle_ledger;

/* The claims of the components that match, NULL for all. NULL when out of memory. */
treadle_ledger *treadle_ledger_open(const char *glob);
void treadle_ledger_close(treadle_ledger *ledger);

/* The cells to explore, each once; owned by the ledger. */
const treadle_cell *treadle_ledger_cells(const treadle_ledger *ledger, size_t *count);

/* Takes over the result of one of them. 0, or ENOMEM (the result is freed then). */
int treadle_ledger_note(treadle_ledger *ledger, treadle_result *result);

typedef struct treadle_finding {
    const treadle_claim *claim;
    treadle_ruling ruling;
    const treadle_result *evidence; /* the counterexample, else what was established; may be NULL */
} treadle_finding;

/* How many claims there are, and what came of one. */
size_t treadle_ledger_count(const treadle_ledger *ledger);
treadle_finding treadle_ledger_finding(const treadle_ledger *ledger, size_t index);

#endif
