// SPDX-License-Identifier: MIT
#include "tools/strategies/order.h"

#include <stdlib.h>
#include <string.h>

#include "tools/engine/branch.h"

enum { NONE = TREADLE_NO_STEP };

/* The steps that matter to the next access of a location. */
typedef struct cell {
    uint16_t write;                            /* the last step that wrote; NONE */
    uint16_t readers;                          /* threads that have read since, by bit */
    uint16_t reads[TREADLE_ORDER_THREADS_MAX]; /* each reader's last step */
} cell;

typedef enum undo_kind { UNDO_READ, UNDO_WRITE, UNDO_RELEASE, UNDO_BARRIER } undo_kind;

/* What a cell was before a step touched it. */
typedef struct undo {
    uint32_t cell; /* or the thread of a release or a barrier */
    uint16_t step;
    uint16_t readers;
    uint8_t kind;
    uint8_t thread;
    uint8_t flags;    /* of the touch that wrote */
    uint32_t release; /* index of the saved clock */
} undo;

_Static_assert(TREADLE_TOUCH_FOOTPRINT <= UINT8_MAX, "the flags of a footprint's touch fit");

/* A growing array. */
#define LOG(type)          \
    struct {               \
        type *items;       \
        uint32_t count;    \
        uint32_t capacity; \
    }

/* The steps that a step being added conflicts with, and that do not happen before it for another
 * reason: each thread's last. */
typedef struct conflicts {
    const treadle_clock *clock; /* what happens before it anyway */
    uint32_t threads;           /* by bit */
    uint16_t of[TREADLE_ORDER_THREADS_MAX];
} conflicts;

struct treadle_order {
    treadle_step_pool *pool;
    const treadle_locations *locations;
    uint32_t length;
    uint16_t last[TREADLE_ORDER_THREADS_MAX];          /* each thread's last step */
    treadle_clock released[TREADLE_ORDER_THREADS_MAX]; /* what let its next one go on */
    uint16_t kept;                                     /* a step before the next one; NONE */
    uint16_t barriers[TREADLE_ORDER_THREADS_MAX]; /* each one's last step that conflicts with all */
    uint32_t barrier_threads;                     /* by bit */
    cell *cells;                                  /* by location */
    uint32_t cell_count;
    LOG(undo) undos;
    LOG(treadle_race) races;
    LOG(treadle_clock) saved; /* of `released`, for undoing */
    bool failed;              /* out of memory: something is missing */
    treadle_ordered steps[TREADLE_ORDER_STEPS_MAX];
};

/* With room for `more`. */
static RARELY bool reserve(void **items, uint32_t *capacity, uint32_t count, uint32_t more,
                           size_t size)
{
    uint32_t wanted = *capacity ? *capacity : 256;
    while (wanted < count + more) {
        wanted *= 2;
    }
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

/* Makes room for `more` items; PUT() may be used so often. */
#define RESERVE(log, more)                             \
    (LIKELY((log).count + (more) <= (log).capacity) || \
     reserve((void **)&(log).items, &(log).capacity, (log).count, more, sizeof *(log).items))
#define PUT(log, ...) ((log).items[(log).count++] = __VA_ARGS__)

treadle_order *treadle_order_create(treadle_step_pool *pool)
{
    treadle_order *order = calloc(1, sizeof *order);
    if (order != NULL) {
        order->pool = pool;
        order->locations = treadle_step_locations(pool);
        order->kept = NONE;
        memset(order->last, 0xff, sizeof order->last);
        memset(order->barriers, 0xff, sizeof order->barriers);
    }
    return order;
}

void treadle_order_destroy(treadle_order *order)
{
    treadle_order_cut(order, 0);
    free(order->cells);
    free(order->undos.items);
    free(order->races.items);
    free(order->saved.items);
    free(order);
}

uint32_t treadle_order_length(const treadle_order *order)
{
    return order->length;
}

const treadle_ordered *treadle_order_step(const treadle_order *order, uint32_t number)
{
    return &order->steps[number];
}

uint32_t treadle_order_races(const treadle_order *order, const treadle_race **races)
{
    *races = order->races.items;
    return order->races.count;
}

static inline treadle_clock later(treadle_clock a, treadle_clock b)
{
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        a.of[i] = a.of[i] > b.of[i] ? a.of[i] : b.of[i];
    }
    return a;
}

