// SPDX-License-Identifier: MIT
#include "tools/explore/explorer.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checkers/races.h"
#include "tools/engine/leaks.h"
#include "tools/explore/child.h"
#include "tools/explore/death.h"
#include "tools/explore/now.h"
#include "tools/explore/pulse.h"

enum {
    LOANS_MAX = UINT16_MAX,
    DEPTH_MAX = 12, /* parts that a process explores while it waits for another in one */
    IDLE_MS = 2,
};

static const double ALONE_S = 0.005;        /* what is done by then needs nobody else */
static const double BETWEEN_LOANS_S = 1e-3; /* a part costs about a tenth of it to hand over */

/* One process of those that explore. */
typedef struct process {
    const treadle_explorer *of;
    treadle_journal *journal; /* its own */
    treadle_crew *crew;       /* NULL: alone */
    uint32_t me;
    uint32_t depth;
    double began;
    double until; /* 0 = no limit */
    /* Of the first one: */
    treadle_child children[TREADLE_CREW_MAX];
    treadle_pulse pulses[TREADLE_CREW_MAX];
    treadle_journal *journals[TREADLE_CREW_MAX];
    bool started;
    /* Instances that have nothing to explore, by depth. */
    void *spare[DEPTH_MAX];
} process;

typedef struct loan {
    uint32_t part; /* of the crew's; TREADLE_NO_PART once it has come back */
    bool lent;     /* else the number is free */
    bool found_out;
    void *bytes; /* what it is; once it has come back, what was found */
    size_t size;
    treadle_tally tally;
} loan;

/* One instance of the strategy at work. */
typedef struct search {
    process *in;
    void *self;
    uint64_t begun;
    treadle_tally tally;
    bool complete;
    double lent_at;
    loan *loans; /* number − 1 is the index */
    uint32_t loan_count;
} search;

/* Whether the search goes on: all is well, or only races are looked for and this was none. That
 * they could not be followed any further is no such thing. */
static bool goes_on(const process *in, treadle_tally *tally)
{
    const treadle_outcome *outcome = &in->journal->outcome;
    if (outcome->kind == TREADLE_OUTCOME_PASSED) {
        return true;
    }
    const bool other = (outcome->kind == TREADLE_OUTCOME_CUT &&
                        strcmp(outcome->property, TREADLE_PROPERTY_RACE_LIMIT) != 0) ||
                       (outcome->kind == TREADLE_OUTCOME_VIOLATED &&
                        strcmp(outcome->property, TREADLE_PROPERTY_DATA_RACE) != 0);
    tally->cut_short += other;
    return other && in->journal->races == TREADLE_RACES_ONLY;
}

/* ---- now and then ---------------------------------------------------------------------------- */

/* What is left to do, by whichever ends first: the space, the executions or the time. */
static void tell_how_far(const search *self, uint64_t executions)
{
    treadle_journal *journal = self->in->journal;
    const treadle_explore_request *request = &journal->request;
    const treadle_strategy *strategy = self->in->of->strategy;
    const double elapsed_s = treadle_now_s() - self->in->began;
    const double share = strategy->progress != NULL ? strategy->progress(self->self) : 0;
    double left_s = INFINITY;
    if (share > 0) {
        left_s = fmin(left_s, elapsed_s * (1 - share) / share);
    }
    if (request->executions_max > 0 && executions > 0) {
        const double left = (double)(request->executions_max - executions);
        left_s = fmin(left_s, elapsed_s * left / (double)executions);
    }
    if (request->time_s_max > 0) {
        left_s = fmin(left_s, fmax(0, request->time_s_max - elapsed_s));
    }
    atomic_store_explicit(&journal->share, share, memory_order_relaxed);
    atomic_store_explicit(&journal->seconds_left, isfinite(left_s) ? left_s : -1,
                          memory_order_relaxed);
    atomic_store_explicit(&journal->how_far, false, memory_order_relaxed);
}

static bool stopped(const process *in)
{
    return atomic_load_explicit(&in->of->journal->stop, memory_order_relaxed) ||
           (in->crew != NULL && atomic_load_explicit(&in->crew->over, memory_order_relaxed));
}

