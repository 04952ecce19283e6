// SPDX-License-Identifier: MIT
/*
 * Whether a process that executes still gives a sign of life. The engine's own watch for hangs is a
 * signal handler inside that process, so a subject that keeps signals out, or that is stuck where
 * the handler would be stuck, too, has to be found out from outside.
 *
 * A zeroed structure is a watch that begins. Not thread-safe.
 */
#ifndef TREADLE_EXPLORE_PULSE_H
#define TREADLE_EXPLORE_PULSE_H

#include <sys/types.h>

#include "tools/explore/journal.h"

/* How often to look; more often is as good as that. */
enum { TREADLE_PULSE_LOOK_MS = 1000 };

typedef struct treadle_pulse {
    uint64_t beats;
    double looked_s;
    double since_s;
} treadle_pulse;

/* Looks. True when journal->beats has stood still for longer than the engine gives a hang: the
 * process is to be killed. A process that is stopped, in a debugger or waits for a disk is left
 * alone. */
bool treadle_pulse_lost(treadle_pulse *pulse, const treadle_journal *journal, pid_t pid);

#endif
