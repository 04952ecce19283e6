// SPDX-License-Identifier: MIT
/* The table of synchronisation objects of an execution, and what may be left of them at its end. */
#include <stdio.h>

#include "tools/engine/internal.h"

place treadle_place(const void *site)
{
    place out = {""};
    if (site != NULL) {
        snprintf(out.text, sizeof out.text, " at @%p", site);
    }
    return out;
}

object *treadle_object_new(void *address, object_class class)
{
    if (E.object_count >= OBJECTS_MAX) {
        treadle_stop(TREADLE_OUTCOME_CUT, "object-limit",
                     "more than %d synchronisation objects in one execution", OBJECTS_MAX);
    }
    object *made = &E.objects[E.object_count++];
    *made = (object){.address = (uintptr_t)address,
                     .class = (uint8_t) class,
                     .owner = NO_THREAD,
                     .last_by = NO_THREAD};
    *(uint32_t *)address = E.object_count;
    return made;
}

/* A gate that is open before and after. */
enum { OPEN = TREADLE_TOUCH_OPEN | TREADLE_TOUCH_OPEN_READ };

/* For observers: the memory becomes something else, which orders nothing. */
static void becomes(void *address, const void *site)
{
    treadle_access(address, 1, ACCESS_WRITE, site);
    if (UNLIKELY(E.observing)) {
        treadle_observe_only(address, 1, TREADLE_TOUCH_WRITE, site);
    }
}

object *treadle_object_init(void *address, object_class class, const void *site)
{
    becomes(address, site);
    treadle_touching_quietly(address, 1, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_OBJECT | OPEN);
    return treadle_object_new(address, class);
}

static void overtake(const object *taken, const void *site)
{
    const thread *self = E.self;
    for (uint64_t left = (taken->pending | taken->waiting) & ~self->bit; left; left &= left - 1) {
        thread *waiter = &E.threads[__builtin_ctzll(left)];
        if (waiter->held_up_by == taken && ++waiter->overtaken > E.options.overtaken_max) {
            char what[96];
            treadle_violation("starvation",
                              "%s waits%s for %s, and others took it %u times since, %s the last "
                              "time%s",
                              waiter->name, treadle_place(waiter->site).text,
                              treadle_object_describe(taken, what, sizeof what), waiter->overtaken,
                              self->name, treadle_place(site).text);
        }
    }
}

void treadle_object_taken(object *taken, const void *site)
{
    taken->last_at = site;
    taken->last_by = (uint8_t)E.self->id;
    if (UNLIKELY(E.options.overtaken_max)) {
        overtake(taken, site);
    }
}

void treadle_object_forget(object *gone, const void *site)
{
    becomes((void *)gone->address, site);
    const bool shut = gone->class == OBJECT_COND || (gone->class == OBJECT_SEM && gone->count == 0);
    treadle_touching_quietly((void *)gone->address, 1,
                             TREADLE_TOUCH_WRITE | TREADLE_TOUCH_OBJECT | (shut ? 0 : OPEN));
    *(uint32_t *)gone->address = 0;
    gone->address = 0;
    gone->class = OBJECT_NONE;
}

const char *treadle_object_describe(const object *which, char *buffer, size_t size)
{
    static const char *const names[] = {
        [OBJECT_NONE] = "a destroyed object",
        [OBJECT_MUTEX] = "mutex",
        [OBJECT_COND] = "condition variable",
        [OBJECT_RWLOCK] = "read-write lock",
        [OBJECT_SPIN] = "spin lock",
        [OBJECT_BARRIER] = "barrier",
        [OBJECT_ONCE] = "once",
        [OBJECT_SEM] = "semaphore",
    };
    /* Numbered within its class, in the order of first use. */
    uint32_t number = 1;
    for (const object *other = E.objects; other < which; other++) {
        number += other->class == which->class;
    }
    snprintf(buffer, size, "%s %u", names[which->class], number);
    return buffer;
}

/* The first holder that will never let go; a detached thread that still runs may. */
static const thread *stuck_holder(uint64_t holders)
{
    for (; holders; holders &= holders - 1) {
        const thread *holder = &E.threads[__builtin_ctzll(holders)];
        if (holder->finished || holder == E.self) {
            return holder;
        }
    }
    return NULL;
}

void treadle_check_leaks(void)
{
    char what[96];
    for (uint32_t i = 0; i < E.object_count; i++) {
        const object *held = &E.objects[i];
        if (held->class == OBJECT_NONE || held->class == OBJECT_ONCE) {
            continue;
        }
        const bool owned = held->owner != NO_THREAD;
        const uint64_t readers = held->class == OBJECT_RWLOCK ? held->holders : 0;
        const thread *holder = stuck_holder(owned ? E.threads[held->owner].bit : readers);
        if (holder != NULL) {
            treadle_violation("lock-leak", "%s is still held%s by %s at the end%s%s",
                              treadle_object_describe(held, what, sizeof what),
                              owned ? "" : " for reading", holder->name, owned ? ", taken" : "",
                              owned ? treadle_place(held->last_at).text
                                    : treadle_read_place(holder, held).text);
        }
    }
    for (uint32_t i = 1; i < E.thread_count; i++) {
        const thread *left = &E.threads[i];
        if (left->finished && !left->detached && !left->joined) {
            treadle_violation("thread-leak", "%s, created%s, was neither joined nor detached",
                              left->name, treadle_place(left->created_at).text);
        }
        if (!left->finished && !left->detached) {
            treadle_violation("thread-leak",
                              "%s, created%s, still runs at the end and nobody joins it",
                              left->name, treadle_place(left->created_at).text);
        }
    }
}
