// SPDX-License-Identifier: MIT
#include "tools/explore/death.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static treadle_journal *left_in;

static void on_crash(const char *property, const char *message)
{
    treadle_outcome *outcome = &left_in->outcome;
    outcome->kind = strcmp(property, "hang") == 0 ? TREADLE_OUTCOME_CUT : TREADLE_OUTCOME_VIOLATED;
    snprintf(outcome->property, sizeof outcome->property, "%s", property);
    snprintf(outcome->message, sizeof outcome->message, "%s", message);
}

/* From the timer, and at the start of each execution: a subject may have stopped the timer. */
static void beat(void)
{
    atomic_fetch_add_explicit(&left_in->beats, 1, memory_order_relaxed);
}

void treadle_death_leave_in(treadle_journal *journal)
{
    const bool first = left_in == NULL;
    left_in = journal;
    if (first) {
        treadle_on_crash(on_crash);
        treadle_on_tick(beat);
        treadle_on_execution_start(beat);
    }
}

void treadle_death_silent(treadle_outcome *outcome)
{
    *outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_CUT};
    snprintf(outcome->property, sizeof outcome->property, "hang");
    snprintf(outcome->message, sizeof outcome->message,
             "no sign of life for %d seconds: it loops or blocks where signals do not reach it",
             TREADLE_DEATH_SILENT_S);
}

void treadle_death_explain(treadle_outcome *outcome, int status)
{
    if (outcome->kind == TREADLE_OUTCOME_VIOLATED || outcome->kind == TREADLE_OUTCOME_CUT) {
        return;
    }
    *outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_VIOLATED};
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        snprintf(outcome->property, sizeof outcome->property, "crash");
        snprintf(outcome->message, sizeof outcome->message, "the process was killed by %s (%s)",
                 sigabbrev_np(number), sigdescr_np(number));
        if (number == SIGKILL) {
            /* From outside, most likely for want of memory: it says nothing of the subject. */
            outcome->kind = TREADLE_OUTCOME_CUT;
            snprintf(outcome->property, sizeof outcome->property, "killed");
        }
    } else {
        snprintf(outcome->property, sizeof outcome->property, "exit");
        snprintf(outcome->message, sizeof outcome->message,
                 "the process ended with status %d behind the engine's back", WEXITSTATUS(status));
    }
}
