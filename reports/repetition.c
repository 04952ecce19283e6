// SPDX-License-Identifier: MIT
#include "reports/repetition.h"

#include <stdbool.h>
#include <string.h>

enum {
    PERIOD_MAX = 64,
    REPEATS_MIN = 3,
    EVENTS_MIN = 12, /* fewer than so many in the repeats are not worth leaving out */
};

static bool same(const treadle_trace *trace, const treadle_event *one, const treadle_event *other)
{
    return one->thread == other->thread && one->kind == other->kind && one->size == other->size &&
           one->order == other->order && one->object == other->object &&
           one->flags == other->flags && one->address == other->address &&
           one->site == other->site && one->value == other->value &&
           one->written == other->written && one->text_length == other->text_length &&
           memcmp(trace->text + one->text_offset, trace->text + other->text_offset,
                  one->text_length) == 0;
}

/* How many events from `from` on are as those `period` earlier. */
static uint32_t same_as_before(const treadle_trace *trace, uint32_t from, uint32_t period,
                               uint32_t end)
{
    uint32_t count = 0;
    while (from + count < end &&
           same(trace, &trace->events[from + count], &trace->events[from + count - period])) {
        count++;
    }
    return count;
}

treadle_repetition treadle_repetition_at(const treadle_trace *trace, uint32_t from, uint32_t end)
{
    for (uint32_t period = 1; period <= PERIOD_MAX && from + period < end; period++) {
        const uint32_t repeats = same_as_before(trace, from + period, period, end) / period;
        if (repeats >= REPEATS_MIN && repeats * period >= EVENTS_MIN) {
            return (treadle_repetition){period, repeats};
        }
    }
    return (treadle_repetition){0};
}
