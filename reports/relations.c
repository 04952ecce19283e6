// SPDX-License-Identifier: MIT
#include "reports/relations.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/redis_words.h"

enum { NONE = UINT32_MAX, THREADS = UINT8_MAX + 1, HELD_MAX = 8, QUEUED_MAX = 16 };
enum { ORDER_RELAXED = 0, ORDER_RELEASE = 3 };

/* What a place, a byte of memory or an object or a key, has seen. */
typedef struct place {
    uint64_t key; /* 0 = free */
    uint64_t threads;
    bool changed;
    uint32_t write;   /* the last event that changed it, or gave it up; NONE */
    uint32_t release; /* the last event whose release is still in force; NONE */
    uint32_t reads;   /* the events since, newest first: a chain of links; NONE */
} place;

typedef struct link {
    uint32_t event;
    uint32_t next;
} link;

/* Keys that commands inside MULTI name: they are touched at EXEC. */
typedef struct queue {
    uint64_t keys[QUEUED_MAX];
    bool writes[QUEUED_MAX];
    uint32_t count;
} queue;

typedef struct walk {
    const treadle_trace *trace;
    treadle_relations *out;
    place *places; /* open addressing */
    size_t mask;
    link *links;
    uint32_t link_count;
    bool failed;
    uint32_t last[THREADS];    /* event of each thread; NONE */
    uint32_t creator[THREADS]; /* the event that created it; NONE */
    uint32_t held[THREADS][HELD_MAX];
    uint32_t held_count[THREADS];
    queue queued[THREADS];
} walk;

/* ---- relations ------------------------------------------------------------------------------- */

static void relate(walk *self, uint32_t from, uint32_t to, treadle_relation_kind kind)
{
    treadle_relations *out = self->out;
    const treadle_event *events = self->trace->events;
    if (from == NONE || self->failed ||
        (kind != TREADLE_RELATION_PROGRAM && events[from].thread == events[to].thread)) {
        return;
    }
    for (size_t i = out->count; i > 0 && out->items[i - 1].to == to; i--) {
        if (out->items[i - 1].from == from) {
            return;
        }
    }
    if (out->count == out->room) {
        const size_t room = out->room * 2 + 64;
        treadle_relation *grown = realloc(out->items, room * sizeof *grown);
        if (grown == NULL) {
            self->failed = true;
            return;
        }
        out->items = grown;
        out->room = room;
    }
    out->items[out->count++] = (treadle_relation){from, to, kind};
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Different kinds of place must not meet: memory by address, keys of Redis by hash. */
static const uint64_t key_space = UINT64_C(1) << 63;

static place *place_at(const walk *self, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20) & self->mask;
    while (self->places[at].key != 0 && self->places[at].key != key) {
        at = (at + 1) & self->mask;
    }
    if (self->places[at].key == 0) {
        self->places[at] = (place){.key = key, .write = NONE, .release = NONE, .reads = NONE};
    }
    return &self->places[at];
}

static void seen_by(place *where, uint8_t thread, bool changes)
{
    where->threads |= UINT64_C(1) << thread % 64;
    where->changed |= changes;
}

static void push(walk *self, place *where, uint32_t event)
{
    self->links[self->link_count] = (link){event, where->reads};
    where->reads = self->link_count++;
}

static void relate_reads(walk *self, const place *where, uint32_t to, treadle_relation_kind kind)
{
    for (uint32_t at = where->reads; at != NONE; at = self->links[at].next) {
        relate(self, self->links[at].event, to, kind);
    }
}