/* With one step more of a thread. Without a store of one element, which loads of the whole would
 * wait for. */
static inline treadle_clock tick(treadle_clock clock, uint32_t thread)
{
    static const treadle_clock one[TREADLE_ORDER_THREADS_MAX] = {
        [0].of[0] = 1,   [1].of[1] = 1,   [2].of[2] = 1,   [3].of[3] = 1,
        [4].of[4] = 1,   [5].of[5] = 1,   [6].of[6] = 1,   [7].of[7] = 1,
        [8].of[8] = 1,   [9].of[9] = 1,   [10].of[10] = 1, [11].of[11] = 1,
        [12].of[12] = 1, [13].of[13] = 1, [14].of[14] = 1, [15].of[15] = 1,
    };
    for (uint32_t i = 0; i < 2; i++) {
        clock.lanes[i] += one[thread].lanes[i];
    }
    return clock;
}

static inline treadle_clock clock_of(const treadle_order *order, uint32_t thread)
{
    const uint16_t last = order->last[thread];
    const treadle_clock *let_go = &order->released[thread];
    return last == NONE ? *let_go : later(order->steps[last].clock, *let_go);
}

treadle_clock treadle_order_clock(const treadle_order *order, uint32_t thread)
{
    return clock_of(order, thread);
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* A cell for every location. */
static RARELY bool make_cells(treadle_order *order)
{
    const uint32_t count = order->locations->capacity;
    cell *grown = realloc(order->cells, count * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    order->cells = grown;
    for (uint32_t i = order->cell_count; i < count; i++) {
        grown[i].write = NONE;
        grown[i].readers = 0;
    }
    order->cell_count = count;
    return true;
}

/* What a step needs room for, whatever it does. */
static inline bool make_room(treadle_order *order, const treadle_executed *step)
{
    return RESERVE(order->undos, step->visit_count + TREADLE_ORDER_THREADS_MAX + 1) &&
           (LIKELY(order->locations->count <= order->cell_count) || make_cells(order));
}

/* A step that the one being added conflicts with, unless that one comes after it anyway. */
static inline void add_conflict(const treadle_order *order, conflicts *with, uint16_t step)
{
    const treadle_ordered *earlier = &order->steps[step];
    if (UNLIKELY(!treadle_happens_before(earlier, with->clock))) {
        const uint32_t thread = earlier->thread;
        const bool known = with->threads >> thread & 1;
        with->of[thread] = known && with->of[thread] > step ? with->of[thread] : step;
        with->threads |= 1u << thread;
    }
}

/* `number` is the step that is being added. */
static inline void add_conflicts(const treadle_order *order, conflicts *with, const cell *touched,
                                 bool write, uint32_t number)
{
    if (touched->write != NONE && touched->write != number) {
        add_conflict(order, with, touched->write);
    }
    if (write) {
        for (uint32_t left = touched->readers; left; left &= left - 1) {
            const uint16_t step = touched->reads[__builtin_ctz(left)];
            if (step != number) {
                add_conflict(order, with, step);
            }
        }
    }
}

/* Those of the other locations that have some of its bytes. */
static __attribute__((noinline)) void add_neighbours(const treadle_order *order, conflicts *with,
                                                     uint32_t location, bool write)
{
    const treadle_location *locations = order->locations->items;
    for (uint32_t i = locations[location].next; i != location; i = locations[i].next) {
        if (locations[i].bytes & locations[location].bytes) {
            add_conflicts(order, with, &order->cells[i], write, order->length);
        }
    }
}

/* Touches what the step did. */
static inline void meet(treadle_order *order, const treadle_executed *step, conflicts *with)
{
    const treadle_visit *visits = treadle_executed_visits(step);
    const treadle_location *locations = order->locations->items;
    const uint32_t visit_count = step->visit_count;
    const uint16_t number = (uint16_t)order->length;
    const uint8_t thread = step->thread;
    const uint16_t bit = (uint16_t)(1u << thread);
    const bool overlapping = treadle_locations_overlap(order->locations);
    cell *cells = order->cells;
    undo *log = order->undos.items + order->undos.count;
    for (uint32_t i = 0; i < visit_count; i++) {
        const uint32_t location = visits[i].location;
        const uint32_t flags = visits[i].flags;
        cell *touched = &cells[location];
        add_conflicts(order, with, touched, flags & TREADLE_TOUCH_WRITE, number);
        if (UNLIKELY(overlapping) && locations[location].next != location) {
            add_neighbours(order, with, location, flags & TREADLE_TOUCH_WRITE);
        }
        log->cell = location;
        log->readers = touched->readers;
        if (flags & TREADLE_TOUCH_WRITE) {
            log->step = touched->write;
            log->kind = UNDO_WRITE;
            log->flags = (uint8_t)flags;
            log++;
            touched->write = number;
            touched->readers = 0;
        } else if (!(touched->readers & bit) || touched->reads[thread] != number) {
            log->step = touched->reads[thread];
            log->kind = UNDO_READ;
            log->thread = thread;
            log++;
            touched->readers |= bit;
            touched->reads[thread] = number;
        }
    }
    order->undos.count = (uint32_t)(log - order->undos.items);
}

/* A step that commutes with no step of another thread. */
static __attribute__((noinline)) void add_barrier(treadle_order *order, conflicts *with,
                                                  uint32_t thread)
{
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        if (order->last[i] != NONE) {
            add_conflict(order, with, order->last[i]);
        }
    }
    PUT(order->undos,
        (undo){.cell = thread, .step = order->barriers[thread], .kind = UNDO_BARRIER});
    order->barriers[thread] = (uint16_t)order->length;
    order->barrier_threads |= 1u << thread;
}

static __attribute__((noinline)) void add_barriers_of_others(const treadle_order *order,
                                                             conflicts *with)
{
    for (uint32_t left = order->barrier_threads; left; left &= left - 1) {
        const uint16_t step = order->barriers[__builtin_ctz(left)];
        if (step != NONE) {
            add_conflict(order, with, step);
        }
    }
}

/* ---- races ----------------------------------------------------------------------------------- */

/* What a step did to an object: who had written it before, and how it wrote it first. */
typedef struct object_write {
    uint32_t before;
    const undo *first; /* NULL: it did not, or in another way than as an object */
} object_write;

static object_write write_of(const treadle_order *order, uint32_t step, uint32_t number)
{
    const uint32_t end =
        step + 1 < order->length ? order->steps[step + 1].undo : order->undos.count;
    object_write found = {.before = NONE};
    bool any = false;
    for (uint32_t i = order->steps[step].undo; i < end && found.first == NULL; i++) {
        const undo *entry = &order->undos.items[i];
        if (entry->cell == number && entry->kind == UNDO_WRITE) {
            found.before = any ? found.before : entry->step;
            found.first = entry->flags & TREADLE_TOUCH_OBJECT ? entry : NULL;
            any = true;
        }
    }
    return found;
}

/* Of a gate's object; none when nobody has touched it. */
static uint32_t gate_location(const treadle_order *order, treadle_gate gate)
{
    const uint8_t bytes = (uint8_t)(1u << (gate.address % TREADLE_GRANULE));
    const uint32_t location =
        treadle_locations_find(order->locations, gate.address / TREADLE_GRANULE, bytes);
    return location < order->cell_count ? location : TREADLE_NO_LOCATION;
}

/* The last step before which the gate was open; NONE when it happens before `clock` anyway, or
 * there is none. */
static uint32_t gate_race(const treadle_order *order, uint32_t thread, treadle_gate gate,
                          uint32_t location, const treadle_clock *clock)
{
    uint32_t step = order->cells[location].write;
    while (step != NONE) {
        const treadle_ordered *earlier = &order->steps[step];
        if (earlier->thread == thread || treadle_happens_before(earlier, clock)) {
            return NONE;
        }
        const object_write write = write_of(order, step, location);
        if (write.first == NULL || (write.first->flags & gate.open)) {
            return step; /* who knows what a plain write did */
        }
        step = write.before;
    }
    return NONE;
}

bool treadle_order_blocked(const treadle_order *order, uint32_t thread, treadle_gate gate,
                           uint32_t *first)
{
    const uint32_t location = gate.address != 0 ? gate_location(order, gate) : TREADLE_NO_LOCATION;
    if (location == TREADLE_NO_LOCATION) {
        return false;
    }
    const treadle_clock clock = clock_of(order, thread);
    *first = gate_race(order, thread, gate, location, &clock);
    return *first != NONE;
}

/* Of the step being added, with an earlier one. */
static void note_race(treadle_order *order, uint32_t first)
{
    if (RESERVE(order->races, 1)) {
        PUT(order->races, (treadle_race){(uint16_t)first, (uint16_t)order->length});
    } else {
        order->failed = true;
    }
}

/* The clock of a step that begins after `clock`, and its races: among the steps that it conflicts
 * with, those that no other one of them happens after. */
static inline treadle_clock race(treadle_order *order, const conflicts *with, treadle_clock clock)
{
    for (uint32_t left = with->threads; left;) {
        uint32_t last = (uint32_t)__builtin_ctz(left);
        for (uint32_t more = left & (left - 1); more; more &= more - 1) {
            const uint32_t other = (uint32_t)__builtin_ctz(more);
            last = with->of[other] > with->of[last] ? other : last;
        }
        left &= ~(1u << last);
        const treadle_ordered *earlier = &order->steps[with->of[last]];
        if (!treadle_happens_before(earlier, &clock)) {
            note_race(order, with->of[last]);
            clock = later(clock, earlier->clock);
        }
    }
    return clock;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) void release(treadle_order *order, uint32_t thread,
                                              const treadle_clock *clock)
{
    if (!RESERVE(order->saved, 1)) {
        order->failed = true;
        return;
    }
    PUT(order->undos, (undo){.cell = thread, .kind = UNDO_RELEASE, .release = order->saved.count});
    PUT(order->saved, order->released[thread]);
    order->released[thread] = later(order->released[thread], *clock);
}

/* Behind what its gate waited for: the race with that, and the clock after it. */
static treadle_clock pass_gate(treadle_order *order, const treadle_executed *step,
                               treadle_gate gate, treadle_clock clock)
{
    /* Mostly it touches that first. */
    const bool first = step->touch_count > 0 && step->touches[0].address == gate.address &&
                       step->touches[0].size == 1;
    const uint32_t location =
        first ? treadle_executed_visits(step)->location : gate_location(order, gate);
    if (location == TREADLE_NO_LOCATION || order->cells[location].write == NONE) {
        return clock;
    }
    const uint32_t opened = gate_race(order, step->thread, gate, location, &clock);
    if (opened != NONE) {
        note_race(order, opened);
    }
    return later(clock, order->steps[order->cells[location].write].clock);
}

/* What happens before the step being added, and its races. */
static inline treadle_clock find_order(treadle_order *order, const treadle_executed *step,
                                       treadle_gate gate)
{
    treadle_clock clock = clock_of(order, step->thread);
    if (order->kept != NONE) {
        clock = later(clock, order->steps[order->kept].clock);
    }
    if (gate.address != 0) {
        clock = pass_gate(order, step, gate, clock);
    }
    conflicts with;
    with.clock = &clock;
    with.threads = 0;
    meet(order, step, &with);
    if (UNLIKELY(step->everything)) {
        add_barrier(order, &with, step->thread);
    } else if (UNLIKELY(order->barrier_threads)) {
        add_barriers_of_others(order, &with);
    }
    return race(order, &with, clock);
}

bool treadle_order_append(treadle_order *order, treadle_executed *step, treadle_gate gate,
                          uint64_t released)
{
    const uint32_t thread = step->thread;
    if (thread >= TREADLE_ORDER_THREADS_MAX || released >> TREADLE_ORDER_THREADS_MAX ||
        order->length == TREADLE_ORDER_STEPS_MAX || order->failed || !make_room(order, step)) {
        treadle_executed_drop(order->pool, step);
        return false;
    }
    treadle_ordered *added = &order->steps[order->length];
    added->step = step;
    added->undo = order->undos.count;
    added->races = order->races.count;
    added->thread = (uint8_t)thread;
    added->previous = order->last[thread];
    added->clock = tick(find_order(order, step, gate), thread);
    added->index = added->clock.of[thread];
    order->kept = NONE;
    order->last[thread] = (uint16_t)order->length;
    order->length++;
    for (; released; released &= released - 1) {
        release(order, (uint32_t)__builtin_ctzll(released), &added->clock);
    }
    return !order->failed;
}

void treadle_order_keep(treadle_order *order, uint32_t before)
{
    order->kept = (uint16_t)before;
}

void treadle_order_join_all(treadle_order *order)
{
    if (!RESERVE(order->undos, TREADLE_ORDER_THREADS_MAX)) {
        order->failed = true;
        return;
    }
    treadle_clock all = {{0}};
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        all = order->last[i] == NONE ? all : later(all, order->steps[order->last[i]].clock);
    }
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        release(order, i, &all);
    }
}