static void start_others(process *self);

/* Another one gives no sign of life: it has been killed. */
static bool was_silent(process *self, uint32_t which)
{
    treadle_child *child = &self->children[which];
    if (!treadle_pulse_lost(&self->pulses[which], self->journals[which], child->pid)) {
        return false;
    }
    treadle_child_kill(child);
    treadle_death_silent(&self->journals[which]->outcome);
    return true;
}

/* Another one has come to its end. It answers nothing, so that is what there is to read. */
static bool has_died(process *self, uint32_t which)
{
    treadle_child *child = &self->children[which];
    if (!treadle_child_ready(child, 0)) {
        return was_silent(self, which);
    }
    const int status = treadle_child_end(child);
    if (status == 0 && stopped(self)) {
        return false; /* all came to its end meanwhile */
    }
    treadle_death_explain(&self->journals[which]->outcome, status);
    return true;
}

/* The death of another is as if it had been this one's. */
static void look_after_others(process *self)
{
    for (uint32_t i = 1; self->started && i < self->crew->count; i++) {
        const bool runs = self->children[i].pid != 0 && !stopped(self);
        if (runs && has_died(self, i) && treadle_crew_end(self->crew, i, true)) {
            atomic_fetch_add(&self->crew->members[i].executions, 1); /* did not come back */
        }
    }
}

/* False when the time is over. */
static bool look_up(const search *self)
{
    process *in = self->in;
    const double now = treadle_now_s();
    if (in->me == 0 && in->crew != NULL) {
        uint64_t executions;
        uint64_t steps;
        treadle_crew_done(in->crew, &executions, &steps);
        atomic_store_explicit(&in->journal->executions, executions, memory_order_relaxed);
        atomic_store_explicit(&in->journal->steps, steps, memory_order_relaxed);
        if (!in->started && now - in->began > ALONE_S) {
            start_others(in);
        }
        look_after_others(in);
    }
    return in->until <= 0 || now <= in->until;
}

/* Something was found, or the budget is spent: for everyone. */
static void end_all(const process *in, bool found)
{
    if (in->crew != NULL) {
        treadle_crew_end(in->crew, in->me, found);
    }
}

/* ---- loans ----------------------------------------------------------------------------------- */

/* A number that is free; 0 when there is none. */
static uint16_t free_number(search *self)
{
    uint32_t i = 0;
    while (i < self->loan_count && self->loans[i].lent) {
        i++;
    }
    if (i == LOANS_MAX) {
        return 0;
    }
    if (i == self->loan_count) {
        const uint32_t wanted = self->loan_count ? self->loan_count * 2 : 16;
        const uint32_t count = wanted < LOANS_MAX ? wanted : LOANS_MAX;
        loan *grown = realloc(self->loans, count * sizeof *grown);
        if (grown == NULL) {
            return 0;
        }
        memset(grown + self->loan_count, 0, (count - self->loan_count) * sizeof *grown);
        self->loans = grown;
        self->loan_count = count;
    }
    return (uint16_t)(i + 1);
}

static void forget(loan *of)
{
    free(of->bytes);
    *of = (loan){0};
}

static void *copy_of(const void *bytes, size_t size)
{
    void *copy = malloc(size + 1);
    return copy != NULL ? memcpy(copy, bytes, size) : NULL;
}

/* Lends a part to the crew. */
static bool lend(search *self, bool all)
{
    process *in = self->in;
    const treadle_lending *lending = in->of->strategy->lending;
    const uint16_t number = free_number(self);
    size_t size;
    const void *bytes =
        number ? lending->lend(self->self, number, all, TREADLE_PART_BYTES_MAX, &size) : NULL;
    if (bytes == NULL) {
        return false;
    }
    loan *lent = &self->loans[number - 1];
    /* From here on the part counts as lent, whether or not there is someone who takes it. */
    *lent = (loan){.lent = true, .bytes = copy_of(bytes, size), .size = size};
    lent->part = treadle_crew_offer(in->crew, in->me, bytes, size);
    return lent->part != TREADLE_NO_PART;
}