static void touch(walk *self, uint32_t index, uint64_t key, bool reads, bool writes)
{
    place *where = place_at(self, key);
    seen_by(where, self->trace->events[index].thread, writes);
    relate(self, where->write, index, TREADLE_RELATION_CONFLICT);
    if (writes) {
        relate_reads(self, where, index, TREADLE_RELATION_CONFLICT);
        where->write = index;
        where->release = NONE;
        where->reads = NONE;
    } else if (reads) {
        push(self, where, index);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool reads_memory(const treadle_event *event)
{
    return event->kind == TREADLE_OP_READ || event->kind == TREADLE_OP_VOLATILE_READ ||
           event->kind == TREADLE_OP_ATOMIC_LOAD || event->kind == TREADLE_OP_ATOMIC_RMW ||
           event->kind == TREADLE_OP_ATOMIC_CAS;
}

static bool writes_memory(const treadle_event *event)
{
    const bool failed = event->flags & TREADLE_EVENT_FAILED;
    return event->kind == TREADLE_OP_WRITE || event->kind == TREADLE_OP_VOLATILE_WRITE ||
           event->kind == TREADLE_OP_ATOMIC_STORE || event->kind == TREADLE_OP_ATOMIC_RMW ||
           (event->kind == TREADLE_OP_ATOMIC_CAS && !failed);
}

bool treadle_event_only_reads(const treadle_trace *trace, const treadle_event *event)
{
    if (event->kind == TREADLE_OP_REDIS) {
        size_t length;
        const char *text = treadle_trace_text(trace, event, &length);
        treadle_redis_words words;
        treadle_redis_words_of(text, length, &words);
        return words.key != 0 && !words.writes;
    }
    return reads_memory(event) && !writes_memory(event);
}

static bool acquires(const treadle_event *event)
{
    const bool plain = event->kind == TREADLE_OP_READ || event->kind == TREADLE_OP_WRITE;
    return event->kind == TREADLE_OP_VOLATILE_READ ||
           (!plain && reads_memory(event) && event->order != ORDER_RELAXED &&
            event->order != ORDER_RELEASE);
}

static bool releases(const treadle_event *event)
{
    const bool plain = event->kind == TREADLE_OP_READ || event->kind == TREADLE_OP_WRITE;
    return event->kind == TREADLE_OP_VOLATILE_WRITE ||
           (!plain && writes_memory(event) && event->order >= ORDER_RELEASE);
}

static uint32_t bytes_of(const treadle_event *event)
{
    return event->size > 0 ? event->size : 1;
}

static void access_memory(walk *self, uint32_t index)
{
    const treadle_event *event = &self->trace->events[index];
    for (uint32_t byte = 0; byte < bytes_of(event); byte++) {
        place *where = place_at(self, (event->address + byte) & ~key_space);
        const uint32_t in_force = where->release;
        if (acquires(event)) {
            relate(self, in_force, index, TREADLE_RELATION_SYNC);
        }
        touch(self, index, where->key, reads_memory(event), writes_memory(event));
        if (releases(event)) {
            where->release = index;
        } else if (writes_memory(event) && reads_memory(event)) {
            where->release = in_force; /* a read-modify-write goes on with a release sequence */
        }
    }
}

/* ---- objects --------------------------------------------------------------------------------- */

static place *object_of(walk *self, uint32_t index, uint32_t object)
{
    place *where = place_at(self, key_space >> 1 | object);
    seen_by(where, self->trace->events[index].thread, true);
    return where;
}

/* Takes what another gave up; `reader` gives up to writers only. */
static void take(walk *self, uint32_t index, uint32_t object, bool reader)
{
    const place *where = object_of(self, index, object);
    relate(self, where->write, index, TREADLE_RELATION_SYNC);
    if (!reader) {
        relate_reads(self, where, index, TREADLE_RELATION_SYNC);
    }
    const uint8_t thread = self->trace->events[index].thread;
    if (self->held_count[thread] < HELD_MAX) {
        self->held[thread][self->held_count[thread]++] = reader ? NONE - object : object;
    }
}

static void give(walk *self, uint32_t index, uint32_t object)
{
    const uint8_t thread = self->trace->events[index].thread;
    place *where = object_of(self, index, object);
    bool reader = false;
    for (uint32_t i = self->held_count[thread]; i-- > 0;) {
        uint32_t *held = self->held[thread];
        if (held[i] == object || held[i] == NONE - object) {
            reader = held[i] != object;
            memmove(held + i, held + i + 1, (--self->held_count[thread] - i) * sizeof *held);
            break;
        }
    }
    if (reader) {
        push(self, where, index);
    } else {
        where->write = index;
        where->reads = NONE;
    }
}

/* Waiting gives up the mutex that was taken last, and waking takes it again. */
static void wait_or_wake(walk *self, uint32_t index, const treadle_event *event)
{
    const uint32_t held = self->held_count[event->thread];
    place *where = object_of(self, index, event->object);
    if (event->kind == TREADLE_OP_COND_WAKE) {
        relate(self, where->write, index, TREADLE_RELATION_WAKES);
    }
    if (held > 0) {
        const uint32_t mutex = self->held[event->thread][held - 1];
        place *lock = object_of(self, index, mutex);
        if (event->kind == TREADLE_OP_COND_WAIT) {
            lock->write = index;
        } else {
            relate(self, lock->write, index, TREADLE_RELATION_SYNC);
        }
    }
}

static void act_on_object(walk *self, uint32_t index, const treadle_event *event)
{
    const bool failed = event->flags & TREADLE_EVENT_FAILED;
    place *where;
    switch ((treadle_op_kind)event->kind) {
    case TREADLE_OP_MUTEX_LOCK:
    case TREADLE_OP_MUTEX_TRYLOCK:
    case TREADLE_OP_MUTEX_TIMEDLOCK:
    case TREADLE_OP_RWLOCK_WRLOCK:
    case TREADLE_OP_RWLOCK_TRYWRLOCK:
    case TREADLE_OP_SPIN_LOCK:
    case TREADLE_OP_SPIN_TRYLOCK:
    case TREADLE_OP_RWLOCK_RDLOCK:
    case TREADLE_OP_RWLOCK_TRYRDLOCK:
        if (!failed) {
            take(self, index, event->object,
                 event->kind == TREADLE_OP_RWLOCK_RDLOCK ||
                     event->kind == TREADLE_OP_RWLOCK_TRYRDLOCK);
        }
        break;
    case TREADLE_OP_MUTEX_UNLOCK:
    case TREADLE_OP_RWLOCK_UNLOCK:
    case TREADLE_OP_SPIN_UNLOCK: give(self, index, event->object); break;
    case TREADLE_OP_COND_WAIT:
    case TREADLE_OP_COND_WAKE: wait_or_wake(self, index, event); break;
    case TREADLE_OP_COND_SIGNAL:
    case TREADLE_OP_COND_BROADCAST: object_of(self, index, event->object)->write = index; break;
    case TREADLE_OP_SEM_POST:
    case TREADLE_OP_BARRIER_WAIT: push(self, object_of(self, index, event->object), index); break;
    case TREADLE_OP_SEM_WAIT:
    case TREADLE_OP_SEM_TRYWAIT:
    case TREADLE_OP_SEM_TIMEDWAIT:
    case TREADLE_OP_BARRIER_LEAVE:
        where = object_of(self, index, event->object);
        if (!failed) {
            relate_reads(self, where, index, TREADLE_RELATION_SYNC);
        }
        break;
    case TREADLE_OP_ONCE:
        where = object_of(self, index, event->object);
        relate(self, where->write, index, TREADLE_RELATION_SYNC);
        where->write = where->write == NONE ? index : where->write;
        break;
    default: break;
    }
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static void act_on_redis(walk *self, uint32_t index, const treadle_event *event)
{
    queue *queued = &self->queued[event->thread];
    size_t length;
    const char *text = treadle_trace_text(self->trace, event, &length);
    treadle_redis_words words;
    treadle_redis_words_of(text, length, &words);
    if (words.executes) {
        for (uint32_t i = 0; i < queued->count; i++) {
            touch(self, index, queued->keys[i], true, queued->writes[i]);
        }
        queued->count = 0;
    } else if (words.queued && words.key != 0 && queued->count < QUEUED_MAX) {
        queued->keys[queued->count] = words.key | key_space;
        queued->writes[queued->count++] = words.writes;
    } else if (words.key != 0) {
        touch(self, index, words.key | key_space, true, words.writes);
    }
}

/* ---- the walk -------------------------------------------------------------------------------- */

static bool is_memory(const treadle_event *event)
{
    return reads_memory(event) || writes_memory(event);
}

static void visit(walk *self, uint32_t index)
{
    const treadle_event *event = &self->trace->events[index];
    uint32_t *last = &self->last[event->thread];
    relate(self, *last, index, TREADLE_RELATION_PROGRAM);
    if (*last == NONE) {
        relate(self, self->creator[event->thread], index, TREADLE_RELATION_SYNC);
    }
    *last = index;
    const uint32_t other = event->object - 1; /* of operations on threads */
    if (is_memory(event)) {
        access_memory(self, index);
    } else if (event->kind == TREADLE_OP_REDIS) {
        act_on_redis(self, index, event);
    } else if (event->kind == TREADLE_OP_THREAD_CREATE && other < THREADS) {
        self->creator[other] = index;
    } else if (event->kind == TREADLE_OP_THREAD_JOIN && other < THREADS) {
        relate(self, self->last[other], index, TREADLE_RELATION_SYNC);
    } else if (event->object != 0) {
        act_on_object(self, index, event);
    }
}

static bool is_shared(const place *where)
{
    return where->changed && (where->threads & (where->threads - 1)) != 0;
}

static bool matters(const walk *self, const treadle_event *event)
{
    if (event->flags & TREADLE_EVENT_FAILED) {
        return true;
    }
    bool shared = !is_memory(event);
    for (uint32_t byte = 0; byte < bytes_of(event) && !shared; byte++) {
        shared = is_shared(place_at(self, (event->address + byte) & ~key_space));
    }
    return shared;
}

/* Clock readings matter where time passes. */
static bool time_passes(const treadle_trace *trace)
{
    return trace->event_count > 0 &&
           trace->events[0].clock_ns != trace->events[trace->event_count - 1].clock_ns;
}

static void find_what_matters(const walk *self)
{
    const bool clock = time_passes(self->trace);
    for (uint32_t i = 0; i < self->trace->event_count; i++) {
        const treadle_event *event = &self->trace->events[i];
        self->out->matters[i] = event->kind == TREADLE_OP_CLOCK_READ ? clock : matters(self, event);
    }
}

static int open_walk(walk *self, const treadle_trace *trace)
{
    size_t most = 64;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        most += bytes_of(&trace->events[i]) + QUEUED_MAX;
    }
    size_t places = 64;
    while (places < 2 * most) {
        places *= 2;
    }
    self->mask = places - 1;
    self->places = calloc(places, sizeof *self->places);
    self->links = calloc(most, sizeof *self->links);
    for (size_t i = 0; i < THREADS; i++) {
        self->last[i] = NONE;
        self->creator[i] = NONE;
    }
    return self->places != NULL && self->links != NULL ? 0 : ENOMEM;
}

int treadle_relations_open(treadle_relations *relations, const treadle_trace *trace)
{
    *relations = (treadle_relations){.matters = calloc(trace->event_count + 1, sizeof(bool))};
    walk *self = calloc(1, sizeof *self);
    int error = self == NULL || relations->matters == NULL ? ENOMEM : open_walk(self, trace);
    if (!error) {
        self->trace = trace;
        self->out = relations;
        for (uint32_t i = 0; i < trace->event_count && !self->failed; i++) {
            if (trace->events[i].kind != TREADLE_OP_NOTE) {
                visit(self, i);
            }
        }
        find_what_matters(self);
        error = self->failed ? ENOMEM : 0;
    }
    if (self != NULL) {
        free(self->places);
        free(self->links);
        free(self);
    }
    if (error) {
        treadle_relations_close(relations);
    }
    return error;
}

void treadle_relations_close(treadle_relations *relations)
{
    free(relations->items);
    free(relations->matters);
    *relations = (treadle_relations){0};
}
