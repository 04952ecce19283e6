// SPDX-License-Identifier: MIT
#include "tools/strategies/order.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 1 << 17, /* of the table of granules; a power of two */
    CELLS_MAX = SLOTS / 2,
    NONE = TREADLE_NO_STEP,
    GRANULE = 8,
};

/* The steps that matter to the next access of some bytes of a granule. */
typedef struct cell {
    uint64_t granule;
    uint32_t next;                             /* another cell of the granule; 0 = none */
    uint16_t write;                            /* the last step that wrote; NONE */
    uint16_t readers;                          /* threads that have read since, by bit */
    uint8_t bytes;                             /* which of the granule's, by bit */
    uint16_t reads[TREADLE_ORDER_THREADS_MAX]; /* each reader's last step */
} cell;

typedef enum undo_kind { UNDO_CELL, UNDO_READ, UNDO_WRITE, UNDO_RELEASE } undo_kind;

typedef struct undo {
    uint32_t cell; /* or the thread of a release */
    uint16_t step;
    uint16_t readers;
    uint8_t kind;
    uint8_t thread;
    uint32_t release; /* index of the saved clock */
} undo;

/* One write of a synchronisation object: who wrote before, and whether the object was open. */
typedef struct object_write {
    uint32_t cell;
    uint16_t before;
    uint16_t flags;
} object_write;

/* A growing array. */
#define LOG(type)          \
    struct {               \
        type *items;       \
        uint32_t count;    \
        uint32_t capacity; \
    }

struct treadle_order {
    treadle_step_pool *pool;
    uint32_t length;
    uint16_t last[TREADLE_ORDER_THREADS_MAX];          /* each thread's last step */
    treadle_clock released[TREADLE_ORDER_THREADS_MAX]; /* what let its next one go on */
    uint16_t kept;                                     /* a step before the next one; NONE */
    LOG(undo) undos;
    LOG(object_write) objects;
    LOG(treadle_race) races;
    LOG(treadle_clock) saved; /* of `released`, for undoing */
    /* Of the step being added: each thread's last step that it conflicts with. */
    uint16_t candidates[TREADLE_ORDER_THREADS_MAX];
    uint32_t candidate_threads;
    bool failed;
    uint32_t cell_count; /* cell 0 is not used */
    uint32_t slots[SLOTS];
    cell cells[CELLS_MAX];
    treadle_ordered steps[TREADLE_ORDER_STEPS_MAX];
};

