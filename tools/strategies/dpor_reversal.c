// SPDX-License-Identifier: MIT
/* What an execution shows to be possible otherwise: its races the other way round, its decisions
 * taken otherwise, and threads that could have gone on and did not. */
#include <string.h>

#include "tools/engine/pending.h"
#include "tools/strategies/dpor_internal.h"

/* Before the step `number`: what did not happen after it, and then a step of another thread: as
 * `last`, which decided `fixed` values; NULL = not known. */
static void explore_instead(dpor *self, uint32_t number, uint32_t thread, treadle_executed *last,
                            uint16_t fixed)
{
    const treadle_ordered *first = treadle_order_step(self->order, number);
    const uint32_t end = treadle_order_length(self->order);
    treadle_sequence_clear(&self->sequence);
    for (uint32_t i = number + 1; i < end; i++) {
        const treadle_ordered *later = treadle_order_step(self->order, i);
        if (!treadle_happens_before(first, &later->clock)) {
            treadle_sequence_add(&self->sequence, (treadle_sequence_item){.step = later->step,
                                                                          .thread = later->thread});
        }
    }
    treadle_sequence_add(&self->sequence, (treadle_sequence_item){.step = last,
                                                                  .fixed = fixed,
                                                                  .thread = (uint8_t)thread,
                                                                  .open = true});
    dpor_explore(self, &self->positions[number]);
}

static void reverse(dpor *self, treadle_race race)
{
    const treadle_ordered *second = treadle_order_step(self->order, race.second);
    explore_instead(self, race.first, second->thread, second->step, second->step->value_count);
}

/* The next step of a thread was not taken: it could have been before a step that was. */
static void reverse_pending(dpor *self, uint32_t first, uint32_t thread)
{
    explore_instead(self, first, thread, NULL, 0);
}

static void reverse_diversions(dpor *self, uint32_t number)
{
    for (uint64_t left = self->positions[number].diverted; left; left &= left - 1) {
        reverse_pending(self, number, (uint32_t)__builtin_ctzll(left));
    }
}

/* A step that decides otherwise, for the first time at `index`. */
static void vary(dpor *self, uint32_t number, uint32_t index)
{
    const treadle_ordered *varied = treadle_order_step(self->order, number);
    treadle_step_value *values = &self->values[self->positions[number].values];
    const treadle_step_value decided = values[index];
    for (uint16_t other = 0; other < decided.options; other++) {
        if (other == decided.taken) {
            continue;
        }
        values[index].taken = other;
        treadle_executed *step =
            treadle_executed_new(self->steps, varied->thread, varied->step->touches,
                                 varied->step->touch_count, values, index + 1);
        if (step == NULL) {
            self->exceeded = "memory";
            break;
        }
        explore_instead(self, number, varied->thread, step, (uint16_t)(index + 1));
        treadle_executed_drop(self->steps, step);
    }
    values[index] = decided;
}

/* What happens before all that is new in this execution. */
static treadle_clock before_all_new(const dpor *self)
{
    const uint32_t end = treadle_order_length(self->order);
    treadle_clock common;
    memset(&common, 0x7f, sizeof common);
    for (uint32_t i = self->from; i < end; i++) {
        const treadle_clock *clock = &treadle_order_step(self->order, i)->clock;
        for (uint32_t t = 0; t < TREADLE_ORDER_THREADS_MAX; t++) {
            common.of[t] = common.of[t] < clock->of[t] ? common.of[t] : clock->of[t];
        }
    }
    return common;
}

/* Races with what is new in this execution, in them or beside them; and what else could have come
 * otherwise. */
static void reverse_races(dpor *self)
{
    const treadle_clock common = before_all_new(self);
    const treadle_race *races;
    const uint32_t count = treadle_order_races(self->order, &races);
    for (uint32_t i = 0; i < count; i++) {
        if (races[i].second >= self->from ||
            !treadle_happens_before(treadle_order_step(self->order, races[i].first), &common)) {
            reverse(self, races[i]);
        }
    }
    const bool some = self->value_count > 0 || self->any_diverted;
    const uint32_t end = some ? treadle_order_length(self->order) : 0;
    for (uint32_t i = 0; i < end; i++) {
        const position *at = &self->positions[i];
        const treadle_ordered *step = treadle_order_step(self->order, i);
        if ((step->step->value_count == 0 && !at->diverted) ||
            (i < self->from && treadle_happens_before(step, &common))) {
            continue;
        }
        reverse_diversions(self, i);
        for (uint32_t j = 0; j < step->step->value_count; j++) {
            vary(self, i, j);
        }
    }
}

/* Threads that never went on: those that the last step kept from it by ending everything, and those
 * that wait for a lock that they could have had. */
static void reverse_waiting(dpor *self)
{
    const uint32_t end = treadle_order_length(self->order);
    if (end == 0) {
        return;
    }
    const treadle_ordered *last = treadle_order_step(self->order, end - 1);
    uint64_t left = self->positions[end - 1].enabled & ~(UINT64_C(1) << last->thread);
    for (; left; left &= left - 1) {
        reverse_pending(self, end - 1, (uint32_t)__builtin_ctzll(left));
    }
    for (uint32_t i = 0; i < treadle_thread_count() && i < TREADLE_ORDER_THREADS_MAX; i++) {
        uint32_t first;
        if (treadle_order_blocked(self->order, i, treadle_gate_of(i), &first)) {
            reverse_pending(self, first, i);
        }
    }
}

void dpor_reverse(dpor *self, bool whole)
{
    reverse_races(self);
    if (whole) {
        reverse_waiting(self);
    }
}