static void undo_one(treadle_order *order, const undo *entry)
{
    switch ((undo_kind)entry->kind) {
    case UNDO_READ:
        order->cells[entry->cell].reads[entry->thread] = entry->step;
        order->cells[entry->cell].readers = entry->readers;
        break;
    case UNDO_WRITE:
        order->cells[entry->cell].write = entry->step;
        order->cells[entry->cell].readers = entry->readers;
        break;
    case UNDO_RELEASE:
        order->released[entry->cell] = order->saved.items[entry->release];
        order->saved.count = entry->release;
        break;
    case UNDO_BARRIER: order->barriers[entry->cell] = entry->step; break;
    }
}

void treadle_order_cut(treadle_order *order, uint32_t length)
{
    if (length >= order->length) {
        return;
    }
    for (uint32_t i = order->length; i-- > length;) {
        const treadle_ordered *gone = &order->steps[i];
        order->last[gone->thread] = gone->previous;
        treadle_executed_drop(order->pool, order->steps[i].step);
    }
    const treadle_ordered *cut = &order->steps[length];
    for (uint32_t i = order->undos.count; i > cut->undo; i--) {
        undo_one(order, &order->undos.items[i - 1]);
    }
    order->undos.count = cut->undo;
    order->races.count = cut->races;
    order->length = length;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint64_t mix_values(uint64_t hash, const treadle_executed *step)
{
    const treadle_step_value *values = treadle_executed_values(step);
    for (uint32_t j = 0; j < step->value_count; j++) {
        hash = mix(hash + 1 + values[j].taken);
    }
    return hash;
}

/* A sum over the steps does not depend on the order in which independent ones happened. */
uint64_t treadle_order_hash(const treadle_order *order)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < order->length; i++) {
        const treadle_ordered *step = &order->steps[i];
        uint64_t hash = mix((uint64_t)step->thread << 16 | (uint16_t)step->index);
        for (uint32_t thread = 0; thread < TREADLE_ORDER_THREADS_MAX; thread++) {
            const uint64_t known = (uint16_t)step->clock.of[thread];
            hash = known ? mix(hash + (known << 8 | thread)) : hash;
        }
        sum += mix_values(hash, step->step);
    }
    return sum;
}
