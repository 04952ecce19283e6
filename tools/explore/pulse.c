// SPDX-License-Identifier: MIT
#include "tools/explore/pulse.h"

#include <stdio.h>
#include <string.h>

#include "tools/explore/death.h"
#include "tools/explore/now.h"

/* After a longer gap between two looks the watching process was stopped itself. */
enum { GAP_S = 10 };

/* As the kernel tells: the letter after the name in brackets, which may hold anything. */
static bool is_held(pid_t pid)
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
    return bracket != NULL && bracket[1] == ' ' && bracket[2] != '\0' &&
           strchr("TtD", bracket[2]) != NULL;
}

bool treadle_pulse_lost(treadle_pulse *pulse, const treadle_journal *journal, pid_t pid)
{
    const double now = treadle_now_s();
    const double gap = now - pulse->looked_s;
    if (gap < 0.9e-3 * TREADLE_PULSE_LOOK_MS) {
        return false;
    }
    pulse->looked_s = now;
    const uint64_t beats = atomic_load_explicit(&journal->beats, memory_order_relaxed);
    if (beats != pulse->beats || gap > GAP_S || is_held(pid)) {
        pulse->beats = beats;
        pulse->since_s = now;
        return false;
    }
    return now - pulse->since_s > TREADLE_DEATH_SILENT_S;
}