/* Fetches what has come back, and so makes place for others. */
static void collect(search *self)
{
    for (uint32_t i = 0; i < self->loan_count; i++) {
        loan *lent = &self->loans[i];
        if (!lent->lent || lent->part == TREADLE_NO_PART) {
            continue;
        }
        treadle_part *part = &self->in->crew->parts[lent->part];
        if (atomic_load(&part->state) != TREADLE_PART_GIVEN_BACK) {
            continue;
        }
        void *found = part->found_out ? copy_of(part->bytes, part->size) : NULL;
        if (found != NULL) {
            free(lent->bytes);
            lent->bytes = found;
            lent->size = part->size;
            lent->found_out = true;
        }
        lent->tally = part->tally;
        lent->part = TREADLE_NO_PART;
        atomic_store(&part->state, TREADLE_PART_FREE);
    }
}

static void run(search *self);

/* A part that was explored: what was found, until another one is at the same depth. */
typedef struct explored {
    const void *bytes; /* NULL: did not come to its end */
    size_t size;
    treadle_tally tally;
} explored;

static void *instance_for(process *in)
{
    void **spare = &in->spare[in->depth];
    if (*spare == NULL) {
        *spare = in->of->strategy->create(in->of->strategy_options);
    }
    return *spare;
}

static explored explore_part(process *in, const void *bytes, size_t size)
{
    const treadle_strategy *strategy = in->of->strategy;
    treadle_decisions *decisions = &in->journal->decisions;
    explored out = {0};
    search part = {.in = in, .self = instance_for(in)};
    /* Who waits for this keeps the beginning of the last execution for the next one. */
    const uint32_t count = decisions->count;
    uint16_t *kept = copy_of(decisions->values, count * sizeof kept[0]);
    if (bytes != NULL && kept != NULL && part.self != NULL &&
        strategy->lending->borrow(part.self, bytes, size)) {
        in->depth++;
        run(&part);
        in->depth--;
        out.tally = part.tally;
        out.bytes = part.complete ? strategy->lending->give_back(part.self, &out.size) : NULL;
    }
    if (out.bytes != NULL) { /* else they may be those of a finding */
        memcpy(decisions->values, kept, count * sizeof kept[0]);
        decisions->count = count;
    }
    free(kept);
    return out;
}

/* A part that was taken from the crew. */
static void explore_taken(process *in, uint32_t number)
{
    const treadle_part *part = &in->crew->parts[number];
    const explored found = explore_part(in, part->bytes, part->size);
    treadle_crew_give_back(in->crew, number, found.bytes, found.size, &found.tally);
}

/* A part that nobody has, or that did not fit on its way back. */
static bool explore_lent(process *in, loan *lent)
{
    const explored found = explore_part(in, lent->bytes, lent->size);
    void *copy = found.bytes != NULL ? copy_of(found.bytes, found.size) : NULL;
    if (copy == NULL) {
        return false;
    }
    free(lent->bytes);
    *lent = (loan){.lent = true,
                   .part = TREADLE_NO_PART,
                   .found_out = true,
                   .bytes = copy,
                   .size = found.size,
                   .tally = found.tally};
    return true;
}

/* At the greatest depth nothing is lent, so that nothing is waited for there. */
static bool it_is_time_to_lend(search *self)
{
    if (self->in->depth == DEPTH_MAX) {
        return false;
    }
    const double now = treadle_now_s();
    const bool time = now - self->lent_at > BETWEEN_LOANS_S;
    self->lent_at = time ? now : self->lent_at;
    return time;
}

/* Something to do while a loan is out: it itself, if nobody has it yet, or what is on offer, or
 * what could be. False when there is nothing. */
static bool make_use_of_time(search *self, const loan *lent)
{
    process *in = self->in;
    const uint32_t part =
        treadle_crew_take(in->crew, lent->part) ? lent->part : treadle_crew_take_any(in->crew);
    if (part != TREADLE_NO_PART) {
        explore_taken(in, part);
        self->lent_at = treadle_now_s();
        return true;
    }
    return it_is_time_to_lend(self) && lend(self, true);
}

