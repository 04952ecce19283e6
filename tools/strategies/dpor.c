// SPDX-License-Identifier: MIT
/* Optimal dynamic partial order reduction: one execution for each Mazurkiewicz trace (Abdulla,
 * Aronis, Jonsson, Sagonas, POPL 2014 and JACM 2017). Two executions are equivalent when they
 * differ in the order of steps that commute only.
 *
 * The state is the current path: at each of its positions which steps are asleep, for what begins
 * with them has been explored, and which sequences are still to be (wakeup.h). After an execution
 * each of its races is reversed: what did not happen after the race's first step, and then the
 * second, becomes such a sequence, unless it is covered already. The next execution goes back to
 * the deepest position that has something left.
 *
 * Decisions inside a step make several steps of it, which are in a race with each other. What is
 * decided before the first step, in a scenario's set-up, is varied last decision first, and after
 * each variation everything is explored anew.
 *
 * Threads that are told to be symmetric are interchangeable: what one execution shows, another one
 * shows with their numbers exchanged. It is enough to explore executions in which they take their
 * places in the order of their numbers, a thread's place being that of its first step that may
 * change something. So a thread whose next step is that has to wait for its turn, as if the one
 * before let it go on. Where nobody else can, what follows shows with other numbers. */
#include <stdlib.h>
#include <string.h>

#include "tools/engine/branch.h"
#include "tools/engine/pending.h"
#include "tools/strategies/dpor_internal.h"
#include "tools/strategies/strategies.h"

static void destroy(void *context)
{
    dpor *self = context;
    if (self->order != NULL) {
        treadle_order_destroy(self->order);
    }
    if (self->nodes != NULL) {
        treadle_wakeup_pool_destroy(self->nodes);
    }
    if (self->steps != NULL) {
        treadle_step_pool_destroy(self->steps);
    }
    free(self->lent);
    free(self->parcel.bytes);
    free(self);
}

static void *create(const treadle_strategy_options *options)
{
    dpor *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->symmetric = options->symmetric;
    self->steps = treadle_step_pool_create();
    self->order = self->steps != NULL ? treadle_order_create(self->steps) : NULL;
    self->nodes = self->steps != NULL ? treadle_wakeup_pool_create(self->steps) : NULL;
    if (self->order == NULL || self->nodes == NULL) {
        destroy(self);
        return NULL;
    }
    return self;
}

/* ---- sleep ----------------------------------------------------------------------------------- */

static bool fall_asleep(dpor *self, position *at, treadle_executed *step)
{
    if (at->asleep + at->asleep_count == ASLEEP_MAX) {
        self->exceeded = "the steps asleep";
        return false;
    }
    self->asleep[at->asleep + at->asleep_count++] = step;
    return true;
}

/* Who stays asleep over a step. */
static void inherit(dpor *self, const position *before, position *at, const treadle_executed *step)
{
    treadle_executed *const *asleep = dpor_asleep_at(self, before);
    for (uint32_t i = 0; i < before->asleep_count; i++) {
        if (asleep[i]->thread != step->thread && !treadle_executed_conflict(asleep[i], step) &&
            !fall_asleep(self, at, asleep[i])) {
            return;
        }
    }
}

static void wake_all(dpor *self, position *at)
{
    while (at->asleep_count > at->inherited) {
        treadle_executed_drop(self->steps, self->asleep[at->asleep + --at->asleep_count]);
    }
    at->asleep_count = 0;
    at->inherited = 0;
}

/* Whether all that begins with the sequence has been explored: a weak initial of it is asleep. */
static bool explored(const dpor *self, const position *at)
{
    treadle_executed *const *asleep = dpor_asleep_at(self, at);
    for (uint32_t i = 0; i < at->asleep_count; i++) {
        if (treadle_sequence_may_begin(&self->sequence, asleep[i])) {
            return true;
        }
    }
    return false;
}

bool dpor_explore(dpor *self, position *at)
{
    if (!explored(self, at) &&
        !treadle_wakeup_insert(self->nodes, &at->children, &self->sequence)) {
        self->exceeded = "memory";
    }
    return self->exceeded == NULL;
}

/* ---- an execution ---------------------------------------------------------------------------- */

