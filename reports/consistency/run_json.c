// SPDX-License-Identifier: MIT
#include "reports/consistency/run_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/consistency/redis_cli.h"
#include "reports/consistency/source.h"
#include "reports/event_text.h"
#include "reports/json_values.h"

/* Of a long execution the first and the last operations are shown. */
enum { FIRST_MAX = 40, LAST_MAX = 160, NAME_SIZE = 192, LINKS_MAX = 400 };

/* An access that later ones may conflict with. */
typedef struct access {
    char object[NAME_SIZE];
    uint32_t event; /* index among those shown */
    uint8_t thread;
    bool writes;
} access;

typedef struct builder {
    const treadle_trace *trace;
    const treadle_consistency_options *options;
    int columns[TREADLE_TRACE_THREADS_MAX]; /* of each thread; -1 = it does nothing */
    json_t *events;
    json_t *links;
    json_t *keys;    /* of a server, whenever they are there */
    json_t *objects; /* what the names of memory stand for */
    json_t *state;   /* name → value, after the operations so far */
    json_t *changes; /* not yet told */
    access *accesses;
    size_t access_count;
    size_t access_room;
    bool failed;
} builder;

static void append(builder *self, json_t *array, json_t *value)
{
    self->failed |= json_array_append_new(array, value) != 0;
}