/* Waits until a loan is back. False when exploring has come to an end before. */
static bool await(search *self, uint16_t number)
{
    process *in = self->in;
    bool idle = false;
    for (;;) {
        collect(self);
        loan *lent = &self->loans[number - 1]; /* making use of time may move it */
        if (stopped(in) || lent->found_out) {
            break;
        }
        if (lent->part == TREADLE_NO_PART) {
            if (!explore_lent(in, lent) && !stopped(in)) {
                in->journal->outcome = (treadle_outcome){.kind = TREADLE_OUTCOME_ENVIRONMENT,
                                                         .message = "out of memory"};
                end_all(in, true);
            }
        } else if (make_use_of_time(self, lent)) {
            continue;
        } else if (!idle) {
            treadle_crew_idle_begin(in->crew, in->me);
            idle = true;
        } else {
            treadle_crew_idle_sleep(in->crew, in->me, IDLE_MS);
            if (!look_up(self)) {
                end_all(in, false);
            }
        }
    }
    if (idle) {
        treadle_crew_idle_end(in->crew, in->me);
    }
    return self->loans[number - 1].found_out && !stopped(in);
}

static bool settle(search *self, uint16_t number)
{
    if (!await(self, number)) {
        return false;
    }
    loan *back = &self->loans[number - 1];
    self->in->of->strategy->lending->settle(self->self, back->bytes, back->size);
    treadle_tally_add(&self->tally, &back->tally);
    forget(back);
    return true;
}

/* Lends to those who have nothing to do. */
static void offer(search *self)
{
    if (treadle_crew_hungry(self->in->crew) && it_is_time_to_lend(self)) {
        collect(self);
        lend(self, false);
    }
}

/* ---- one instance ---------------------------------------------------------------------------- */

/* Within the budget, as far as this is known before an execution: it counts those only that are not
 * redundant and do not lead to a loan. */
static bool may_execute(const search *self)
{
    const uint64_t most = self->in->of->journal->request.executions_max;
    return self->in->crew != NULL || most == 0 || self->tally.executions < most;
}

/* Adds what an execution came to. False when the search ends with it. */
static bool count(search *self)
{
    process *in = self->in;
    const treadle_outcome *outcome = &in->journal->outcome;
    const treadle_strategy *strategy = in->of->strategy;
    treadle_tally other = {0};
    const bool repeated = strategy->repeated != NULL && strategy->repeated(self->self);
    if (outcome->kind == TREADLE_OUTCOME_REDUNDANT || (repeated && goes_on(in, &other))) {
        self->tally.redundant++;
        if (in->crew != NULL) {
            treadle_crew_count(in->crew, in->me, &(treadle_tally){.redundant = 1});
        }
        return true;
    }
    if (in->crew != NULL && !treadle_crew_spend(in->crew, in->me)) {
        in->journal->outcome.kind = TREADLE_OUTCOME_PASSED; /* was one too many */
        return false;
    }
    treadle_tally one = {
        .executions = 1, .steps = outcome->steps, .spin_blocks = outcome->spin_blocks};
    const bool on = goes_on(in, &one);
    treadle_tally_add(&self->tally, &one);
    if (in->crew != NULL) {
        treadle_crew_count(in->crew, in->me, &one);
    } else {
        atomic_store_explicit(&in->journal->executions, self->tally.executions,
                              memory_order_relaxed);
        atomic_store_explicit(&in->journal->steps, self->tally.steps, memory_order_relaxed);
    }
    return on;
}

/* Now and then the clock is looked at: executions may take well under a microsecond. */
static bool is_time(uint64_t begun)
{
    return (begun & 63) == 0 || (begun & (begun - 1)) == 0;
}

/* In which executions of a search leaks are looked for: ever fewer, for a look takes milliseconds.
 * None where addresses matter, or are watched; nor races alone, which are not looked for then. */