/* What a leaf of the tree at a position seemed to cover is looked at again. */
typedef struct second_look {
    dpor *self;
    position *at;
    const treadle_executed *step; /* NULL = the leaf turned out impossible */
    treadle_wakeup **below;       /* for what it covers, if that is not to be explored anyway */
} second_look;

static bool look_again(void *context)
{
    const second_look *look = context;
    dpor *self = look->self;
    treadle_sequence *sequence = &self->sequence;
    if (look->step == NULL || !treadle_sequence_may_begin(sequence, look->step)) {
        return dpor_explore(self, look->at);
    }
    if (sequence->first[look->step->thread] != TREADLE_NO_STEP) {
        treadle_sequence_remove(sequence, look->step->thread);
    }
    if (look->below != NULL && sequence->left > 0 &&
        !treadle_wakeup_insert(self->nodes, look->below, sequence)) {
        self->exceeded = "memory";
    }
    return self->exceeded == NULL;
}

static void look_again_at(dpor *self, position *at, treadle_wakeup **covered,
                          const treadle_executed *step, treadle_wakeup **below)
{
    second_look look = {.self = self, .at = at, .step = step, .below = below};
    treadle_wakeup_take_apart(self->nodes, covered, &self->sequence, look_again, &look);
}

static bool anyone_sleeps_on(const dpor *self, const position *at, const treadle_executed *step)
{
    treadle_executed *const *asleep = dpor_asleep_at(self, at);
    for (uint32_t i = 0; i < at->asleep_count; i++) {
        if (asleep[i]->thread != step->thread && !treadle_executed_conflict(asleep[i], step)) {
            return true;
        }
    }
    return false;
}

/* It was to decide otherwise than what has been explored, and could not. */
static bool is_asleep(const dpor *self, const position *at, const treadle_executed *step)
{
    treadle_executed *const *asleep = dpor_asleep_at(self, at);
    for (uint32_t i = 0; i < at->asleep_count; i++) {
        if (asleep[i]->thread == step->thread && treadle_executed_same_values(asleep[i], step)) {
            return true;
        }
    }
    return false;
}

/* A leaf was executed: now everything is to be explored. Nobody is asleep after it, for who is does
 * not commute with the sequence that ends there. If somebody is, its step touched less than it
 * seemed it would: then what the sleeper began covers it, and only what the leaf covers is left. */
static void finish_leaf(dpor *self, position *at, const treadle_executed *step)
{
    treadle_wakeup *covered = self->below;
    self->below = NULL;
    const bool again = is_asleep(self, at, step);
    self->free = !again && !anyone_sleeps_on(self, at, step);
    self->due = self->free ? self->loan : 0;
    look_again_at(self, at, &covered, step, self->free || again ? NULL : &self->below);
}

/* The step under way is over: it becomes part of the path. */
static inline __attribute__((always_inline)) void finish_step(dpor *self)
{
    const uint32_t number = treadle_order_length(self->order);
    position *at = &self->positions[number];
    treadle_executed *step = treadle_executed_new(
        self->steps, self->guide.thread, self->footprint->touches, self->footprint->count,
        &self->values[at->values], self->value_count - at->values);
    self->running = false;
    if (at->takes_place && at->turn != TREADLE_NO_STEP) {
        treadle_order_keep(self->order, at->turn);
    }
    if (step == NULL ||
        !treadle_order_append(self->order, step, self->gate, self->footprint->released)) {
        self->exceeded = "the steps or threads of an execution, or memory";
        return;
    }
    if (self->at_leaf) {
        self->at_leaf = false;
        finish_leaf(self, at, step);
    }
    at->diverted = self->footprint->diverted;
    self->any_diverted |= at->diverted != 0;
}

/* ---- symmetry -------------------------------------------------------------------------------- */

/* Interchangeable threads that have not taken their places. */
static uint64_t unplaced(const position *at)
{
    return treadle_scenario_threads() & ~at->placed;
}

static bool takes_place(const position *at, uint32_t thread)
{
    return unplaced(at) >> thread & 1 && treadle_changes_others(thread);
}

/* Without the threads whose turn has not come. */
static uint64_t in_turn(const position *at, uint64_t enabled)
{
    uint64_t left = unplaced(at);
    left &= left - 1; /* it is the lowest one's */
    for (left &= enabled; left; left &= left - 1) {
        const uint32_t thread = (uint32_t)__builtin_ctzll(left);
        enabled &= ~((uint64_t)takes_place(at, thread) << thread);
    }
    return enabled;
}

