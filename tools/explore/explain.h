// SPDX-License-Identifier: MIT
/*
 * What a counterexample is compared with, so that a reader sees what is wrong with it: its threads
 * one after another, in every order when there are few, and the run that passes and is nearest.
 *
 * A shrunk schedule fails for each of its decisions: with one of them left out it mostly passes.
 * The last decision that this is true of gives the run that stays the same for longest.
 */
#ifndef TREADLE_EXPLORE_EXPLAIN_H
#define TREADLE_EXPLORE_EXPLAIN_H

#include "tools/explore/sandbox.h"

/* The trace of the counterexample is in the journal, and its decisions are given. Leaves an
 * explanation in the journal, and everything else there as it was; none when something fails. */
void treadle_explain(treadle_sandbox *sandbox, treadle_journal *journal, const uint16_t *decisions,
                     uint32_t count);

#endif
