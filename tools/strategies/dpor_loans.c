// SPDX-License-Identifier: MIT
/* Whoever else may explore a part of the space takes a leaf of a wakeup tree: nobody is asleep
 * after it, so that what follows does not depend on anything beside the steps that lead there, and
 * may be explored early. What happens of it here happens when its turn comes, in depth-first order:
 * its last step falls asleep, and the sequences that the borrower found for positions before it are
 * to be explored. So the executions are the same as without loans. */
#include <stdlib.h>

#include "tools/strategies/dpor_internal.h"

/* The shallowest leaf that is not lent: its position, and the path to it from there. */
static bool find_leaf(dpor *self, uint32_t *number, treadle_wakeup *const **path, uint32_t *length)
{
    const uint32_t end = treadle_order_length(self->order);
    for (uint32_t i = self->root; i < end; i++) {
        *length = treadle_wakeup_find(self->nodes, self->positions[i].children, path);
        if (*length > 0) {
            *number = i;
            return true;
        }
    }
    return false;
}

static void describe_sleeper(treadle_parcel *to, uint32_t number, const treadle_executed *step)
{
    treadle_parcel_put_number(to, number);
    treadle_parcel_put_step(to, step);
}

/* Who falls asleep on the path to a position; at that one the step under way, too. */
static void describe_sleepers(const dpor *self, treadle_parcel *to, uint32_t last)
{
    uint32_t count = self->lent_count + 1;
    for (uint32_t i = self->root; i <= last; i++) {
        count += self->positions[i].asleep_count - self->positions[i].inherited;
    }
    treadle_parcel_put_number(to, count);
    for (uint32_t i = 0; i < self->lent_count; i++) {
        describe_sleeper(to, self->lent[i].position, self->lent[i].step);
    }
    for (uint32_t i = self->root; i <= last; i++) {
        const position *at = &self->positions[i];
        for (uint32_t j = at->inherited; j < at->asleep_count; j++) {
            describe_sleeper(to, i, dpor_asleep_at(self, at)[j]);
        }
    }
    describe_sleeper(to, last, treadle_order_step(self->order, last)->step);
}

static const void *lend(void *context, uint16_t loan, bool all, size_t size_max, size_t *size)
{
    dpor *self = context;
    uint32_t number;
    uint32_t length;
    treadle_wakeup *const *path;
    if (self->exceeded != NULL || !find_leaf(self, &number, &path, &length)) {
        return NULL;
    }
    treadle_parcel *parcel = &self->parcel;
    parcel->used = 0;
    treadle_parcel_put_number(parcel, self->prologue);
    for (uint32_t i = 0; i < self->prologue; i++) {
        treadle_parcel_put_number(parcel, self->taken[i]);
    }
    treadle_parcel_put_number(parcel, number);
    treadle_parcel_put_number(parcel, number + length);
    for (uint32_t i = 0; i < number; i++) {
        treadle_executed *step = treadle_order_step(self->order, i)->step;
        treadle_parcel_put_item(parcel,
                                &(treadle_sequence_item){.step = step, .thread = step->thread});
    }
    for (uint32_t i = 0; i < length; i++) {
        const treadle_sequence_item item = treadle_wakeup_item(path[i]);
        treadle_parcel_put_item(parcel, &item);
    }
    describe_sleepers(self, parcel, number);
    treadle_wakeup *leaf = path[length - 1];
    leaf->loan = loan;
    if (parcel->failed || parcel->used > size_max ||
        (!all && !find_leaf(self, &number, &path, &length))) {
        leaf->loan = 0;
        return NULL;
    }
    *size = parcel->used;
    return parcel->bytes;
}

/* As after create(). */
static void forget_all(dpor *self)
{
    treadle_order_cut(self->order, 0);
    treadle_wakeup_drop_all(self->nodes, &self->below);
    for (; self->lent_count > 0; self->lent_count--) {
        treadle_executed_drop(self->steps, self->lent[self->lent_count - 1].step);
    }
    self->value_count = 0;
    self->running = false;
    self->at_leaf = false;
    self->loan = 0;
    self->due = 0;
    self->counts = (treadle_dpor_counts){0};
}

static bool borrow_sleepers(dpor *self, treadle_parcel_reader *from)
{
    const uint32_t count = treadle_parcel_get_number(from);
    if (count > self->lent_room) {
        lent_sleeper *grown = realloc(self->lent, count * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        self->lent = grown;
        self->lent_room = count;
    }
    for (; self->lent_count < count; self->lent_count++) {
        lent_sleeper *sleeper = &self->lent[self->lent_count];
        sleeper->position = treadle_parcel_get_number(from);
        sleeper->step = treadle_parcel_get_step(from, self->steps);
        if (sleeper->step == NULL) {
            return false;
        }
    }
    return true;
}

static bool borrow(void *context, const void *bytes, size_t size)
{
    dpor *self = context;
    treadle_parcel_reader from = {bytes, size};
    forget_all(self);
    self->prologue_given = treadle_parcel_get_number(&from);
    for (uint32_t i = 0; i < self->prologue_given && i < VALUES_MAX; i++) {
        self->taken[i] = (uint16_t)treadle_parcel_get_number(&from);
    }
    self->lent_from = treadle_parcel_get_number(&from);
    if (!treadle_parcel_get_sequence(&from, self->steps, &self->sequence)) {
        return false;
    }
    self->root = self->sequence.count;
    const bool inserted = treadle_wakeup_insert(self->nodes, &self->below, &self->sequence);
    treadle_parcel_drop_sequence(self->steps, &self->sequence);
    return inserted && borrow_sleepers(self, &from);
}

/* Sequences on their way to the lender. */
typedef struct giving {
    dpor *self;
    uint32_t position;
} giving;

static bool give_sequence(void *context)
{
    giving *to = context;
    treadle_parcel_put_number(&to->self->parcel, to->position + 1); /* 0 ends them */
    treadle_parcel_put_sequence(&to->self->parcel, &to->self->sequence);
    return true;
}

static const void *give_back(void *context, size_t *size)
{
    dpor *self = context;
    giving to = {.self = self};
    self->parcel.used = 0;
    for (; to.position < self->root; to.position++) {
        treadle_wakeup_take_apart(self->nodes, &self->positions[to.position].children,
                                  &self->sequence, give_sequence, &to);
    }
    treadle_parcel_put_number(&self->parcel, 0);
    *size = self->parcel.used;
    return self->parcel.failed || self->exceeded != NULL ? NULL : self->parcel.bytes;
}

static uint16_t due(const void *context)
{
    const dpor *self = context;
    return self->due;
}

static void settle(void *context, const void *bytes, size_t size)
{
    dpor *self = context;
    treadle_parcel_reader reader = {bytes, size};
    self->due = 0;
    for (;;) {
        const uint32_t number = treadle_parcel_get_number(&reader);
        if (number == 0 || self->exceeded != NULL) {
            return;
        }
        if (!treadle_parcel_get_sequence(&reader, self->steps, &self->sequence)) {
            self->exceeded = "memory";
            return;
        }
        dpor_explore(self, &self->positions[number - 1]);
        treadle_parcel_drop_sequence(self->steps, &self->sequence);
    }
}

const treadle_lending dpor_lending = {
    .lend = lend,
    .borrow = borrow,
    .give_back = give_back,
    .due = due,
    .settle = settle,
};
