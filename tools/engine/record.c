// SPDX-License-Identifier: MIT
/* Recording a trace: the observer of an execution that is run again. An event is open from the
 * moment its operation is picked until its thread announces the next one; only then is its result
 * known, and it becomes part of the hash. */
#include <execinfo.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/engine/debug.h"
#include "tools/engine/heap.h"
#include "tools/engine/internal.h"

enum { FRAMES_MAX = 32 };

/* Addresses are numbered by first appearance, so that traces do not depend on where things lie. */
enum { NUMBERS = 1 << 16 };
static struct {
    uintptr_t address[NUMBERS];
    uint32_t number[NUMBERS];
    uint32_t used;
} numbers;

static uint32_t number_of(uintptr_t address)
{
    if (address == 0) {
        return 0;
    }
    uint32_t slot = (uint32_t)XXH3_64bits(&address, sizeof address) & (NUMBERS - 1);
    while (numbers.address[slot] != 0 && numbers.address[slot] != address) {
        slot = (slot + 1) & (NUMBERS - 1);
    }
    if (numbers.address[slot] == 0) {
        if (numbers.used >= NUMBERS / 2) {
            return UINT32_MAX; /* too many to tell apart: still the same in every run */
        }
        numbers.address[slot] = address;
        numbers.number[slot] = ++numbers.used;
    }
    return numbers.number[slot];
}

void treadle_record_start(treadle_trace *trace)
{
    if (E.options.record_callers) {
        void *frame;
        backtrace(&frame, 1); /* the first call loads the unwinder */
    }
    memset(&numbers, 0, sizeof numbers);
    E.recorded_steps = 0;
    trace->event_count = 0;
    trace->dropped = 0;
    trace->text_length = 0;
    trace->remark_count = 0;
    trace->thread_count = 0;
    trace->hash = 0;
}

void treadle_record_pause(bool pause)
{
    if (E.trace != NULL) {
        treadle_record_commit();
    }
    E.trace = pause ? NULL : E.options.trace;
}

static treadle_event *append(treadle_op_kind kind)
{
    static treadle_event beyond; /* events past the capacity are hashed, then overwritten */
    treadle_trace *trace = E.trace;
    treadle_event *event = &beyond;
    if (trace->event_count < TREADLE_TRACE_EVENTS_MAX) {
        event = &trace->events[trace->event_count++];
    } else {
        trace->dropped++;
    }
    *event = (treadle_event){.step = E.recorded_steps,
                             .thread = (uint8_t)E.self->id,
                             .kind = (uint8_t)kind,
                             .clock_ns = E.clock_ns};
    E.event = event;
    return event;
}

static bool names_thread(treadle_op_kind kind)
{
    return kind == TREADLE_OP_THREAD_CREATE || kind == TREADLE_OP_THREAD_JOIN ||
           kind == TREADLE_OP_THREAD_CANCEL;
}

/* Which block of the heap an object lies in. */
static void note_block(treadle_event *event)
{
    if (!treadle_heap_owns((const void *)(uintptr_t)event->address)) {
        return;
    }
    const heap_block *block = treadle_heap_before((uintptr_t)event->address);
    const uint64_t begin = block != NULL ? (uint64_t)(uintptr_t)block->begin : 0;
    if (block == NULL || event->address - begin >= block->size || block->size > UINT32_MAX) {
        return;
    }
    event->block_site = (uint64_t)(uintptr_t)block->allocated_at;
    event->block_offset = (uint32_t)(event->address - begin);
    event->block_size = (uint32_t)block->size;
}

/* Many operations are done through a helper of the subject's: then its caller says more. */
static void find_callers(treadle_event *event)
{
    void *frames[FRAMES_MAX];
    const bool wanted = E.options.record_callers && event->site != 0;
    const int count = wanted ? backtrace(frames, FRAMES_MAX) : 0;
    int at = 0;
    while (at < count && (uint64_t)(uintptr_t)frames[at] != event->site) {
        at++;
    }
    for (uint32_t i = 0; i < TREADLE_EVENT_CALLERS_MAX && ++at < count; i++) {
        event->callers[i] = (uint64_t)(uintptr_t)frames[at];
    }
}

