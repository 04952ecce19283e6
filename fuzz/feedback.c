// SPDX-License-Identifier: MIT
#include "fuzz/feedback.h"

#include <string.h>

#include "tools/engine/engine.h"

enum { COUNTERS = 1 << 15, PLACES = 1 << 12, GRANULE = 8, GRANULES_MAX = 8 };

/* libFuzzer finds them by the name of their section, and clears them before each input. */
static uint8_t counters[COUNTERS] __attribute__((section("__libfuzzer_extra_counters"), used));

/* Who changed a place last. Another place may take the entry: then a pair is missed. */
typedef struct last_change {
    uint64_t address;
    uint64_t execution;
    uint64_t site;
    uint32_t thread;
} last_change;

static last_change places[PLACES];
static uint64_t execution;
/* What each thread has touched beyond memory in this execution: stands for where it is. */
static uint32_t external[TREADLE_THREADS_MAX];

/* Sites do not depend on where the executable was loaded. */
extern const char __ehdr_start[];

static uint64_t mix(uint64_t value)
{
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 29;
}

static void count(const treadle_feedback *self, uint64_t from, uint64_t to)
{
    uint8_t *counter = &counters[mix(mix(mix(self->workload + 1) + from) + to) >> 7 & COUNTERS - 1];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
}

enum { NOBODY, CODE }; /* in place of a site */

static void look(const treadle_feedback *self, uint64_t address, uint32_t thread, uint32_t flags,
                 uint64_t site)
{
    last_change *place = &places[mix(address) >> 32 & PLACES - 1];
    const bool known = place->execution == execution && place->address == address;
    const bool lock = flags & TREADLE_TOUCH_LOCK;
    const bool object = flags & TREADLE_TOUCH_OBJECT;
    const bool writes = lock ? flags & TREADLE_TOUCH_RELEASE : flags & TREADLE_TOUCH_WRITE;
    const bool reads =
        lock ? flags & TREADLE_TOUCH_ACQUIRE : !writes || object || flags & TREADLE_TOUCH_RMW;
    if (reads && known && place->thread != thread) {
        count(self, place->site, site);
    } else if (reads && !known && !object) {
        count(self, NOBODY, site);
    }
    if (writes) {
        *place = (last_change){address, execution, site, thread};
    }
}

/* Commands go through one line of the subject: which one it is, is told by what it touches and by
 * how much its thread has touched before. */
static uint64_t where_of(uint32_t thread, treadle_touch touched, const void *site)
{
    if (touched.address & TREADLE_TOUCH_SPACE) {
        return mix(touched.address + ++external[thread]);
    }
    return site != NULL ? (uintptr_t)site - (uintptr_t)__ehdr_start : 1;
}

static void start(void *context)
{
    const treadle_feedback *self = context;
    execution++;
    memset(external, 0, sizeof external);
    if (self->also != NULL) {
        self->also->start(self->also_self);
    }
}

static void touch(void *context, uint32_t thread, treadle_touch touched, const void *site)
{
    const treadle_feedback *self = context;
    if (!(touched.flags & TREADLE_TOUCH_ALLOCATE)) {
        const uint64_t where = where_of(thread, touched, site);
        const uint64_t first = touched.address / GRANULE;
        const uint64_t last = (touched.address + touched.size - 1) / GRANULE;
        const uint64_t granules = self->no_interleavings ? 0 : GRANULES_MAX;
        count(self, CODE, where);
        for (uint64_t at = first; at <= last && at < first + granules; at++) {
            look(self, at, thread, touched.flags, where);
        }
    }
    if (self->also != NULL) {
        self->also->touch(self->also_self, thread, touched, site);
    }
}

static void fence(void *context, uint32_t thread, int order)
{
    const treadle_feedback *self = context;
    if (self->also != NULL) {
        self->also->fence(self->also_self, thread, order);
    }
}

static void edge(void *context, uint32_t from, uint32_t to)
{
    const treadle_feedback *self = context;
    if (self->also != NULL) {
        self->also->edge(self->also_self, from, to);
    }
}

const treadle_observer treadle_feedback_observer = {start, touch, fence, edge};
