// SPDX-License-Identifier: MIT
/* Livelock as a cycle of states: when everything that the subject can see is as it was some steps
 * ago, and every thread that could run in between did, then a fair scheduler may go round for ever
 * (Musuvathi and Qadeer, "Fair Stateless Model Checking", 2008, find such executions by their
 * length; here the states are compared, so that a long execution alone is no finding).
 *
 * A state is the subject's globals, heap, stacks with the registers saved there, thread-local
 * blocks, and the models of its objects; of each a hash is kept. The clock is not part of it: a
 * cycle in which it moves and is read, a wait may time out, or anything comes from outside, counts
 * for nothing. Where it is read and stands still, others get their turn, and then time passes.
 * Looking costs far more than a step, and begins only when an execution has become long. It also
 * needs stacks without leftovers of earlier executions, or a repetition in another process would
 * see other states. So it is done on demand only. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/engine/heap.h"
#include "tools/engine/internal.h"

enum {
    LOG_MAX = 4096, /* steps looked back over */
    TABLE_SIZE = 4 * LOG_MAX,
    STATE_BYTES_MAX = 1 << 18, /* beyond, comparing states costs too much */
};

typedef struct logged {
    uint64_t hash;
    uint64_t ran;      /* bit of the thread whose step follows */
    uint64_t runnable; /* threads that could have run instead, and that one */
    uint64_t unseen;   /* E.unseen before it, and so on */
    uint64_t clock_reads;
    int64_t clock_ns;
    bool timed; /* it may time out */
} logged;

static struct {
    uint64_t execution;
    uint32_t next_step; /* that continues the log */
    uint32_t count;
    bool too_large;
    uint32_t clock_rounds; /* times that it moved because somebody waited for it */
    logged entries[LOG_MAX];
    uint16_t table[TABLE_SIZE]; /* index in entries plus one; 0 = free */
} past;

/* ---- one state --------------------------------------------------------------------------------
 */

typedef struct hashing {
    XXH3_state_t state;
    size_t bytes;
} hashing;

static hashing now;

static void add(const void *bytes, size_t size)
{
    static char copy[STATE_BYTES_MAX];
    now.bytes += size;
    if (now.bytes <= STATE_BYTES_MAX) {
        XXH3_64bits_update(&now.state, treadle_asan_readable(bytes, size, copy), size);
    }
}

static void add_thread(const thread *one)
{
    const struct {
        uint64_t kind, address, site, flags, specific, offset;
    } own = {one->kind,
             one->address,
             (uintptr_t)one->site,
             (uint64_t)one->finished | (uint64_t)one->detached << 1 | (uint64_t)one->joined << 2 |
                 (uint64_t)one->signalled << 3 | (uint64_t)one->cancel_requested << 4 |
                 (uint64_t)one->exiting << 5 | (uint64_t)one->cancel_state << 8 |
                 (uint64_t)one->cancel_type << 16 | (uint64_t)(uint32_t)one->saved_errno << 32,
             one->specific_used,
             (uint64_t)one->realtime_offset_ns};
    add(&own, sizeof own);
    add(one->specific, one->specific_used * sizeof one->specific[0]);
    if (one->finished) {
        return;
    }
    if (E.tls != NULL) {
        add(one == E.self ? E.tls : one->tls, E.tls_bytes);
    }
    const bool started = one->caller.frame != 0;
    const uintptr_t low = started ? one->caller.frame : (uintptr_t)one->sp;
    if (started) {
        add(one->caller.registers, sizeof one->caller.registers);
    }
    add((const void *)low, (uintptr_t)treadle_stack_high(&E.stacks, one->id) - low);
}

static void add_object(const object *one)
{
    const struct {
        uint64_t address, pending, waiting, holders, count;
        uint64_t rest;
    } own = {one->address,
             one->pending,
             one->waiting,
             one->holders,
             (uint64_t)one->count,
             (uint64_t)one->owner | (uint64_t)one->class << 8 | (uint64_t)one->type << 16};
    add(&own, sizeof own);
}

static uint64_t state_hash(void)
{
    now.bytes = 0;
    XXH3_64bits_reset(&now.state);
    size_t globals_bytes;
    const void *const globals = treadle_globals(&globals_bytes);
    add(globals, globals_bytes);
    treadle_heap_visit(add);
    for (uint32_t i = 0; i < E.thread_count; i++) {
        add_thread(&E.threads[i]);
    }
    for (uint32_t i = 0; i < E.object_count; i++) {
        add_object(&E.objects[i]);
    }
    const uint64_t counts[] = {E.self->id, E.random_calls, E.seeded_calls, E.tsd_key_count};
    add(counts, sizeof counts);
    return XXH3_64bits_digest(&now.state);
}

/* ---- cycles -----------------------------------------------------------------------------------
 */

