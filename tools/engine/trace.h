// SPDX-License-Identifier: MIT
/*
 * A trace: the operations of one execution in the order in which they ran.
 *
 * Exploring records decisions only; the trace comes from executing a schedule again with a trace
 * attached. It lies in one block of memory without pointers (so that it can be shared with the
 * process that reads it), of fixed capacity: events and text beyond it are counted, still hashed,
 * and not kept.
 *
 * Hashing: `hash` after an event covers everything before it: thread, kind, object number, result
 * and text of each event, no address, no site and no value: it is the same in every process, and at
 * granularity `sync` in every build, that does the same steps.
 *
 * What a checker says afterwards of a moment in the trace is a remark: no event, not hashed, and
 * not counted among the events. Nor is it hashed what memory an event's object lies in, and what a
 * server held after it.
 *
 * Not thread-safe: written by one execution, read after it.
 */
#ifndef TREADLE_ENGINE_TRACE_H
#define TREADLE_ENGINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/engine/op.h"

#define TREADLE_TRACE_EVENTS_MAX 32768u
#define TREADLE_TRACE_TEXT_MAX (4u << 20)
#define TREADLE_TRACE_THREADS_MAX 64u
#define TREADLE_TRACE_REMARKS_MAX 4u
#define TREADLE_THREAD_NAME_MAX 24u
#define TREADLE_EVENT_CALLERS_MAX 3u

enum {
    TREADLE_EVENT_HAS_VALUE = 1,   /* `value` is the value read, or written */
    TREADLE_EVENT_HAS_WRITTEN = 2, /* `written` is the value a read-modify-write left */
    TREADLE_EVENT_FAILED = 4,      /* try-lock, CAS, timed wait, cut connection: did not succeed */
    TREADLE_EVENT_PREEMPTED = 8,   /* another thread runs next though this one could go on */
};

typedef struct treadle_event {
    uint32_t step;   /* 1, 2, … over the scheduling points; a note has its predecessor's */
    uint8_t thread;  /* index into `threads`; 0 is the scenario's main thread */
    uint8_t kind;    /* treadle_op_kind */
    uint8_t size;    /* bytes accessed, 0 when not an access */
    uint8_t order;   /* C11 memory order of an atomic (0 relaxed … 5 seq_cst) */
    uint32_t object; /* 1, 2, … by first appearance in this execution; 0 none */
    uint32_t flags;
    uint64_t address;                            /* of the object in the process that ran it */
    uint64_t site;                               /* code address of the call or access, 0 unknown */
    uint64_t callers[TREADLE_EVENT_CALLERS_MAX]; /* who called that, innermost first; 0 = no more */
    uint64_t value;                              /* see flags */
    uint64_t written;                            /* see flags */
    int64_t clock_ns;                            /* virtual time since the execution began */
    uint32_t text_offset;  /* a Redis command with its reply, a note: into `text` */
    uint32_t text_length;  /* 0 = none */
    uint32_t state_offset; /* what a server held afterwards, a line a key: into `text` */
    uint32_t state_length; /* 0 = not told */
    uint64_t block_site;   /* where the block of the heap that `address` is in was allocated; 0 = in
                              none */
    uint32_t block_offset; /* of `address` in it */
    uint32_t block_size;
    uint64_t hash; /* over all events up to and with this one */
} treadle_event;

/* Reads like a note of its thread that came after so many events. */
typedef struct treadle_trace_remark {
    uint32_t after;
    treadle_event note;
} treadle_trace_remark;

typedef struct treadle_trace {
    uint32_t event_count;
    uint32_t dropped; /* events beyond the capacity */
    uint32_t text_length;
    uint32_t thread_count;
    uint64_t hash;
    uint32_t remark_count;
    treadle_trace_remark remarks[TREADLE_TRACE_REMARKS_MAX];
    char thread_names[TREADLE_TRACE_THREADS_MAX][TREADLE_THREAD_NAME_MAX];
    treadle_event events[TREADLE_TRACE_EVENTS_MAX];
    char text[TREADLE_TRACE_TEXT_MAX];
} treadle_trace;

/* Only what is in use is copied; `to` may be uninitialised. */
void treadle_trace_copy(treadle_trace *to, const treadle_trace *from);

/* The text of an event: not terminated, length in *length; NULL and 0 when there is none. */
const char *treadle_trace_text(const treadle_trace *trace, const treadle_event *event,
                               size_t *length);
/* Likewise, what a server held after it. */
const char *treadle_trace_state(const treadle_trace *trace, const treadle_event *event,
                                size_t *length);

#endif