/* ---- positions ------------------------------------------------------------------------------- */

/* Who sleeps on the path to a borrowed part. */
static void fall_asleep_as_lent(dpor *self, position *at, uint32_t number)
{
    for (uint32_t i = 0; i < self->lent_count; i++) {
        if (self->lent[i].position == number && !fall_asleep(self, at, self->lent[i].step)) {
            return;
        }
    }
}

static void open_position(dpor *self, position *at, const treadle_step *now)
{
    const uint32_t number = treadle_order_length(self->order);
    *at = (position){.children = self->below,
                     .stuck = now->stuck,
                     .turn = TREADLE_NO_STEP,
                     .values = self->value_count,
                     .decisions = now->decisions};
    self->below = NULL;
    if (number == 0) {
        self->prologue = self->value_count;
    } else {
        const position *before = at - 1;
        at->asleep = before->asleep + before->asleep_count;
        if (before->asleep_count > 0 && !now->stuck) {
            inherit(self, before, at, treadle_order_step(self->order, number - 1)->step);
        }
        if (UNLIKELY(self->symmetric)) {
            const uint32_t thread = treadle_order_step(self->order, number - 1)->thread;
            at->placed = before->placed | (uint64_t)before->takes_place << thread;
            at->turn = before->takes_place ? number - 1 : before->turn;
        }
    }
    if (number < self->root) {
        fall_asleep_as_lent(self, at, number);
    }
    at->inherited = at->asleep_count;
    if (now->stuck) {
        treadle_order_join_all(self->order);
    }
    at->enabled = self->symmetric ? in_turn(at, now->enabled) : now->enabled;
    self->out_of_turn = at->enabled == 0;
}

/* Follows the first child. */
static void follow_first(dpor *self, position *at)
{
    treadle_wakeup *child = treadle_wakeup_pop(&at->children);
    self->guide.thread = child->thread;
    self->guide.count = child->open ? child->fixed : child->step->value_count;
    for (uint32_t i = 0; i < self->guide.count; i++) {
        self->guide.values[i] = treadle_executed_values(child->step)[i].taken;
    }
    at->open = child->open;
    self->free = false;
    self->at_leaf = child->leaf;
    self->loan = child->loan;
    self->below = child->child;
    child->child = NULL;
    treadle_wakeup_drop(self->nodes, child);
}

/* The first child was explored already, by this step; or cannot be (NULL): its thread waits for
 * something that did not happen. */
static void skip_first(dpor *self, position *at, const treadle_executed *step)
{
    treadle_wakeup *child = treadle_wakeup_pop(&at->children);
    self->counts.infeasible += step == NULL;
    if (child->leaf) {
        look_again_at(self, at, &child->child, step, NULL);
    }
    treadle_wakeup_drop(self->nodes, child);
}

static const treadle_executed *executed_as(const dpor *self, const position *at,
                                           const treadle_wakeup *node)
{
    treadle_executed *const *asleep = dpor_asleep_at(self, at);
    for (uint32_t i = 0; i < at->asleep_count; i++) {
        if (treadle_wakeup_means(node, asleep[i])) {
            return asleep[i];
        }
    }
    return NULL;
}

/* Follows the first child that can be and has not been. False when none is left. */
static bool descend(dpor *self, position *at)
{
    while (at->children != NULL) {
        const bool possible = at->enabled & UINT64_C(1) << at->children->thread;
        const treadle_executed *step = executed_as(self, at, at->children);
        if (possible && step == NULL) {
            follow_first(self, at);
            return true;
        }
        skip_first(self, at, step);
    }
    return false;
}

/* The thread whose step is next: in the guide. False when nothing is to be explored here. */
static bool select_step(dpor *self, position *at, const treadle_step *now)
{
    if (!self->free) {
        return descend(self, at);
    }
    if (self->out_of_turn) {
        return false;
    }
    const bool stays = at->enabled & UINT64_C(1) << now->current;
    self->guide.thread = stays ? now->current : (uint32_t)__builtin_ctzll(at->enabled);
    self->guide.count = 0;
    at->open = true;
    return true;
}

