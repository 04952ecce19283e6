// SPDX-License-Identifier: MIT
/* POSIX semaphores. Waiting is a cancellation point. */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <string.h>

#include "tools/engine/internal.h"

static object *sem_of(sem_t *semaphore, const void *site)
{
    object *known = treadle_object_known(semaphore, OBJECT_SEM);
    if (known == NULL) {
        treadle_access(semaphore, sizeof *semaphore, ACCESS_OBJECT, site);
        treadle_violation("misuse", "%s uses a semaphore that was not initialised", E.self->name);
    }
    return known;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

int SEAM(sem_init)(sem_t *semaphore, int shared, unsigned value)
{
    if (!treadle_inside()) {
        return sem_init(semaphore, shared, value);
    }
    if (value > SEM_VALUE_MAX) {
        return fail(EINVAL);
    }
    memset(semaphore, 0, sizeof *semaphore);
    treadle_object_init(semaphore, OBJECT_SEM, SITE())->count = value;
    return 0;
}

int SEAM(sem_destroy)(sem_t *semaphore)
{
    if (!treadle_inside()) {
        return sem_destroy(semaphore);
    }
    object *known = sem_of(semaphore, SITE());
    if (known->pending) {
        treadle_violation("misuse", "%s destroys a semaphore that %s waits for", E.self->name,
                          E.threads[__builtin_ctzll(known->pending)].name);
    }
    treadle_object_forget(known, SITE());
    return 0;
}

static void take(object *semaphore, const void *site)
{
    treadle_touching_object((void *)semaphore->address,
                            TREADLE_TOUCH_WRITE | TREADLE_TOUCH_ACQUIRE | TREADLE_TOUCH_OPEN);
    semaphore->count--;
    treadle_object_taken(semaphore, site);
    treadle_gate_set(semaphore->pending, semaphore->count > 0);
}

static int wait_for(object *semaphore, treadle_op_kind kind, bool timed, const void *site)
{
    thread *self = E.self;
    treadle_cancellation_point();
    const bool open = semaphore->count > 0;
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        if (timed) {
            treadle_timed_wait(&semaphore->pending, open, semaphore, kind,
                               (void *)semaphore->address, site);
        } else {
            treadle_gate_wait(&semaphore->pending, open, semaphore, kind,
                              (void *)semaphore->address, false, site);
        }
        treadle_cancelled_at((void *)semaphore->address);
        treadle_cancellation_point();
        if (semaphore->count == 0) {
            assert(timed);
            treadle_touching_object((void *)semaphore->address, TREADLE_TOUCH_READ);
            treadle_clock_reach(self->deadline_ns);
            treadle_event_failed();
            return fail(ETIMEDOUT);
        }
    }
    if (timed) {
        treadle_polled();
    }
    take(semaphore, site);
    return 0;
}

int SEAM(sem_wait)(sem_t *semaphore)
{
    if (!treadle_inside()) {
        return sem_wait(semaphore);
    }
    return wait_for(sem_of(semaphore, SITE()), TREADLE_OP_SEM_WAIT, false, SITE());
}

static int timedwait(sem_t *semaphore, clockid_t clock, const struct timespec *until,
                     const void *site)
{
    if (!treadle_timespec_valid(until)) {
        return fail(EINVAL);
    }
    E.self->deadline_ns = treadle_deadline(clock, until);
    return wait_for(sem_of(semaphore, site), TREADLE_OP_SEM_TIMEDWAIT, true, site);
}

int SEAM(sem_timedwait)(sem_t *semaphore, const struct timespec *until)
{
    return treadle_inside() ? timedwait(semaphore, CLOCK_REALTIME, until, SITE())
                            : sem_timedwait(semaphore, until);
}

int SEAM(sem_clockwait)(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
    return treadle_inside() ? timedwait(semaphore, clock, until, SITE())
                            : sem_clockwait(semaphore, clock, until);
}

int SEAM(sem_trywait)(sem_t *semaphore)
{
    if (!treadle_inside()) {
        return sem_trywait(semaphore);
    }
    object *known = sem_of(semaphore, SITE());
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_SEM_TRYWAIT, semaphore, 0, 0, SITE());
    }
    if (known->count > 0) {
        take(known, SITE());
        return 0;
    }
    treadle_touching_object(semaphore, TREADLE_TOUCH_READ);
    treadle_event_failed();
    if (treadle_spin_read((uintptr_t)semaphore, SITE(), 0)) {
        treadle_touching_object(semaphore, TREADLE_TOUCH_READ);
    }
    return fail(EAGAIN);
}

int SEAM(sem_post)(sem_t *semaphore)
{
    if (!treadle_inside()) {
        return sem_post(semaphore);
    }
    object *known = sem_of(semaphore, SITE());
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_SEM_POST, semaphore, 0, 0, SITE());
    }
    if (known->count == SEM_VALUE_MAX) {
        treadle_touching_object(semaphore, TREADLE_TOUCH_READ);
        return fail(EOVERFLOW);
    }
    treadle_touching_object(semaphore, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE |
                                           TREADLE_TOUCH_RMW |
                                           (known->count > 0 ? TREADLE_TOUCH_OPEN : 0));
    known->count++;
    treadle_gate_set(known->pending, true);
    treadle_progress(semaphore, sizeof *semaphore);
    return 0;
}

int SEAM(sem_getvalue)(sem_t *semaphore, int *value)
{
    if (!treadle_inside()) {
        return sem_getvalue(semaphore, value);
    }
    object *known = sem_of(semaphore, SITE());
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_SEM_GETVALUE, semaphore, 0, 0, SITE());
    }
    treadle_touching_object(semaphore, TREADLE_TOUCH_READ);
    treadle_writes(value, sizeof *value, SITE());
    *value = (int)known->count;
    treadle_event_value((uint64_t)known->count);
    if (treadle_spin_read((uintptr_t)semaphore, SITE(), (uint64_t)known->count)) {
        treadle_touching_object(semaphore, TREADLE_TOUCH_READ);
    }
    return 0;
}
