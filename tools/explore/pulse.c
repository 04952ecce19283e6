// SPDX-License-Identifier: MIT
#include "tools/explore/pulse.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/explore/now.h"

enum { LOST_S = 13, GAP_S = 3 };

/* As the kernel tells: the letter after the name in brackets, which may hold anything. */
static bool is_stopped(pid_t pid)
{
    char path[32];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        line[fread(line, 1, sizeof line - 1, file)] = '\0';
        fclose(file);
    }
    const char *bracket = strrchr(line, ')');
    return bracket != NULL && bracket[1] == ' ' && (bracket[2] == 'T' || bracket[2] == 't');
}

bool treadle_pulse_lost(treadle_pulse *pulse, treadle_journal *journal, pid_t pid)
{
    const double now = treadle_now_s();
    const uint64_t counted = atomic_load_explicit(&journal->beats, memory_order_relaxed) +
                             atomic_load_explicit(&journal->executions, memory_order_relaxed);
    const double gap = now - pulse->looked_s;
    pulse->looked_s = now;
    if (counted != pulse->counted || gap > GAP_S || is_stopped(pid)) {
        pulse->counted = counted;
        pulse->since_s = now;
        return false;
    }
    if (now - pulse->since_s < LOST_S) {
        return false;
    }
    kill(pid, SIGKILL);
    treadle_outcome *outcome = &journal->outcome;
    outcome->kind = TREADLE_OUTCOME_CUT;
    snprintf(outcome->property, sizeof outcome->property, "hang");
    snprintf(outcome->message, sizeof outcome->message,
             "no sign of life for %d seconds: it loops or blocks where signals do not reach it",
             LOST_S);
    return true;
}