static uint32_t step(void *context, const treadle_step *now)
{
    dpor *self = context;
    self->footprint = now->footprint;
    if (self->running) {
        finish_step(self);
    }
    if (UNLIKELY(now->enabled >> TREADLE_ORDER_THREADS_MAX) && self->exceeded == NULL) {
        self->exceeded = "16 threads";
    }
    position *at = &self->positions[treadle_order_length(self->order)];
    if (!self->resuming && LIKELY(self->exceeded == NULL)) {
        open_position(self, at, now);
    }
    if (UNLIKELY(self->exceeded != NULL)) {
        treadle_stop(TREADLE_OUTCOME_CUT, "dpor-limit", "partial order reduction is limited in %s",
                     self->exceeded);
    }
    if (UNLIKELY(self->due != 0)) {
        treadle_stop(TREADLE_OUTCOME_REDUNDANT, "", "%s", "");
    }
    if (self->resuming) {
        self->resuming = false;
    } else if (!select_step(self, at, now)) {
        treadle_stop(TREADLE_OUTCOME_REDUNDANT, "", "%s", "");
    }
    if (!(now->enabled & UINT64_C(1) << self->guide.thread)) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "thread %u cannot go on where it could before: the subject depends on "
                     "something that is not in the decision stream",
                     self->guide.thread);
    }
    at->takes_place = self->symmetric && takes_place(at, self->guide.thread);
    self->gate = treadle_gate_of(self->guide.thread);
    self->running = true;
    return self->guide.thread;
}

/* Before the first step. */
static uint32_t choose_prologue(dpor *self, const treadle_choice *choice)
{
    const uint32_t i = self->value_count;
    if (self->value_count == VALUES_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "dpor-limit", "%u decisions before the first step", i);
    }
    const uint16_t value = i < self->prologue_given ? self->taken[i] : 0;
    if (value >= choice->count) {
        treadle_stop(TREADLE_OUTCOME_DIVERGED, "nondeterminism",
                     "a decision before the first step has %u options, and %u before it",
                     choice->count, i);
    }
    self->values[i] = (treadle_step_value){value, (uint16_t)choice->count};
    self->taken[i] = value;
    self->value_count++;
    return value;
}

static uint32_t choose(void *context, const treadle_choice *choice)
{
    dpor *self = context;
    if (!self->running) {
        return choose_prologue(self, choice);
    }
    const uint32_t i =
        self->value_count - self->positions[treadle_order_length(self->order)].values;
    uint16_t value = i < UINT8_MAX && i < self->guide.count ? self->guide.values[i] : 0;
    if (value >= choice->count && self->positions[treadle_order_length(self->order)].open) {
        value = 0; /* it was known from elsewhere, and goes another way here */
    }
    if (value >= choice->count || i >= UINT8_MAX || self->value_count == VALUES_MAX) {
        treadle_stop(value >= choice->count ? TREADLE_OUTCOME_DIVERGED : TREADLE_OUTCOME_CUT,
                     value >= choice->count ? "nondeterminism" : "dpor-limit",
                     "a decision has %u options, and %u before it in the same step", choice->count,
                     i);
    }
    self->values[self->value_count] = (treadle_step_value){value, (uint16_t)choice->count};
    self->taken[self->value_count++] = value;
    return value;
}

/* ---- from one execution to the next -----------------------------------------------------------
 */

static void end(void *context, const treadle_outcome *outcome)
{
    dpor *self = context;
    if (self->running) {
        finish_step(self);
    }
    if (treadle_order_length(self->order) == 0) {
        self->prologue = self->value_count; /* it ended there */
    }
    if (self->due != 0) {
        return;
    }
    self->counts.redundant += outcome->kind == TREADLE_OUTCOME_REDUNDANT;
    self->counts.executions += outcome->kind != TREADLE_OUTCOME_REDUNDANT;
    if (self->exceeded != NULL || outcome->kind == TREADLE_OUTCOME_DIVERGED ||
        outcome->kind == TREADLE_OUTCOME_ENVIRONMENT) {
        return;
    }
    dpor_reverse(self, outcome->kind != TREADLE_OUTCOME_REDUNDANT || self->out_of_turn);
}

/* What a position's step began has been explored. False when nothing else is left there. */
static bool next_branch(dpor *self, uint32_t number)
{
    position *at = &self->positions[number];
    self->value_count = at->values;
    if (at->children != NULL) {
        treadle_executed *step = treadle_order_step(self->order, number)->step;
        if (fall_asleep(self, at, step)) {
            treadle_executed_keep(step);
        }
        if (descend(self, at)) {
            return true;
        }
    }
    wake_all(self, at);
    return false;
}