void treadle_record_step(void)
{
    const thread *self = E.self;
    if (self->kind == TREADLE_OP_NONE) {
        return;
    }
    E.recorded_steps++;
    treadle_event *event = append(self->kind);
    event->size = self->size;
    event->order = self->order;
    event->address = self->address;
    event->site = (uint64_t)(uintptr_t)self->site;
    find_callers(event);
    if (names_thread(self->kind) || self->kind == TREADLE_OP_REDIS) {
        event->object = (uint32_t)self->address + 1;
        event->address = 0;
    } else {
        event->object = number_of(self->address);
        note_block(event);
    }
    const bool reads = self->kind == TREADLE_OP_READ || self->kind == TREADLE_OP_VOLATILE_READ;
    if (reads && self->size <= sizeof event->value) {
        treadle_raw_copy(&event->value, (const void *)self->address,
                         self->size); /* not looked at yet */
        event->flags |= TREADLE_EVENT_HAS_VALUE;
    }
    treadle_debug_step(E.recorded_steps);
}

/* What is the same in every process and build; see trace.h. */
static uint64_t event_hash(uint64_t before, const treadle_event *event)
{
    const struct {
        uint64_t before;
        uint32_t object;
        uint8_t thread, kind, size, order;
        uint32_t failed;
        uint32_t text_length;
    } stable = {before,
                event->object,
                event->thread,
                event->kind,
                event->size,
                event->order,
                event->flags & TREADLE_EVENT_FAILED,
                event->text_length};
    uint64_t hash = XXH3_64bits(&stable, sizeof stable);
    if (event->text_length) {
        hash = XXH3_64bits_withSeed(E.trace->text + event->text_offset, event->text_length, hash);
    }
    return hash;
}

void treadle_record_commit(void)
{
    treadle_event *event = E.event;
    if (event == NULL) {
        return;
    }
    E.event = NULL;
    const bool writes = event->kind == TREADLE_OP_WRITE || event->kind == TREADLE_OP_VOLATILE_WRITE;
    if (writes && event->size <= sizeof event->value) {
        memcpy(&event->value, (const void *)(uintptr_t)event->address, event->size);
        event->flags |= TREADLE_EVENT_HAS_VALUE;
    }
    E.trace->hash = event_hash(E.trace->hash, event);
    event->hash = E.trace->hash;
    if (E.options.observe != NULL) {
        E.options.observe(E.options.observe_context, event);
    }
}

/* Copies a text into the trace, as far as there is room. Returns where it lies. */
static uint32_t keep_text(const char *text, size_t length, uint32_t *kept)
{
    treadle_trace *trace = E.trace;
    const uint32_t offset = trace->text_length;
    const size_t room = TREADLE_TRACE_TEXT_MAX - offset;
    *kept = (uint32_t)(length < room ? length : room);
    memcpy(trace->text + offset, text, *kept);
    trace->text_length += *kept;
    return offset;
}

void treadle_event_text(treadle_event *event, const char *text, size_t length, bool failed)
{
    assert(E.trace != NULL && event != NULL);
    if (failed) {
        event->flags |= TREADLE_EVENT_FAILED;
    }
    event->text_offset = keep_text(text, length, &event->text_length);
}

void treadle_event_state(treadle_event *event, const char *text, size_t length)
{
    assert(E.trace != NULL && event != NULL);
    event->state_offset = keep_text(text, length, &event->state_length);
}

void treadle_note(const char *format, ...)
{
    if (LIKELY(E.trace == NULL) || !treadle_inside()) {
        return;
    }
    treadle_record_commit();
    char text[TREADLE_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    treadle_event *event = append(TREADLE_OP_NOTE);
    const size_t kept = length < 0 ? 0 : (size_t)length;
    treadle_event_text(event, text, kept < sizeof text ? kept : sizeof text - 1, false);
}

uint32_t treadle_recorded_events(void)
{
    return E.options.trace != NULL ? E.options.trace->event_count : 0;
}

void treadle_remark(uint32_t after, uint32_t who, const void *site, const char *format, ...)
{
    treadle_trace *trace = E.options.trace;
    if (trace == NULL || trace->remark_count == TREADLE_TRACE_REMARKS_MAX) {
        return;
    }
    const int64_t clock_ns =
        after > 0 && after <= trace->event_count ? trace->events[after - 1].clock_ns : 0;
    treadle_trace_remark *remark = &trace->remarks[trace->remark_count++];
    *remark = (treadle_trace_remark){.after = after,
                                     .note = {.thread = (uint8_t)who,
                                              .kind = TREADLE_OP_NOTE,
                                              .site = (uint64_t)(uintptr_t)site,
                                              .clock_ns = clock_ns,
                                              .text_offset = trace->text_length}};
    const size_t room = TREADLE_TRACE_TEXT_MAX - trace->text_length;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(trace->text + trace->text_length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room) {
        remark->note.text_length = (uint32_t)length;
        trace->text_length += (uint32_t)length;
    }
}
