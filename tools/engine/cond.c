// SPDX-License-Identifier: MIT
/* Condition variables. A wait is {unlock, enqueue}, then asleep until signalled, then the mutex
 * again. Which waiter a signal wakes is a decision; a timed waiter may be picked without a signal,
 * which is its timeout. With `spurious_wakeups` a waiter may go on for no reason, too: a few times
 * in a row, or a wait in vain would never be one. */
#include <errno.h>
#include <string.h>

#include "tools/engine/internal.h"

static object *cond_of(void *condition)
{
    object *known = treadle_object_known(condition, OBJECT_COND);
    if (known == NULL) {
        known = treadle_object_new(condition, OBJECT_COND);
        known->limit = CLOCK_REALTIME;
    }
    return known;
}

int treadle_cond_init(pthread_cond_t *condition, clockid_t clock, const void *site)
{
    memset(condition, 0, sizeof *condition);
    treadle_object_init(condition, OBJECT_COND, site)->limit = (uint32_t)clock;
    return 0;
}

int SEAM(pthread_cond_init)(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    if (!treadle_inside()) {
        return pthread_cond_init(condition, attributes);
    }
    clockid_t clock = CLOCK_REALTIME;
    if (attributes != NULL) {
        pthread_condattr_getclock(attributes, &clock);
    }
    return treadle_cond_init(condition, clock, SITE());
}

int treadle_cond_destroy(pthread_cond_t *condition, const void *site)
{
    object *known = cond_of(condition);
    if (known->waiting) {
        treadle_violation("misuse", "%s destroys a condition variable that %s waits for",
                          E.self->name, E.threads[__builtin_ctzll(known->waiting)].name);
    }
    treadle_object_forget(known, site);
    return 0;
}

int SEAM(pthread_cond_destroy)(pthread_cond_t *condition)
{
    return treadle_inside() ? treadle_cond_destroy(condition, SITE())
                            : pthread_cond_destroy(condition);
}

/* A timed wait without a signal: or it times out. */
static bool ends_for_no_reason(const thread *self)
{
    return E.options.spurious_wakeups && self->idle_repeats <= FREE_WAITS &&
           treadle_decide(TREADLE_CHOICE_SPURIOUS, 2) != 0;
}

/* Sleeps on `condition` until signalled, timed out, cancelled or spuriously woken; the caller holds
 * `mutex` before and after. */
static int wait_on(object *condition, object *mutex, bool timed, const void *site)
{
    thread *self = E.self;
    if (mutex->owner != self->id) {
        treadle_violation("misuse", "%s waits on a condition variable without holding the mutex",
                          self->name);
    }
    treadle_cancellation_point();
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_COND_WAIT, (void *)condition->address, 0, 0, site);
    }
    treadle_touching_object((void *)condition->address, TREADLE_TOUCH_WRITE);
    const bool kept = mutex->count > 1; /* as glibc does it, who holds it more than once */
    if (kept) {
        mutex->count--;
    } else {
        treadle_mutex_release(mutex);
    }
    self->signalled = false;
    self->wait_mutex = mutex;
    const bool cancelled = treadle_cancel_due(self);
    const bool spurious =
        E.options.spurious_wakeups && !timed && !cancelled && !treadle_idle_again(site, FREE_WAITS);
    const bool free = spurious || cancelled;
    void *const address = (void *)condition->address;
    if (timed && !cancelled) {
        treadle_timed_wait(&condition->waiting, false, condition, TREADLE_OP_COND_WAKE, address,
                           site);
    } else {
        treadle_gate_wait(&condition->waiting, false, condition, TREADLE_OP_COND_WAKE, address,
                          free, site);
    }
    /* One who could have gone on without the signal depends on it having come first. */
    if (free || timed || !self->signalled || treadle_cancel_due(self)) {
        treadle_touching((void *)condition->address, 1,
                         (self->signalled ? TREADLE_TOUCH_READ : TREADLE_TOUCH_WRITE) |
                             TREADLE_TOUCH_OBJECT,
                         site);
    }
    self->idle_repeats = self->signalled ? 0 : self->idle_repeats;
    int result = 0;
    if (!self->signalled && timed && !treadle_cancel_due(self) && !ends_for_no_reason(self)) {
        treadle_clock_reach(self->deadline_ns);
        treadle_event_failed();
        result = ETIMEDOUT;
    }
    mutex->pending &= ~self->bit; /* see wake() */
    if (kept) {
        mutex->count++;
    } else {
        treadle_mutex_take_any(mutex, site);
    }
    treadle_cancellation_point();
    return result;
}

