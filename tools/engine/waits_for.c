// SPDX-License-Identifier: MIT
/* Why nobody can go on: who waits for what, where, who holds it, and where that one took it. When
 * the waits form a cycle it comes first. */
#include <stdarg.h>
#include <stdio.h>

#include "tools/engine/internal.h"

typedef struct sentence {
    char *text;
    size_t size;
    size_t used;
} sentence;

__attribute__((format(printf, 2, 3))) static void add(sentence *self, const char *format, ...)
{
    if (self->used + 1 >= self->size) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(self->text + self->used, self->size - self->used, format, arguments);
    va_end(arguments);
    self->used += length > 0 ? (size_t)length : 0;
}

place treadle_read_place(const thread *holder, const object *lock)
{
    place out = {""};
    for (uint32_t i = 0; i < HELD_READS_KEPT && i < holder->held_reads_taken; i++) {
        const held_read *held =
            &holder->held_reads[(holder->held_reads_taken - 1 - i) % HELD_READS_KEPT];
        if (held->lock == lock && held->at != NULL) {
            snprintf(out.text, sizeof out.text, ", taken%s", treadle_place(held->at).text);
            break;
        }
    }
    return out;
}

/* ---- one wait ---------------------------------------------------------------------------------
 */

static bool waits(const thread *one)
{
    return !one->finished && one->kind != TREADLE_OP_NONE;
}

/* Those of whom one must act before `waiter` can go on, as far as that is known. */
static uint64_t waits_for(const thread *waiter)
{
    if (waiter->kind == TREADLE_OP_THREAD_JOIN) {
        return E.threads[waiter->address].bit;
    }
    const object *what = waiter->object;
    if (what == NULL) {
        return 0;
    }
    if (what->owner != NO_THREAD) {
        return E.threads[what->owner].bit;
    }
    if (what->class != OBJECT_RWLOCK) {
        return 0;
    }
    return waiter->kind == TREADLE_OP_RWLOCK_RDLOCK ? what->pending : what->holders;
}

static void add_holder(sentence *out, const thread *waiter, const thread *holder)
{
    add(out, "%s%s", holder->name,
        holder->finished   ? ", which has ended"
        : holder == waiter ? " itself"
                           : "");
}

static void add_readers(sentence *out, const thread *waiter)
{
    const object *lock = waiter->object;
    add(out, " held for reading by ");
    const char *glue = "";
    for (uint64_t left = lock->holders; left; left &= left - 1) {
        const thread *reader = &E.threads[__builtin_ctzll(left)];
        add(out, "%s", glue);
        add_holder(out, waiter, reader);
        add(out, "%s", treadle_read_place(reader, lock).text);
        glue = " and ";
    }
}

/* Writers that wait, too. */
static void add_writers(sentence *out, const object *lock)
{
    add(out, ", where no reader gets in before ");
    const char *glue = "";
    for (uint64_t left = lock->pending; left; left &= left - 1) {
        add(out, "%s%s", glue, E.threads[__builtin_ctzll(left)].name);
        glue = " and ";
    }
}

/* A condition variable: what became of its last signal. */
static void add_signal(sentence *out, const thread *waiter)
{
    const object *condition = waiter->object;
    if (condition->last_by == NO_THREAD) {
        add(out, ", which was never signalled");
        return;
    }
    const char *who = E.threads[condition->last_by].name;
    const bool lost = condition->unheard && condition->last_step <= waiter->wait_step;
    add(out,
        lost ? ", which %s signalled%s before it waited: the wake-up is lost"
             : ", which %s signalled last%s, waking another",
        who, treadle_place(condition->last_at).text);
}

static void add_object(sentence *out, const thread *waiter)
{
    const object *what = waiter->object;
    char name[96];
    add(out, "%s", treadle_object_describe(what, name, sizeof name));
    if (what->owner != NO_THREAD) {
        add(out, " held by ");
        add_holder(out, waiter, &E.threads[what->owner]);
        if (what->last_at != NULL) {
            add(out, ", taken%s", treadle_place(what->last_at).text);
        }
    } else if (what->class == OBJECT_RWLOCK && waiter->kind == TREADLE_OP_RWLOCK_RDLOCK) {
        add_writers(out, what);
    } else if (what->class == OBJECT_RWLOCK && what->holders) {
        add_readers(out, waiter);
    } else if (what->class == OBJECT_COND) {
        add_signal(out, waiter);
    } else if (what->class == OBJECT_BARRIER) {
        add(out, ", at which %lld of %u have arrived", (long long)what->count, what->limit);
    } else if (what->class == OBJECT_SEM && what->last_by != NO_THREAD) {
        add(out, ", last taken by %s%s", E.threads[what->last_by].name,
            treadle_place(what->last_at).text);
    }
}

static void add_wait(sentence *out, const thread *waiter)
{
    add(out, "%s%s waits", out->used ? "; " : "", waiter->name);
    if (waiter->kind == TREADLE_OP_THREAD_JOIN) {
        add(out, "%s for the end of %s", treadle_place(waiter->site).text,
            E.threads[waiter->address].name);
    } else if (waiter->object == NULL) {
        add(out, "%s in %s", treadle_place(waiter->site).text, treadle_op_word(waiter->kind));
    } else {
        add(out, "%s for ", treadle_place(waiter->site).text);
        add_object(out, waiter);
    }
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* The threads that `from` waits for directly or by others. */
static uint64_t reach(const thread *from)
{
    uint64_t reached = waits_for(from);
    for (uint64_t before = 0; before != reached;) {
        before = reached;
        for (uint64_t left = before; left; left &= left - 1) {
            const thread *next = &E.threads[__builtin_ctzll(left)];
            reached |= waits(next) ? waits_for(next) : 0;
        }
    }
    return reached;
}

/* Goes from `start`, which is on a cycle, round it: each time to one that leads back. */
static uint64_t add_cycle(sentence *out, const thread *start)
{
    uint64_t done = 0;
    const thread *at = start;
    do {
        add_wait(out, at);
        done |= at->bit;
        const thread *next = start;
        for (uint64_t left = waits_for(at) & ~done; left; left &= left - 1) {
            const thread *candidate = &E.threads[__builtin_ctzll(left)];
            if (waits(candidate) && reach(candidate) & start->bit &&
                !(waits_for(at) & start->bit)) {
                next = candidate;
                break;
            }
        }
        at = next;
    } while (at != start);
    return done;
}

void treadle_describe_deadlock(char *text, size_t size)
{
    sentence out = {text, size, 0};
    text[0] = '\0';
    uint64_t done = 0;
    for (uint32_t i = 0; i < E.thread_count && done == 0; i++) {
        const thread *one = &E.threads[i];
        if (waits(one) && reach(one) & one->bit) {
            done = add_cycle(&out, one);
        }
    }
    for (uint32_t i = 0; i < E.thread_count; i++) {
        if (waits(&E.threads[i]) && !(done & E.threads[i].bit)) {
            add_wait(&out, &E.threads[i]);
        }
    }
}