/* Everything after the prologue has been explored: what it decides next. False when it has decided
 * everything. */
static bool vary_prologue(dpor *self)
{
    uint32_t given = self->prologue;
    while (given > 0 && self->values[given - 1].taken + 1 == self->values[given - 1].options) {
        given--;
    }
    if (given == 0) {
        return false;
    }
    self->taken[given - 1]++;
    self->prologue_given = given;
    self->value_count = 0;
    self->free = true;
    treadle_order_cut(self->order, 0);
    return true;
}

static bool begin(void *context, uint64_t execution)
{
    dpor *self = context;
    self->from = 0;
    self->resuming = false;
    self->out_of_turn = false;
    if (execution == 0) {
        self->free = self->root == 0;
        self->from = self->lent_from;
        return true;
    }
    treadle_wakeup_drop_all(self->nodes, &self->below);
    for (uint32_t i = treadle_order_length(self->order);
         i-- > self->root && self->exceeded == NULL;) {
        if (next_branch(self, i)) {
            treadle_order_cut(self->order, i);
            self->from = i;
            self->resuming = true;
            return true;
        }
    }
    if (self->exceeded != NULL) {
        self->value_count = 0;
        return true; /* to its first step, which says so */
    }
    return self->root == 0 && vary_prologue(self);
}

/* To which of the plan's runs the steps belong that it is going to repeat. Those of the last plan
 * that are still on the path are known. */
static void find_runs(dpor *self)
{
    uint32_t i = self->planned < self->from ? self->planned : self->from;
    for (; i < self->from; i++) {
        position *at = &self->positions[i];
        const position *before = i > 0 ? at - 1 : NULL;
        const uint32_t thread = treadle_order_step(self->order, i)->thread;
        /* Within a run nobody looks whether the thread can go on. */
        const bool same = before != NULL && self->runs[before->run].thread == thread && !at->stuck;
        at->run = before == NULL ? 0 : before->run + !same;
        at->run_steps = (same ? before->run_steps : 0) + 1;
        self->runs[at->run] = (treadle_plan_run){thread, at->run_steps};
    }
    self->planned = self->from;
}

static void plan(void *context, treadle_plan *out)
{
    dpor *self = context;
    if (!self->resuming) {
        self->planned = 0;
        return;
    }
    find_runs(self);
    const position *at = &self->positions[self->from];
    *out = (treadle_plan){.runs = self->runs,
                          .values = self->taken,
                          .value_count = at->values,
                          .decisions = at->decisions};
    if (self->from > 0) {
        const position *before = at - 1;
        self->runs[before->run].steps = before->run_steps;
        out->run_count = before->run + 1;
    }
}

/* A random walk's probability to end in what has been explored, if no more branches turn up. */
static double progress(const void *context)
{
    const dpor *self = context;
    const uint32_t length = treadle_order_length(self->order);
    double share = 0;
    double weight = 1;
    for (uint32_t i = 0; i < self->prologue; i++) {
        weight /= self->values[i].options;
        share += weight * self->values[i].taken;
    }
    for (uint32_t i = 0; i < length; i++) {
        const position *at = &self->positions[i];
        const uint32_t done = at->asleep_count - at->inherited;
        uint32_t branches = done + 1;
        for (const treadle_wakeup *child = at->children; child != NULL; child = child->sibling) {
            branches++;
        }
        weight /= branches;
        share += weight * done;
    }
    return share;
}

treadle_dpor_counts treadle_dpor_counted(const void *context)
{
    const dpor *self = context;
    return self->counts;
}

uint64_t treadle_dpor_trace_hash(const void *context)
{
    const dpor *self = context;
    uint64_t hash = treadle_order_hash(self->order);
    for (uint32_t i = 0; i < self->prologue; i++) {
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + self->values[i].taken;
    }
    return hash;
}

const treadle_strategy treadle_strategy_dpor = {
    .name = "dpor",
    .summary = "optimal partial order reduction: one execution for each trace",
    .exhaustive = true,
    .reduces = true,
    .create = create,
    .destroy = destroy,
    .begin = begin,
    .choose = choose,
    .end = end,
    .progress = progress,
    .plan = plan,
    .step = step,
    .lending = &dpor_lending,
};