/* Moves one waiter from the condition variable to the gate of its mutex. */
static void wake(object *condition, thread *waiter)
{
    object *mutex = waiter->wait_mutex;
    condition->waiting &= ~waiter->bit;
    waiter->signalled = true;
    treadle_lets_go(waiter->bit & ~(E.enabled | E.polling));
    treadle_diverts(waiter->bit & E.enabled);
    E.yielded &= ~waiter->bit;
    waiter->object = mutex;
    E.timed &= ~waiter->bit;
    mutex->pending |= waiter->bit;
    const bool open = mutex->owner == NO_THREAD || mutex->owner == waiter->id;
    treadle_gate_set(waiter->bit, open);
    waiter->held_up_by = open ? NULL : mutex;
    waiter->overtaken = 0;
}

static void note_signal(object *condition, const void *site)
{
    condition->last_at = site;
    condition->last_by = (uint8_t)E.self->id;
    condition->last_step = E.steps;
    condition->unheard = condition->waiting == 0;
}

int treadle_cond_signal(pthread_cond_t *condition, const void *site)
{
    object *known = cond_of(condition);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_COND_SIGNAL, condition, 0, 0, site);
    }
    E.progress++;
    note_signal(known, site);
    uint64_t waiting = known->waiting;
    treadle_touching_object(condition, waiting ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ);
    if (waiting) {
        uint32_t skip =
            treadle_decide(TREADLE_CHOICE_WAITER, (uint32_t)__builtin_popcountll(waiting));
        while (skip--) {
            waiting &= waiting - 1;
        }
        wake(known, &E.threads[__builtin_ctzll(waiting)]);
    }
    return 0;
}

int SEAM(pthread_cond_signal)(pthread_cond_t *condition)
{
    return treadle_inside() ? treadle_cond_signal(condition, SITE())
                            : pthread_cond_signal(condition);
}

int treadle_cond_broadcast(pthread_cond_t *condition, const void *site)
{
    object *known = cond_of(condition);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_COND_BROADCAST, condition, 0, 0, site);
    }
    E.progress++;
    note_signal(known, site);
    treadle_touching_object(condition, known->waiting ? TREADLE_TOUCH_WRITE : TREADLE_TOUCH_READ);
    while (known->waiting) {
        wake(known, &E.threads[__builtin_ctzll(known->waiting)]);
    }
    return 0;
}

int SEAM(pthread_cond_broadcast)(pthread_cond_t *condition)
{
    return treadle_inside() ? treadle_cond_broadcast(condition, SITE())
                            : pthread_cond_broadcast(condition);
}

int treadle_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const void *site)
{
    return wait_on(cond_of(condition), treadle_mutex_of(mutex), false, site);
}

int SEAM(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return treadle_inside() ? treadle_cond_wait(condition, mutex, SITE())
                            : pthread_cond_wait(condition, mutex);
}

static int timedwait(object *condition, pthread_mutex_t *mutex, clockid_t clock,
                     const struct timespec *until, const void *site)
{
    if (!treadle_timespec_valid(until)) {
        return EINVAL;
    }
    E.self->deadline_ns = treadle_deadline(clock, until);
    return wait_on(condition, treadle_mutex_of(mutex), true, site);
}

int treadle_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until, const void *site)
{
    object *known = cond_of(condition);
    return timedwait(known, mutex, (clockid_t)known->limit, until, site);
}

int SEAM(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                 const struct timespec *until)
{
    return treadle_inside() ? treadle_cond_timedwait(condition, mutex, until, SITE())
                            : pthread_cond_timedwait(condition, mutex, until);
}

int SEAM(pthread_cond_clockwait)(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                                 const struct timespec *until)
{
    return treadle_inside() ? timedwait(cond_of(condition), mutex, clock, until, SITE())
                            : pthread_cond_clockwait(condition, mutex, clock, until);
}