static bool grow(void **items, uint32_t *capacity, size_t size)
{
    const uint32_t wanted = *capacity ? *capacity * 2 : 256;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

#define PUSH(order, log, ...)                                          \
    do {                                                               \
        if ((order)->log.count < (order)->log.capacity ||              \
            grow((void **)&(order)->log.items, &(order)->log.capacity, \
                 sizeof *(order)->log.items)) {                        \
            (order)->log.items[(order)->log.count++] = __VA_ARGS__;    \
        } else {                                                       \
            (order)->failed = true;                                    \
        }                                                              \
    } while (0)

treadle_order *treadle_order_create(treadle_step_pool *pool)
{
    treadle_order *order = calloc(1, sizeof *order);
    if (order != NULL) {
        order->pool = pool;
        order->cell_count = 1;
        order->kept = NONE;
        memset(order->last, 0xff, sizeof order->last);
    }
    return order;
}

void treadle_order_destroy(treadle_order *order)
{
    treadle_order_cut(order, 0);
    free(order->undos.items);
    free(order->objects.items);
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

/* Without a store of one element, which loads of the whole would wait for. */
static inline treadle_clock with(treadle_clock clock, uint32_t thread, int16_t index)
{
    static const treadle_clock numbers = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    for (uint32_t i = 0; i < 2; i++) {
        const treadle_lanes own = numbers.lanes[i] == (int16_t)thread;
        clock.lanes[i] = (own & index) | (~own & clock.lanes[i]);
    }
    return clock;
}

treadle_clock treadle_order_clock(const treadle_order *order, uint32_t thread)
{
    const uint16_t last = order->last[thread];
    const treadle_clock let_go = order->released[thread];
    return last == NONE ? let_go : later(order->steps[last].clock, let_go);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static uint32_t slot_of(const treadle_order *order, uint64_t granule)
{
    uint32_t slot = (uint32_t)(granule * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;
    while (order->slots[slot] != 0 && order->cells[order->slots[slot]].granule != granule) {
        slot = (slot + 1) % SLOTS;
    }
    return slot;
}

/* A cell of these bytes. 0 when there is no room. */
static uint32_t make_cell(treadle_order *order, uint32_t slot, uint64_t granule, uint8_t bytes)
{
    if (order->cell_count == CELLS_MAX) {
        order->failed = true;
        return 0;
    }
    const uint32_t made = order->cell_count++;
    cell *new = &order->cells[made];
    new->granule = granule;
    new->bytes = bytes;
    new->write = NONE;
    new->readers = 0;
    new->next = order->slots[slot];
    order->slots[slot] = made;
    PUSH(order, undos, (undo){.cell = made, .kind = UNDO_CELL});
    return made;
}

/* The last cell made is the first of its granule: the slot goes back to the one before it. */
static void unmake_cell(treadle_order *order, uint32_t made)
{
    order->slots[slot_of(order, order->cells[made].granule)] = order->cells[made].next;
    order->cell_count--;
}

static void add_candidate(treadle_order *order, uint16_t step)
{
    if (step != order->length && step != NONE) {
        const uint32_t thread = order->steps[step].thread;
        const bool known = order->candidate_threads >> thread & 1;
        if (!known || order->candidates[thread] < step) {
            order->candidates[thread] = step;
            order->candidate_threads |= 1u << thread;
        }
    }
}

/* Collects the steps that an access of these bytes conflicts with. Returns the cell of exactly
 * these bytes, made when there is none; 0 when there is no room. */
static uint32_t conflicts(treadle_order *order, uint64_t granule, uint8_t bytes, bool write)
{
    const uint32_t slot = slot_of(order, granule);
    uint32_t exact = 0;
    for (uint32_t i = order->slots[slot]; i != 0; i = order->cells[i].next) {
        const cell *other = &order->cells[i];
        if (!(other->bytes & bytes)) {
            continue;
        }
        exact = other->bytes == bytes ? i : exact;
        add_candidate(order, other->write);
        for (uint32_t left = write ? other->readers : 0; left; left &= left - 1) {
            add_candidate(order, other->reads[__builtin_ctz(left)]);
        }
    }
    return exact ? exact : make_cell(order, slot, granule, bytes);
}

static void note_write(treadle_order *order, uint32_t number, const treadle_touch *touch)
{
    cell *written = &order->cells[number];
    if (touch->flags & TREADLE_TOUCH_OBJECT) {
        PUSH(order, objects, (object_write){number, written->write, (uint16_t)touch->flags});
    }
    if (written->write == order->length && written->readers == 0) {
        return;
    }
    PUSH(order, undos,
         (undo){.cell = number,
                .step = written->write,
                .readers = written->readers,
                .kind = UNDO_WRITE});
    written->write = (uint16_t)order->length;
    written->readers = 0;
}

static void note_read(treadle_order *order, uint32_t number, uint32_t thread)
{
    cell *read = &order->cells[number];
    const uint16_t bit = (uint16_t)(1u << thread);
    if ((read->readers & bit) && read->reads[thread] == order->length) {
        return;
    }
    PUSH(order, undos,
         (undo){.cell = number,
                .step = read->reads[thread],
                .readers = read->readers,
                .kind = UNDO_READ,
                .thread = (uint8_t)thread});
    read->readers |= bit;
    read->reads[thread] = (uint16_t)order->length;
}

static void meet(treadle_order *order, uint32_t thread, const treadle_touch *touch)
{
    const bool write = touch->flags & TREADLE_TOUCH_WRITE;
    const uint64_t end = touch->address + touch->size;
    for (uint64_t at = touch->address; at < end;) {
        const uint64_t granule = at / GRANULE;
        const uint64_t stop = (granule + 1) * GRANULE < end ? (granule + 1) * GRANULE : end;
        const uint8_t bytes = (uint8_t)(((1u << (stop - at)) - 1) << (at % GRANULE));
        const uint32_t number = conflicts(order, granule, bytes, write);
        if (number == 0) {
            return;
        }
        if (write) {
            note_write(order, number, touch);
        } else {
            note_read(order, number, thread);
        }
        at = stop;
    }
}

/* ---- races ----------------------------------------------------------------------------------- */

/* What a step did first to an object, if it wrote it. */
static const object_write *write_of(const treadle_order *order, uint32_t step, uint32_t number)
{
    const uint32_t end =
        step + 1 < order->length ? order->steps[step + 1].objects : order->objects.count;
    for (uint32_t i = order->steps[step].objects; i < end; i++) {
        if (order->objects.items[i].cell == number) {
            return &order->objects.items[i];
        }
    }
    return NULL;
}

/* The cell of a gate's object; 0 when nobody has touched it. */
static uint32_t gate_cell(const treadle_order *order, treadle_gate gate)
{
    const uint8_t bytes = (uint8_t)(1u << (gate.address % GRANULE));
    uint32_t i = order->slots[slot_of(order, gate.address / GRANULE)];
    while (i != 0 && order->cells[i].bytes != bytes) {
        i = order->cells[i].next;
    }
    return i;
}

/* The last step before which the gate was open; false when it happens before `clock` anyway, or
 * there is none. */
static bool gate_race(const treadle_order *order, uint32_t thread, treadle_gate gate,
                      treadle_clock clock, uint32_t *first)
{
    const uint32_t number = gate_cell(order, gate);
    uint32_t step = number ? order->cells[number].write : NONE;
    while (step != NONE) {
        const treadle_ordered *earlier = &order->steps[step];
        if (earlier->thread == thread || treadle_happens_before(earlier, &clock)) {
            return false;
        }
        const object_write *write = write_of(order, step, number);
        if (write == NULL || (write->flags & gate.open)) { /* who knows what a plain write did */
            *first = step;
            return true;
        }
        step = write->before;
    }
    return false;
}

bool treadle_order_blocked(const treadle_order *order, uint32_t thread, treadle_gate gate,
                           uint32_t *first)
{
    return gate.address != 0 &&
           gate_race(order, thread, gate, treadle_order_clock(order, thread), first);
}

/* The clock of a step that begins after `clock`, and its races: among the steps that it conflicts
 * with, those that no other one of them happens after. */
static treadle_clock race(treadle_order *order, uint32_t thread, treadle_clock clock)
{
    uint32_t left = order->candidate_threads & ~(1u << thread);
    while (left) {
        uint32_t last = (uint32_t)__builtin_ctz(left);
        for (uint32_t more = left & (left - 1); more; more &= more - 1) {
            const uint32_t other = (uint32_t)__builtin_ctz(more);
            last = order->candidates[other] > order->candidates[last] ? other : last;
        }
        left &= ~(1u << last);
        const uint16_t step = order->candidates[last];
        const treadle_ordered *earlier = &order->steps[step];
        if (!treadle_happens_before(earlier, &clock)) {
            PUSH(order, races, (treadle_race){step, (uint16_t)order->length});
            clock = later(clock, earlier->clock);
        }
    }
    return clock;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void release(treadle_order *order, uint32_t thread, treadle_clock clock)
{
    PUSH(order, undos, (undo){.cell = thread, .kind = UNDO_RELEASE, .release = order->saved.count});
    PUSH(order, saved, order->released[thread]);
    order->released[thread] = later(order->released[thread], clock);
}

/* What happens before the step being added, and its races. */
static treadle_clock find_order(treadle_order *order, const treadle_executed *step,
                                treadle_gate gate)
{
    const uint32_t thread = step->thread;
    treadle_clock clock = treadle_order_clock(order, thread);
    if (order->kept != NONE) {
        clock = later(clock, order->steps[order->kept].clock);
    }
    uint32_t first;
    if (gate.address != 0) {
        if (gate_race(order, thread, gate, clock, &first)) {
            PUSH(order, races, (treadle_race){(uint16_t)first, (uint16_t)order->length});
        }
        const uint32_t number = gate_cell(order, gate);
        if (number != 0 && order->cells[number].write != NONE) {
            clock = later(clock, order->steps[order->cells[number].write].clock);
        }
    }
    order->candidate_threads = 0;
    for (uint32_t i = 0; i < step->touch_count; i++) {
        meet(order, thread, &step->touches[i]);
    }
    return race(order, thread, clock);
}

bool treadle_order_append(treadle_order *order, treadle_executed *step, treadle_gate gate,
                          uint64_t released)
{
    const uint32_t thread = step->thread;
    if (thread >= TREADLE_ORDER_THREADS_MAX || released >> TREADLE_ORDER_THREADS_MAX ||
        order->length == TREADLE_ORDER_STEPS_MAX) {
        treadle_executed_drop(order->pool, step);
        return false;
    }
    treadle_ordered *added = &order->steps[order->length];
    added->step = step;
    added->undo = order->undos.count;
    added->objects = order->objects.count;
    added->races = order->races.count;
    added->thread = (uint8_t)thread;
    added->previous = order->last[thread];
    added->index = (int16_t)(added->previous == NONE ? 1 : order->steps[added->previous].index + 1);
    added->clock = with(find_order(order, step, gate), thread, added->index);
    order->kept = NONE;
    order->last[thread] = (uint16_t)order->length;
    order->length++;
    for (; released; released &= released - 1) {
        release(order, (uint32_t)__builtin_ctzll(released), added->clock);
    }
    return !order->failed;
}

void treadle_order_keep(treadle_order *order, uint32_t before)
{
    order->kept = (uint16_t)before;
}

void treadle_order_join_all(treadle_order *order)
{
    treadle_clock all = {{0}};
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        all = order->last[i] == NONE ? all : later(all, order->steps[order->last[i]].clock);
    }
    for (uint32_t i = 0; i < TREADLE_ORDER_THREADS_MAX; i++) {
        release(order, i, all);
    }
}

static void undo_one(treadle_order *order, const undo *entry)
{
    cell *changed = &order->cells[entry->cell];
    switch ((undo_kind)entry->kind) {
    case UNDO_CELL: unmake_cell(order, entry->cell); break;
    case UNDO_READ:
        changed->reads[entry->thread] = entry->step;
        changed->readers = entry->readers;
        break;
    case UNDO_WRITE:
        changed->write = entry->step;
        changed->readers = entry->readers;
        break;
    case UNDO_RELEASE:
        order->released[entry->cell] = order->saved.items[entry->release];
        order->saved.count = entry->release;
        break;
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
    order->objects.count = cut->objects;
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
