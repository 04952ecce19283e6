// SPDX-License-Identifier: MIT
#include "tools/explore/shrink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/explore/now.h"

/* What is being minimised, most important first. */
typedef struct cost {
    uint32_t switches;
    uint32_t preemptions;
    uint32_t steps;
    uint64_t sum; /* of the decisions */
} cost;

typedef struct shrinker {
    treadle_sandbox *sandbox;
    const treadle_journal *journal;
    const char *property;
    uint16_t *best;
    uint32_t best_count;
    cost best_cost;
    uint16_t *candidate;
    treadle_outcome best_outcome;
    uint64_t executions;
    uint64_t executions_max;
    double until;
    int error;
} shrinker;

static bool spent(const shrinker *self)
{
    return self->error != 0 || self->executions >= self->executions_max ||
           atomic_load(&self->journal->stop) || treadle_now_s() > self->until;
}

static cost cost_of(const treadle_outcome *outcome, const treadle_decisions *decisions)
{
    cost result = {outcome->switches, outcome->preemptions, outcome->steps, 0};
    for (uint32_t i = 0; i < decisions->count; i++) {
        result.sum += decisions->values[i];
    }
    return result;
}

static bool cheaper(const cost *a, const cost *b)
{
    if (a->switches != b->switches) {
        return a->switches < b->switches;
    }
    if (a->preemptions != b->preemptions) {
        return a->preemptions < b->preemptions;
    }
    return a->steps != b->steps ? a->steps < b->steps : a->sum < b->sum;
}

/* Zeros at the end are what a replay does by itself. */
static uint32_t without_tail(const uint16_t *values, uint32_t count)
{
    while (count > 0 && values[count - 1] == 0) {
        count--;
    }
    return count;
}

/* Runs a candidate. When it breaks the same property and costs less (or is the first), what it
 * really decided becomes the best. */
static bool attempt(shrinker *self, const uint16_t *values, uint32_t count)
{
    const treadle_replay_request request = {.decisions = values, .count = count};
    treadle_outcome outcome;
    self->executions++;
    self->error = treadle_sandbox_replay(self->sandbox, &request, &outcome);
    if (self->error || outcome.kind != self->best_outcome.kind ||
        strcmp(outcome.property, self->property) != 0) {
        return false;
    }
    const treadle_decisions *made = &self->journal->decisions;
    const cost found = cost_of(&outcome, made);
    if (!cheaper(&found, &self->best_cost)) {
        return false;
    }
    self->best_count = without_tail(made->values, made->count);
    memcpy(self->best, made->values, self->best_count * sizeof *self->best);
    self->best_cost = found;
    self->best_outcome = outcome;
    return true;
}

/* Tries to leave decisions [from, from + length) out: as zeros, or gone with all after them moved.
 */
static bool attempt_without(shrinker *self, uint32_t from, uint32_t length, bool remove)
{
    const uint32_t count = self->best_count;
    const uint32_t end = from + length < count ? from + length : count;
    bool changes = remove;
    for (uint32_t i = from; i < end; i++) {
        changes |= self->best[i] != 0;
    }
    if (!changes) {
        return false;
    }
    memcpy(self->candidate, self->best, from * sizeof *self->best);
    if (remove) {
        memcpy(self->candidate + from, self->best + end, (count - end) * sizeof *self->best);
        return attempt(self, self->candidate, count - (end - from));
    }
    memset(self->candidate + from, 0, (end - from) * sizeof *self->best);
    memcpy(self->candidate + end, self->best + end, (count - end) * sizeof *self->best);
    return attempt(self, self->candidate, count);
}

static bool pass_pieces(shrinker *self)
{
    bool better = false;
    for (uint32_t length = self->best_count; length > 0 && !spent(self); length /= 2) {
        for (uint32_t from = 0; from < self->best_count && !spent(self); from += length) {
            better |= attempt_without(self, from, length, false);
            better |= attempt_without(self, from, length, true);
        }
    }
    return better;
}

/* Another thread at a switch, or the switch a little earlier or later. */
static bool pass_single(shrinker *self)
{
    bool better = false;
    for (uint32_t i = 0; i < self->best_count && !spent(self); i++) {
        const uint16_t value = self->best[i];
        for (uint16_t lower = 0; lower < value && lower < 4 && i < self->best_count; lower++) {
            memcpy(self->candidate, self->best, self->best_count * sizeof *self->best);
            self->candidate[i] = lower;
            better |= attempt(self, self->candidate, self->best_count);
        }
        if (value != 0 && i + 1 < self->best_count && self->best[i + 1] != value) {
            memcpy(self->candidate, self->best, self->best_count * sizeof *self->best);
            self->candidate[i] = self->best[i + 1];
            self->candidate[i + 1] = value;
            better |= attempt(self, self->candidate, self->best_count);
        }
        if (i < self->best_count && value == 0) {
            /* A switch here, and nothing but the quiet option from then on. */
            for (uint16_t raised = 1; raised < 4 && !spent(self); raised++) {
                memcpy(self->candidate, self->best, i * sizeof *self->best);
                self->candidate[i] = raised;
                better |= attempt(self, self->candidate, i + 1);
            }
        }
    }
    return better;
}

int treadle_shrink(treadle_sandbox *sandbox, const treadle_journal *journal, uint16_t *decisions,
                   uint32_t *count, uint64_t executions_max, double time_s_max,
                   treadle_shrink_report *report)
{
    shrinker self = {
        .sandbox = sandbox,
        .journal = journal,
        .best = decisions,
        .best_count = *count,
        .executions_max = executions_max,
        .until = treadle_now_s() + time_s_max,
        .candidate = malloc(TREADLE_DECISIONS_MAX * sizeof *self.candidate),
    };
    if (self.candidate == NULL) {
        return ENOMEM;
    }
    const treadle_replay_request request = {.decisions = decisions, .count = *count};
    self.error = treadle_sandbox_replay(sandbox, &request, &self.best_outcome);
    self.executions++;
    report->before = self.best_outcome;
    report->finished = false;
    const treadle_outcome_kind kind = self.best_outcome.kind;
    if (!self.error && kind != TREADLE_OUTCOME_VIOLATED && kind != TREADLE_OUTCOME_CUT) {
        self.error = kind == TREADLE_OUTCOME_ENVIRONMENT ? EIO : ENOENT;
    }
    if (!self.error) {
        self.property = report->before.property;
        self.best_cost = cost_of(&self.best_outcome, &journal->decisions);
        self.best_count = without_tail(journal->decisions.values, journal->decisions.count);
        memcpy(self.best, journal->decisions.values, self.best_count * sizeof *self.best);
        /* What ends at a limit gets no clearer by being shortened. */
        bool better = kind == TREADLE_OUTCOME_VIOLATED;
        while (better && !spent(&self)) {
            better = pass_pieces(&self);
            better |= pass_single(&self);
        }
        report->finished = kind != TREADLE_OUTCOME_VIOLATED || !spent(&self);
    }
    *count = self.best_count;
    report->after = self.best_outcome;
    report->executions = self.executions;
    free(self.candidate);
    return self.error;
}