static bool looks_for_leaks(const treadle_explorer *of, uint64_t round)
{
    return treadle_leaks_seen() && (round & (round - 1)) == 0 && !of->strategy->exhaustive &&
           of->journal->races != TREADLE_RACES_ONLY && of->options->heap_reuse_after == 0 &&
           !of->options->watch_cycles;
}

static void execute(const treadle_explorer *of, void *strategy_self, uint64_t round,
                    treadle_outcome *outcome)
{
    if (!looks_for_leaks(of, round)) {
        treadle_execute(of->program, of->options, of->strategy, strategy_self, outcome);
        return;
    }
    treadle_execution_options own = *of->options;
    own.look_for_leaks = true;
    own.observer = NULL;
    treadle_execute(of->program, &own, of->strategy, strategy_self, outcome);
}

/* One execution. False when it is the last. */
static bool advance(search *self)
{
    process *in = self->in;
    const treadle_explorer *of = in->of;
    const treadle_strategy *strategy = of->strategy;
    if (stopped(in)) {
        return false;
    }
    if (atomic_load_explicit(&in->journal->how_far, memory_order_relaxed) && in->depth == 0) {
        tell_how_far(self, atomic_load(&in->journal->executions));
    }
    if ((is_time(self->begun) && !look_up(self)) || (!strategy->exhaustive && !may_execute(self))) {
        return false;
    }
    /* A strategy that has just finished is complete, not out of budget. */
    self->complete = !strategy->begin(self->self, self->begun++);
    if (self->complete || (strategy->exhaustive && !may_execute(self))) {
        return false;
    }
    execute(of, self->self, self->begun - 1, &in->journal->outcome);
    strategy->end(self->self, &in->journal->outcome);
    const uint16_t due = in->crew != NULL ? strategy->lending->due(self->self) : 0;
    if (due != 0) {
        in->journal->outcome.kind = TREADLE_OUTCOME_PASSED;
        return settle(self, due);
    }
    if (!count(self)) {
        end_all(in, in->journal->outcome.kind != TREADLE_OUTCOME_PASSED);
        return false;
    }
    in->journal->outcome.kind = TREADLE_OUTCOME_PASSED;
    if (in->crew != NULL) {
        offer(self);
    }
    return true;
}

static void run(search *self)
{
    while (advance(self)) {
    }
    if (!self->complete) {
        end_all(self->in, false);
    }
    for (uint32_t i = 0; i < self->loan_count; i++) {
        loan *lent = &self->loans[i];
        if (lent->lent && lent->part != TREADLE_NO_PART) {
            treadle_crew_abandon(self->in->crew, lent->part);
        }
        forget(lent);
    }
    free(self->loans);
}

/* ---- several processes ----------------------------------------------------------------------- */

/* Of another process: explores parts until all is over. */
static void help(process *in)
{
    treadle_crew *crew = in->crew;
    treadle_crew_idle_begin(crew, in->me);
    while (!stopped(in)) {
        const uint32_t part = treadle_crew_take_any(crew);
        if (part == TREADLE_NO_PART) {
            treadle_crew_idle_sleep(crew, in->me, IDLE_MS);
            continue;
        }
        treadle_crew_idle_end(crew, in->me);
        explore_taken(in, part);
        treadle_crew_idle_begin(crew, in->me);
    }
}

typedef struct other {
    const process *first;
    uint32_t number;
} other;

static void serve(void *context, int ask, int answer)
{
    (void)ask;
    (void)answer;
    const other *self = context;
    process in = *self->first;
    memset(in.spare, 0, sizeof in.spare); /* those are in use */
    in.me = self->number;
    in.depth = 0;
    in.started = false;
    in.journal = in.journals[in.me];
    treadle_death_leave_in(in.journal);
    treadle_engine_forked(&in.journal->decisions);
    help(&in);
}