static void set(builder *self, json_t *object, const char *key, json_t *value)
{
    self->failed |= json_object_set_new(object, key, value) != 0;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Returns whether that is another value than before. NULL = gone. */
static bool change(builder *self, const char *name, const char *value)
{
    const json_t *before = json_object_get(self->state, name);
    if (value == NULL ? before == NULL
                      : before != NULL && strcmp(json_string_value(before), value) == 0) {
        return false;
    }
    if (value == NULL) {
        json_object_del(self->state, name);
        set(self, self->changes, name, json_null());
        return true;
    }
    set(self, self->state, name, treadle_json_bytes(value, strlen(value)));
    set(self, self->changes, name, treadle_json_bytes(value, strlen(value)));
    return true;
}

static bool is_write(treadle_op_kind kind)
{
    switch (kind) {
    case TREADLE_OP_READ:
    case TREADLE_OP_VOLATILE_READ:
    case TREADLE_OP_ATOMIC_LOAD:
    case TREADLE_OP_SEM_GETVALUE:
    case TREADLE_OP_CLOCK_READ:
    case TREADLE_OP_SLEEP: return false;
    default: return true;
    }
}

static bool takes_lock(treadle_op_kind kind)
{
    return kind == TREADLE_OP_MUTEX_LOCK || kind == TREADLE_OP_MUTEX_TRYLOCK ||
           kind == TREADLE_OP_MUTEX_TIMEDLOCK || kind == TREADLE_OP_SPIN_LOCK ||
           kind == TREADLE_OP_SPIN_TRYLOCK || kind == TREADLE_OP_RWLOCK_WRLOCK ||
           kind == TREADLE_OP_RWLOCK_TRYWRLOCK;
}

static bool gives_lock(treadle_op_kind kind)
{
    return kind == TREADLE_OP_MUTEX_UNLOCK || kind == TREADLE_OP_SPIN_UNLOCK ||
           kind == TREADLE_OP_RWLOCK_UNLOCK;
}

static void change_memory(builder *self, const treadle_event *event, const char *object)
{
    const treadle_op_kind kind = (treadle_op_kind)event->kind;
    const bool failed = (event->flags & TREADLE_EVENT_FAILED) != 0;
    if (takes_lock(kind) && !failed) {
        char *name = treadle_thread_describe(self->trace, event->thread);
        char value[NAME_SIZE];
        snprintf(value, sizeof value, "held by %s", name != NULL ? name : "?");
        free(name);
        change(self, object, value);
    } else if (gives_lock(kind)) {
        change(self, object, "free");
    } else if (object[0] == 'x' &&
               (event->flags & (TREADLE_EVENT_HAS_VALUE | TREADLE_EVENT_HAS_WRITTEN)) != 0) {
        const bool written = (event->flags & TREADLE_EVENT_HAS_WRITTEN) != 0;
        char value[TREADLE_VALUE_SIZE];
        treadle_value_describe(value, sizeof value, written ? event->written : event->value,
                               event->size);
        change(self, object, value);
    }
}

/* ---- conflicts ------------------------------------------------------------------------------- */

static bool conflict(const access *a, const access *b)
{
    return (a->writes || b->writes) && a->thread != b->thread && strcmp(a->object, b->object) == 0;
}

/* Whether `earlier` had met its first conflict with the thread of `later` before that. */
static bool met_before(const builder *self, size_t earlier, const access *later)
{
    for (size_t i = earlier + 1; i < self->access_count; i++) {
        const access *between = &self->accesses[i];
        if (between->thread == later->thread && conflict(&self->accesses[earlier], between)) {
            return true;
        }
    }
    return false;
}

/* Joins an access to the last ones of the other threads that it conflicts with. */
static void note_access(builder *self, uint32_t event, uint8_t thread, const char *object,
                        bool writes)
{
    if (self->access_count == self->access_room) {
        const size_t room = self->access_room * 2 + 64;
        access *grown = reallocarray(self->accesses, room, sizeof *grown);
        if (grown == NULL) {
            self->failed = true;
            return;
        }
        self->accesses = grown;
        self->access_room = room;
    }
    access *later = &self->accesses[self->access_count];
    *later = (access){.event = event, .thread = thread, .writes = writes};
    snprintf(later->object, sizeof later->object, "%s", object);
    uint64_t seen = 0; /* threads whose last access was looked at */
    for (size_t i = self->access_count; i > 0; i--) {
        const access *earlier = &self->accesses[i - 1];
        if (earlier->thread == thread || strcmp(earlier->object, object) != 0 ||
            (seen >> (earlier->thread & 63) & 1) != 0) {
            continue;
        }
        seen |= UINT64_C(1) << (earlier->thread & 63);
        if (conflict(earlier, later) && !met_before(self, i - 1, later) &&
            json_array_size(self->links) < LINKS_MAX) {
            append(self, self->links,
                   json_pack("{s:i, s:i, s:o}", "from", (int)earlier->event, "to", (int)event,
                             "object", treadle_json_text(object)));
        }
    }
    self->access_count++;
}

/* ---- Redis ----------------------------------------------------------------------------------- */

/* Whether a key is one of the words of the commands. */
static bool names_key(const char *text, size_t length, const char *key)
{
    const size_t size = strlen(key);
    for (const char *at = text; size > 0 && (size_t)(at - text) + size <= length; at++) {
        at = memmem(at, length - (size_t)(at - text), key, size);
        if (at == NULL) {
            return false;
        }
        const char *end = at + size;
        if ((at == text || at[-1] == ' ') && (end == text + length || *end == ' ')) {
            return true;
        }
    }
    return false;
}

/* "KEY<tab>CONTENTS" of a line, in place; false for a line that names none. */
static bool split_line(char *line, char **contents)
{
    char *tab = strchr(line, '\t');
    if (tab == NULL || tab[1] == '\0') {
        return false;
    }
    *tab = '\0';
    *contents = tab + 1;
    return true;
}

/* The keys and contents that a server held after an operation; NULL when it was not told. */
static json_t *server_state(builder *self, const treadle_event *event)
{
    size_t length;
    const char *told = treadle_trace_state(self->trace, event, &length);
    char *lines = told != NULL ? strndup(told, length) : NULL;
    if (lines == NULL) {
        return NULL;
    }
    json_t *state = json_object();
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *contents;
        if (split_line(line, &contents)) {
            set(self, state, line, treadle_json_text(contents));
        }
    }
    free(lines);
    return state;
}

/* All keys that there are at some time. Before they are made, they may be looked at. */
static void gather_keys(builder *self)
{
    for (uint32_t i = 0; i < self->trace->event_count; i++) {
        json_t *state = server_state(self, &self->trace->events[i]);
        json_object_update_missing(self->keys, state);
        json_decref(state);
    }
}