static void describe(char *text, size_t size, uint64_t ran)
{
    size_t used = 0;
    for (; ran && used < size; ran &= ran - 1) {
        const int length = snprintf(text + used, size - used, "%s%s",
                                    used == 0         ? ""
                                    : ran & (ran - 1) ? ", "
                                                      : " and ",
                                    E.threads[__builtin_ctzll(ran)].name);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void restart(void)
{
    past.count = 0;
    memset(past.table, 0, sizeof past.table);
}

/* A thread that goes round on its own waits until another has done something (the fair scheduler of
 * Musuvathi and Qadeer). Not behind a gate, which knows better whether it can run. */
static bool hand_over(void)
{
    const thread *self = E.self;
    treadle_depends_on_all();
    if (self->object != NULL || self->kind == TREADLE_OP_THREAD_JOIN || !(E.enabled & ~self->bit)) {
        return false;
    }
    treadle_yield_park();
    return true;
}

typedef enum finding { NOTHING, UNFAIR } finding;

/* The state before entry `from` has come again. Does not return when that is a livelock. */
static finding judge(uint32_t from)
{
    uint64_t ran = 0;
    uint64_t runnable = 0;
    for (uint32_t i = from; i < past.count; i++) {
        if (past.entries[i].timed) {
            return NOTHING;
        }
        ran |= past.entries[i].ran;
        runnable |= past.entries[i].runnable;
    }
    const bool clock_read = past.entries[from].clock_reads != E.clock_reads;
    const bool clock_moved = past.entries[from].clock_ns != E.clock_ns;
    if (past.entries[from].unseen != E.unseen || (clock_read && clock_moved)) {
        return NOTHING;
    }
    if (runnable & ~ran) {
        return UNFAIR;
    }
    if (clock_read) {
        treadle_depends_on_all();
        treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_WRITE);
        treadle_clock_pass(++past.clock_rounds);
        return NOTHING;
    }
    char who[256] = "";
    describe(who, sizeof who, ran);
    treadle_violation("livelock",
                      "%s can go round for ever: everything is as it was %u steps ago, and each "
                      "thread that could run has done so since",
                      who, past.count - from);
}

static uint16_t *slot_of(uint64_t hash)
{
    uint32_t slot = (uint32_t)hash % TABLE_SIZE;
    while (past.table[slot] != 0 && past.entries[past.table[slot] - 1].hash != hash) {
        slot = (slot + 1) % TABLE_SIZE;
    }
    return &past.table[slot];
}

/* True when it is others' turn. Of equal states the oldest is kept: the longer a cycle, the more
 * threads ran in it. */
static bool look(uint64_t hash)
{
    const thread *self = E.self;
    uint16_t *slot = slot_of(hash);
    const finding found = *slot != 0 ? judge(*slot - 1u) : NOTHING;
    if (found == UNFAIR && hand_over()) {
        return true;
    }
    past.entries[past.count++] = (logged){.hash = hash,
                                          .ran = self->bit,
                                          .runnable = E.enabled | E.yielded | self->bit,
                                          .unseen = E.unseen,
                                          .clock_reads = E.clock_reads,
                                          .clock_ns = E.clock_ns,
                                          .timed = (E.timed & self->bit) != 0};
    if (found == NOTHING) {
        *slot = (uint16_t)past.count;
    }
    return false;
}

/* Mostly somebody waits by trying again, in a way that is not recognised. */
static _Noreturn void cut(void)
{
    const thread *self = E.self;
    const uint32_t turn = E.steps - E.turn_began;
    char who[128] = "";
    if (turn > E.step_limit / 2 && (E.enabled & ~self->bit)) {
        snprintf(who, sizeof who, ", the last %u of %s alone, while others could go on%s", turn,
                 self->name,
                 E.options.watch_cycles ? "" : " (a loop that waits? see watch_cycles)");
    }
    treadle_stop(TREADLE_OUTCOME_CUT, "step-limit",
                 "still running after %u steps%s; the rest of this execution was not seen",
                 E.step_limit, who);
}

bool treadle_late_step(void)
{
    if (E.steps > E.step_limit) {
        cut();
    }
    if (past.execution != E.executions) {
        past.execution = E.executions;
        past.too_large = false;
        past.clock_rounds = 0;
        restart();
    }
    if (past.too_large) {
        return false;
    }
    if (past.next_step != E.steps || past.count == LOG_MAX) {
        restart();
    }
    past.next_step = E.steps + 1;
    const uint64_t hash = state_hash();
    past.too_large = now.bytes > STATE_BYTES_MAX;
    return !past.too_large && look(hash);
}

/* Before anything of the engine's is in the registers or on the stack: what it leaves there differs
 * between a step that a strategy chose and one that a plan repeats. What a compiler saves here of
 * its caller's lies above the frame. */
static __attribute__((noinline)) void keep_caller(void)
{
    thread *self = E.self;
    self->caller.frame = (uintptr_t)__builtin_frame_address(0);
    _setjmp(self->caller.registers);
}

__attribute__((noinline)) void treadle_schedule_watched(void)
{
    keep_caller();
    treadle_schedule_now();
}
