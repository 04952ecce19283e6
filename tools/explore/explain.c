// SPDX-License-Identifier: MIT
#include "tools/explore/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS_MAX = 16, PERMUTED_MAX = 3 };

typedef struct explainer {
    treadle_sandbox *sandbox;
    treadle_journal *journal;
    treadle_explanation *out;
    const treadle_trace *failing;
} explainer;

/* ---- runs ------------------------------------------------------------------------------------ */

/* What the scenario noted, by whom. Cut when there is much. */
static void gather_notes(char *notes, size_t size, const treadle_trace *trace)
{
    size_t used = 0;
    notes[0] = '\0';
    for (uint32_t i = 0; i < trace->event_count && used < size - 1; i++) {
        const treadle_event *event = &trace->events[i];
        if (event->kind != TREADLE_OP_NOTE) {
            continue;
        }
        size_t length;
        const char *text = treadle_trace_text(trace, event, &length);
        const int wrote =
            snprintf(notes + used, size - used, "%s%s: %.*s", used > 0 ? "; " : "",
                     trace->thread_names[event->thread], (int)length, text != NULL ? text : "");
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static bool run(explainer *self, const uint16_t *values, uint32_t count, bool in_order,
                treadle_outcome *outcome)
{
    const treadle_replay_request request = {
        .decisions = values, .count = count, .in_order = in_order, .record = true, .state = true};
    return treadle_sandbox_replay(self->sandbox, &request, outcome) == 0 &&
           outcome->kind != TREADLE_OUTCOME_ENVIRONMENT;
}

static void keep_passing(explainer *self, uint32_t decision)
{
    treadle_trace_copy(&self->journal->passing, &self->journal->trace);
    self->journal->has_passing = true;
    self->out->decision = decision;
}

/* ---- one thread after another ---------------------------------------------------------------- */

/* How many pairs of operations of two threads run the other way round in the counterexample when
 * all of `first` come before all of `second`. */
static uint64_t reversed(const treadle_trace *trace, uint32_t first, uint32_t second)
{
    uint64_t seen = 0;
    uint64_t pairs = 0;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        seen += trace->events[i].thread == second;
        pairs += trace->events[i].thread == first ? seen : 0;
    }
    return pairs;
}

/* Threads 1 … count in the order that reverses least, pair by pair. */
static void nearest_order(const treadle_trace *trace, uint16_t *threads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t thread = (uint16_t)(i + 1);
        uint32_t at = i;
        while (at > 0 && reversed(trace, thread, threads[at - 1]) <
                             reversed(trace, threads[at - 1], thread)) {
            threads[at] = threads[at - 1];
            at--;
        }
        threads[at] = thread;
    }
}

/* The next order in lexicographic order; false after the last. */
static bool next_order(uint16_t *threads, uint32_t count)
{
    uint32_t at = count - 1;
    while (at > 0 && threads[at - 1] >= threads[at]) {
        at--;
    }
    if (at == 0) {
        return false;
    }
    uint32_t other = count - 1;
    while (threads[other] <= threads[at - 1]) {
        other--;
    }
    const uint16_t swapped = threads[at - 1];
    threads[at - 1] = threads[other];
    threads[other] = swapped;
    for (uint32_t low = at, high = count - 1; low < high; low++, high--) {
        const uint16_t kept = threads[low];
        threads[low] = threads[high];
        threads[high] = kept;
    }
    return true;
}

/* Runs the threads in that order and keeps what came of it. */
static bool run_order(explainer *self, const uint16_t *threads)
{
    treadle_explanation *out = self->out;
    treadle_serial_run *kept = &out->serial[out->serial_count];
    if (!run(self, threads, out->thread_count, true, &kept->outcome)) {
        return false;
    }
    for (uint32_t i = 0; i < out->thread_count; i++) {
        kept->threads[i] = threads[i];
    }
    gather_notes(kept->notes, sizeof kept->notes, &self->journal->trace);
    out->serial_count++;
    return true;
}

static void run_orders(explainer *self)
{
    treadle_explanation *out = self->out;
    const uint32_t count = out->thread_count;
    if (count == 0 || count > TREADLE_SERIAL_THREADS_MAX) {
        return;
    }
    uint16_t nearest[TREADLE_SERIAL_THREADS_MAX];
    nearest_order(self->failing, nearest, count);
    if (!run_order(self, nearest)) {
        return;
    }
    if (!self->journal->has_passing && out->serial[0].outcome.kind == TREADLE_OUTCOME_PASSED) {
        keep_passing(self, 0);
    }
    if (count > PERMUTED_MAX) {
        return;
    }
    uint16_t threads[PERMUTED_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        threads[i] = (uint16_t)(i + 1);
    }
    out->serial_all = true;
    do {
        if (memcmp(threads, nearest, count * sizeof threads[0]) != 0) {
            out->serial_all &= run_order(self, threads);
        }
    } while (next_order(threads, count));
}

/* ---- the nearest that passes ----------------------------------------------------------------- */

static void find_passing(explainer *self, const uint16_t *decisions, uint32_t count)
{
    uint16_t *tried = malloc((count + 1) * sizeof *tried);
    uint32_t attempts = 0;
    for (uint32_t i = count; tried != NULL && i > 0 && attempts < ATTEMPTS_MAX; i--) {
        if (decisions[i - 1] == 0) {
            continue;
        }
        memcpy(tried, decisions, count * sizeof *tried);
        tried[i - 1] = 0;
        attempts++;
        treadle_outcome outcome;
        if (run(self, tried, count, false, &outcome) && outcome.kind == TREADLE_OUTCOME_PASSED) {
            keep_passing(self, i);
            break;
        }
    }
    free(tried);
}

void treadle_explain(treadle_sandbox *sandbox, treadle_journal *journal, const uint16_t *decisions,
                     uint32_t count)
{
    treadle_trace *failing = malloc(sizeof *failing);
    if (failing == NULL) {
        return;
    }
    const treadle_outcome outcome = journal->outcome;
    treadle_trace_copy(failing, &journal->trace);
    explainer self = {
        .sandbox = sandbox, .journal = journal, .out = &journal->explanation, .failing = failing};
    *self.out = (treadle_explanation){0};
    self.out->thread_count = failing->thread_count > 0 ? failing->thread_count - 1 : 0;
    gather_notes(self.out->notes, sizeof self.out->notes, failing);
    journal->has_passing = false;
    find_passing(&self, decisions, count);
    run_orders(&self);
    treadle_trace_copy(&journal->trace, failing);
    journal->outcome = outcome;
    journal->has_explanation = true;
    free(failing);
}