/* What changed on a server is a write of the operation, what it names else a read. */
static void change_server(builder *self, const treadle_event *event, uint32_t index, bool shown)
{
    json_t *now = server_state(self, event);
    if (now == NULL) {
        return;
    }
    size_t length;
    const char *text = treadle_trace_text(self->trace, event, &length);
    const char *key;
    json_t *unused;
    json_object_foreach(self->keys, key, unused)
    {
        const bool writes = change(self, key, json_string_value(json_object_get(now, key)));
        if (shown && (writes || names_key(text, length, key))) {
            note_access(self, index, event->thread, key, writes);
        }
    }
    json_decref(now);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void note_object(builder *self, const treadle_event *event, const char *object)
{
    if (object[0] != 'x' || event->address == 0 || json_object_get(self->objects, object) != NULL) {
        return;
    }
    const treadle_consistency_options *options = self->options;
    const char *variable =
        options->symbolize_data != NULL ? options->symbolize_data(event->address) : "";
    if (event->block_site != 0) {
        set(self, self->objects, object,
            json_pack("{s:n, s:i, s:i, s:o}", "variable", "offset", (int)event->block_offset,
                      "block", (int)event->block_size, "allocated",
                      treadle_source_place(event->block_site, options->symbolize,
                                           options->source_directory)));
    } else if (variable[0] != '\0') {
        set(self, self->objects, object,
            json_pack("{s:o, s:n, s:n, s:n}", "variable", treadle_json_text(variable), "offset",
                      "block", "allocated"));
    }
}

static json_t *take_changes(builder *self)
{
    json_t *changes = self->changes;
    self->changes = json_object();
    self->failed |= self->changes == NULL;
    return changes;
}

static json_t *place_of(const builder *self, uint64_t address)
{
    return treadle_source_place(address, self->options->symbolize, self->options->source_directory);
}

static void add_note(builder *self, const treadle_event *note)
{
    char *text = treadle_event_describe(self->trace, note);
    append(self, self->events,
           json_pack("{s:b, s:n, s:i, s:o, s:o}", "note", 1, "step", "thread",
                     self->columns[note->thread], "text", treadle_json_text(text), "place",
                     place_of(self, note->site)));
    free(text);
}

static void add_operation(builder *self, const treadle_event *event, const char *object)
{
    char clock[2 * TREADLE_VALUE_SIZE];
    treadle_clock_describe(event->clock_ns, clock, sizeof clock);
    char *described = treadle_event_describe(self->trace, event);
    size_t length;
    const char *text = treadle_trace_text(self->trace, event, &length);
    const bool redis = event->kind == TREADLE_OP_REDIS && length > 0;
    const uint64_t caller = event->kind == TREADLE_OP_REDIS ? event->callers[0] : 0;
    const bool called = caller != 0;
    append(self, self->events,
           json_pack("{s:b, s:i, s:i, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "note", 0,
                     "step", (int)event->step, "thread", self->columns[event->thread], "op",
                     treadle_op_word((treadle_op_kind)event->kind), "text",
                     treadle_json_text(described), "object", treadle_json_text(object), "redis",
                     redis ? treadle_redis_cli_commands(text, length) : json_null(), "failed",
                     (event->flags & TREADLE_EVENT_FAILED) != 0, "clock", json_string(clock),
                     "place", place_of(self, called ? caller : event->site), "through",
                     called ? place_of(self, event->site) : json_null(), "changes",
                     take_changes(self)));
    free(described);
}

static void add_event(builder *self, const treadle_event *event, bool shown)
{
    if (event->kind == TREADLE_OP_NOTE) {
        if (shown) {
            add_note(self, event);
        }
        return;
    }
    const uint32_t index = (uint32_t)json_array_size(self->events);
    char object[TREADLE_OBJECT_NAME_SIZE];
    treadle_event_object(event, object);
    if (object[0] != '\0') {
        change_memory(self, event, object);
    }
    if (event->kind == TREADLE_OP_REDIS) {
        change_server(self, event, index, shown);
    }
    if (!shown) {
        return;
    }
    note_object(self, event, object);
    if (object[0] != '\0' && event->kind != TREADLE_OP_CLOCK_READ &&
        event->kind != TREADLE_OP_SLEEP) {
        note_access(self, index, event->thread, object, is_write((treadle_op_kind)event->kind));
    }
    add_operation(self, event, object);
}

static void add_remarks(builder *self, uint32_t after)
{
    for (uint32_t i = 0; i < self->trace->remark_count; i++) {
        if (self->trace->remarks[i].after == after) {
            add_note(self, &self->trace->remarks[i].note);
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* A column for each thread that does something, in their order. */
static json_t *make_columns(builder *self)
{
    const treadle_trace *trace = self->trace;
    bool acts[TREADLE_TRACE_THREADS_MAX] = {false};
    for (uint32_t i = 0; i < trace->event_count; i++) {
        acts[trace->events[i].thread] = true;
    }
    for (uint32_t i = 0; i < trace->remark_count; i++) {
        acts[trace->remarks[i].note.thread] = true;
    }
    json_t *names = json_array();
    for (uint32_t i = 0; i < TREADLE_TRACE_THREADS_MAX; i++) {
        self->columns[i] = -1;
        if (acts[i]) {
            self->columns[i] = (int)json_array_size(names);
            char *name = treadle_thread_describe(trace, i);
            append(self, names, treadle_json_text(name));
            free(name);
        }
    }
    return names;
}

/* Which events of a long execution are not shown: [from, to). What a full trace had no room for
 * came at its end. */
typedef struct gap {
    uint32_t from;
    uint32_t to;
} gap;

static gap gap_of(const treadle_trace *trace)
{
    const uint32_t count = trace->event_count;
    if (count <= FIRST_MAX + LAST_MAX) {
        return (gap){count, count};
    }
    return trace->dropped > 0 ? (gap){FIRST_MAX + LAST_MAX, count}
                              : (gap){FIRST_MAX, count - LAST_MAX};
}

/* Remarks are few, and what it is about: they are all shown. Sets how many of those shown come
 * before what is left out. */
static void add_events(builder *self, gap left_out, size_t *before)
{
    const treadle_trace *trace = self->trace;
    for (uint32_t i = 0; i <= trace->event_count; i++) {
        add_remarks(self, i);
        if (i == left_out.from) {
            *before = json_array_size(self->events);
        }
        if (i < trace->event_count) {
            add_event(self, &trace->events[i], i < left_out.from || i >= left_out.to);
        }
    }
}

json_t *treadle_run_json(const treadle_trace *trace, const treadle_consistency_options *options)
{
    builder self = {.trace = trace,
                    .options = options,
                    .events = json_array(),
                    .links = json_array(),
                    .objects = json_object(),
                    .state = json_object(),
                    .keys = json_object(),
                    .changes = json_object()};
    self.failed = self.events == NULL || self.links == NULL || self.objects == NULL ||
                  self.state == NULL || self.keys == NULL || self.changes == NULL;
    json_t *run = NULL;
    if (!self.failed) {
        json_t *threads = make_columns(&self);
        gather_keys(&self);
        const gap left_out = gap_of(trace);
        const uint32_t count = left_out.to - left_out.from + trace->dropped;
        size_t before = 0;
        add_events(&self, left_out, &before);
        run = json_pack("{s:o, s:O, s:O, s:O, s:i, s:i}", "threads", threads, "events", self.events,
                        "links", self.links, "objects", self.objects, "left_out", (int)count,
                        "left_out_after", count > 0 ? (int)before : 0);
    }
    if (self.failed && run != NULL) {
        json_decref(run);
        run = NULL;
    }
    json_decref(self.events);
    json_decref(self.links);
    json_decref(self.objects);
    json_decref(self.state);
    json_decref(self.keys);
    json_decref(self.changes);
    free(self.accesses);
    return run;
}