/* With fewer than wanted, when there are no more to be had. */
static void start_others(process *self)
{
    self->started = true;
    for (uint32_t i = 1; i < self->crew->count; i++) {
        char path[sizeof self->journal->path + 16];
        snprintf(path, sizeof path, "%s.%u", self->journal->path, i + 1);
        treadle_journal *journal = treadle_journal_create(path);
        if (journal == NULL) {
            return;
        }
        journal->cell = self->journal->cell;
        journal->races = self->journal->races;
        self->journals[i] = journal;
        other context = {self, i};
        if (treadle_child_start(&self->children[i], serve, &context, SIGKILL) != 0) {
            return;
        }
    }
}

/* Takes over what another one has found. */
static void take_over(treadle_journal *journal, const treadle_journal *from)
{
    journal->outcome = from->outcome;
    journal->decisions.count = from->decisions.count;
    memcpy(journal->decisions.values, from->decisions.values,
           from->decisions.count * sizeof from->decisions.values[0]);
}

/* Once all is over: waits for another one's end. True when it died instead. */
static bool dies_at_last(process *self, uint32_t which)
{
    treadle_child *child = &self->children[which];
    while (!treadle_child_ready(child, TREADLE_PULSE_LOOK_MS)) {
        if (was_silent(self, which)) {
            return true;
        }
    }
    const int status = treadle_child_end(child);
    if (status != 0) {
        treadle_death_explain(&self->journals[which]->outcome, status);
    }
    return status != 0;
}

static void end_others(process *self)
{
    for (uint32_t i = 1; i < self->crew->count; i++) {
        if (self->children[i].pid != 0 && dies_at_last(self, i)) {
            treadle_crew_end(self->crew, i, true);
        }
    }
    const uint32_t found_by = atomic_load(&self->crew->found_by);
    if (found_by > 1) {
        take_over(self->journal, self->journals[found_by - 1]);
    }
    for (uint32_t i = 1; i < self->crew->count; i++) {
        if (self->journals[i] != NULL) {
            unlink(self->journals[i]->path);
            treadle_journal_unmap(self->journals[i]);
        }
    }
}

/* Parts that never fell due had been explored in vain. */
static treadle_tally total(const treadle_crew *crew, const search *first, bool complete)
{
    treadle_tally all = {0};
    for (uint32_t i = 0; i < crew->count; i++) {
        treadle_tally_add(&all, &crew->members[i].tally);
    }
    if (complete) {
        all.redundant += all.executions - first->tally.executions;
        all.executions = first->tally.executions;
        all.steps = first->tally.steps;
        all.spin_blocks = first->tally.spin_blocks;
    }
    return all;
}

void treadle_explorer_run(treadle_explorer *explorer)
{
    const treadle_explore_request *request = &explorer->journal->request;
    process in = {.of = explorer, .journal = explorer->journal, .began = treadle_now_s()};
    in.until = request->time_s_max > 0 ? in.began + request->time_s_max : 0;
    if (explorer->explorers > 1 && explorer->strategy->lending != NULL) {
        in.crew = treadle_crew_open(explorer->explorers, request->executions_max);
    }
    search first = {.in = &in, .self = explorer->self};
    run(&first);
    explorer->complete = first.complete;
    explorer->tally = first.tally;
    if (in.crew != NULL) {
        treadle_crew_end(in.crew, 0, false);
        end_others(&in);
        explorer->complete &= atomic_load(&in.crew->found_by) == 0;
        explorer->tally = total(in.crew, &first, explorer->complete);
        explorer->elsewhere = explorer->tally.executions - in.crew->members[0].tally.executions;
        atomic_store(&in.journal->executions, explorer->tally.executions);
        atomic_store(&in.journal->steps, explorer->tally.steps);
        treadle_crew_close(in.crew);
    }
    const treadle_outcome_kind came_to = explorer->journal->outcome.kind;
    explorer->interrupted = !explorer->complete && atomic_load(&explorer->journal->stop) &&
                            (came_to == TREADLE_OUTCOME_PASSED || came_to == TREADLE_OUTCOME_NONE);
    for (size_t i = 0; i < sizeof in.spare / sizeof in.spare[0]; i++) {
        if (in.spare[i] != NULL) {
            explorer->strategy->destroy(in.spare[i]);
        }
    }
    explorer->elapsed_s = treadle_now_s() - in.began;
}
