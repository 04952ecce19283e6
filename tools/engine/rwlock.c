// SPDX-License-Identifier: MIT
/* Read-write locks. Readers get in while no writer is inside, so every order that a lock which
 * prefers writers would allow is explored too. glibc's PTHREAD_RWLOCK_PREFER_WRITER_NP is such a
 * lock: a reader may read again. PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP is not: there a
 * writer that finds the lock taken has come, which is a step of its own, and no reader gets in
 * before it. */
#include <errno.h>
#include <string.h>

#include "tools/engine/internal.h"

static object *rwlock_of(pthread_rwlock_t *lock)
{
    object *known = treadle_object_known(lock, OBJECT_RWLOCK);
    if (known == NULL) {
        known = treadle_object_new(lock, OBJECT_RWLOCK);
        known->type = (uint8_t)lock->__data.__flags; /* also in static initialisers */
    }
    return known;
}

/* Whether a reader gets in; `count` is that of the writers that hold them up. */
static bool admits_readers(const object *lock)
{
    return lock->owner == NO_THREAD && lock->count == 0;
}

static bool admits_writer(const object *lock)
{
    return lock->owner == NO_THREAD && lock->holders == 0;
}

/* Every change of a lock depends on every other: readers among themselves, too. */
static void touch(const object *lock, uint32_t how)
{
    treadle_touching_object((void *)lock->address,
                            TREADLE_TOUCH_WRITE | how |
                                (admits_readers(lock) ? TREADLE_TOUCH_OPEN_READ : 0) |
                                (admits_writer(lock) ? TREADLE_TOUCH_OPEN : 0));
}

/* Opens and closes the two gates: `waiting` holds readers, `pending` writers. */
static void update(object *lock)
{
    treadle_gate_set(lock->waiting, admits_readers(lock));
    treadle_gate_set(lock->pending, admits_writer(lock));
}

/* The calling thread's entry for a lock that it reads more than once; NULL when it does not. With
 * `make`, a new one. */
static nested_read *nested(object *lock, bool make)
{
    thread *self = E.self;
    nested_read *unused = NULL;
    for (uint32_t i = 0; i < self->nested_used; i++) {
        nested_read *entry = &self->nested_reads[i];
        if (entry->again > 0 && entry->lock == lock) {
            return entry;
        }
        unused = entry->again == 0 ? entry : unused;
    }
    if (make && unused == NULL) {
        if (self->nested_used == NESTED_READS_MAX) {
            treadle_stop(TREADLE_OUTCOME_CUT, "lock-limit",
                         "%s reads more than %d read-write locks recursively", self->name,
                         NESTED_READS_MAX);
        }
        unused = &self->nested_reads[self->nested_used++];
        unused->again = 0;
    }
    return make ? unused : NULL;
}

/* A reader inside is a bit; that it is inside more than once is kept with the thread. */
static void take_read(object *lock, const void *site)
{
    touch(lock, TREADLE_TOUCH_LOCK | TREADLE_TOUCH_ACQUIRE | TREADLE_TOUCH_SHARED);
    if (lock->holders & E.self->bit) {
        nested_read *entry = nested(lock, true);
        entry->lock = lock;
        entry->again++;
    }
    lock->holders |= E.self->bit;
    thread *self = E.self;
    self->held_reads[self->held_reads_taken++ % HELD_READS_KEPT] = (held_read){lock, site};
    treadle_object_taken(lock, site);
    update(lock);
}

static void take_write(object *lock, const void *site)
{
    touch(lock, TREADLE_TOUCH_LOCK | TREADLE_TOUCH_ACQUIRE);
    lock->owner = (uint8_t)E.self->id;
    treadle_object_taken(lock, site);
    update(lock);
}

static void wait_for(uint64_t *gate, bool open, object *lock, treadle_op_kind kind, bool timed,
                     const void *site)
{
    if (timed) {
        treadle_timed_wait(gate, open, lock, kind, (void *)lock->address, site);
    } else {
        treadle_gate_wait(gate, open, lock, kind, (void *)lock->address, false, site);
    }
}

static int rdlock(pthread_rwlock_t *address, bool timed, const void *site)
{
    object *lock = rwlock_of(address);
    if (lock->owner == E.self->id) {
        return EDEADLK;
    }
    const bool open = admits_readers(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        wait_for(&lock->waiting, open, lock, TREADLE_OP_RWLOCK_RDLOCK, timed, site);
        if (!admits_readers(lock)) {
            treadle_touching_object(address, TREADLE_TOUCH_READ);
            treadle_clock_reach(E.self->deadline_ns);
            treadle_event_failed();
            return ETIMEDOUT;
        }
    }
    if (timed) {
        treadle_polled();
    }
    take_read(lock, site);
    return 0;
}

/* A writer comes where readers pass it until it is inside. */
static void come_last(object *lock, bool timed, const void *site)
{
    const bool open = admits_writer(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        wait_for(&lock->pending, open, lock, TREADLE_OP_RWLOCK_WRLOCK, timed, site);
    }
}

/* A writer comes where readers do not pass it. True when it had to wait: it is among those that
 * hold them up. */
static bool come_first(object *lock, bool timed, const void *site)
{
    const bool announced = E.level >= TREADLE_GRANULARITY_SYNC;
    if (announced) {
        treadle_announce(TREADLE_OP_RWLOCK_WRLOCK, (void *)lock->address, 0, 0, site);
    }
    if (admits_writer(lock)) {
        return false;
    }
    if (announced) {
        treadle_event_failed();
    }
    touch(lock, 0);
    lock->count++;
    treadle_gate_set(lock->waiting, false);
    wait_for(&lock->pending, false, lock, TREADLE_OP_RWLOCK_WRLOCK, timed, site);
    return true;
}

/* A writer goes without the lock. */
static void give_up(object *lock, bool held_up)
{
    if (!held_up) {
        treadle_touching_object((void *)lock->address, TREADLE_TOUCH_READ);
        return;
    }
    touch(lock, 0);
    lock->count--;
    update(lock);
    if (admits_readers(lock)) {
        treadle_progress((void *)lock->address, sizeof(pthread_rwlock_t));
    }
}

static int wrlock(pthread_rwlock_t *address, bool timed, const void *site)
{
    object *lock = rwlock_of(address);
    if (lock->owner == E.self->id) {
        return EDEADLK;
    }
    bool held_up = false; /* readers */
    if (lock->type == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) {
        held_up = come_first(lock, timed, site);
    } else {
        come_last(lock, timed, site);
    }
    if (!admits_writer(lock)) {
        give_up(lock, held_up);
        treadle_clock_reach(E.self->deadline_ns);
        treadle_event_failed();
        return ETIMEDOUT;
    }
    if (timed) {
        treadle_polled();
    }
    take_write(lock, site);
    lock->count -= held_up;
    return 0;
}

static int set_deadline(clockid_t clock, const struct timespec *until)
{
    if (!treadle_timespec_valid(until)) {
        return EINVAL;
    }
    E.self->deadline_ns = treadle_deadline(clock, until);
    return 0;
}

int SEAM(pthread_rwlock_init)(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes)
{
    if (!treadle_inside()) {
        return pthread_rwlock_init(lock, attributes);
    }
    int kind = PTHREAD_RWLOCK_DEFAULT_NP;
    if (attributes != NULL) {
        pthread_rwlockattr_getkind_np(attributes, &kind);
    }
    memset(lock, 0, sizeof *lock);
    lock->__data.__flags = (unsigned)kind;
    treadle_object_init(lock, OBJECT_RWLOCK, SITE())->type = (uint8_t)kind;
    return 0;
}

int SEAM(pthread_rwlock_destroy)(pthread_rwlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_rwlock_destroy(lock);
    }
    object *known = rwlock_of(lock);
    if (known->owner != NO_THREAD || known->holders) {
        treadle_violation("misuse", "%s destroys a read-write lock that is held", E.self->name);
    }
    treadle_object_forget(known, SITE());
    return 0;
}

int SEAM(pthread_rwlock_rdlock)(pthread_rwlock_t *lock)
{
    return treadle_inside() ? rdlock(lock, false, SITE()) : pthread_rwlock_rdlock(lock);
}

int SEAM(pthread_rwlock_wrlock)(pthread_rwlock_t *lock)
{
    return treadle_inside() ? wrlock(lock, false, SITE()) : pthread_rwlock_wrlock(lock);
}

int SEAM(pthread_rwlock_timedrdlock)(pthread_rwlock_t *lock, const struct timespec *until)
{
    if (!treadle_inside()) {
        return pthread_rwlock_timedrdlock(lock, until);
    }
    const int error = set_deadline(CLOCK_REALTIME, until);
    return error ? error : rdlock(lock, true, SITE());
}

int SEAM(pthread_rwlock_timedwrlock)(pthread_rwlock_t *lock, const struct timespec *until)
{
    if (!treadle_inside()) {
        return pthread_rwlock_timedwrlock(lock, until);
    }
    const int error = set_deadline(CLOCK_REALTIME, until);
    return error ? error : wrlock(lock, true, SITE());
}

int SEAM(pthread_rwlock_clockrdlock)(pthread_rwlock_t *lock, clockid_t clock,
                                     const struct timespec *until)
{
    if (!treadle_inside()) {
        return pthread_rwlock_clockrdlock(lock, clock, until);
    }
    const int error = set_deadline(clock, until);
    return error ? error : rdlock(lock, true, SITE());
}

int SEAM(pthread_rwlock_clockwrlock)(pthread_rwlock_t *lock, clockid_t clock,
                                     const struct timespec *until)
{
    if (!treadle_inside()) {
        return pthread_rwlock_clockwrlock(lock, clock, until);
    }
    const int error = set_deadline(clock, until);
    return error ? error : wrlock(lock, true, SITE());
}

static int tried(bool free, object *lock, void (*take)(object *, const void *), const void *site)
{
    if (free) {
        take(lock, site);
        return 0;
    }
    treadle_touching_object((void *)lock->address, TREADLE_TOUCH_READ);
    treadle_event_failed();
    if (treadle_spin_read(lock->address, site, lock->owner)) {
        treadle_touching_object((void *)lock->address, TREADLE_TOUCH_READ);
    }
    return EBUSY;
}

int SEAM(pthread_rwlock_tryrdlock)(pthread_rwlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_rwlock_tryrdlock(lock);
    }
    object *known = rwlock_of(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_RWLOCK_TRYRDLOCK, lock, 0, 0, SITE());
    }
    return tried(admits_readers(known), known, take_read, SITE());
}

int SEAM(pthread_rwlock_trywrlock)(pthread_rwlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_rwlock_trywrlock(lock);
    }
    object *known = rwlock_of(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_RWLOCK_TRYWRLOCK, lock, 0, 0, SITE());
    }
    return tried(admits_writer(known), known, take_write, SITE());
}

int SEAM(pthread_rwlock_unlock)(pthread_rwlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_rwlock_unlock(lock);
    }
    object *known = rwlock_of(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_RWLOCK_UNLOCK, lock, 0, 0, SITE());
    }
    touch(known, TREADLE_TOUCH_LOCK | TREADLE_TOUCH_RELEASE |
                     (known->owner == E.self->id ? 0 : TREADLE_TOUCH_SHARED));
    if (known->owner == E.self->id) {
        known->owner = NO_THREAD;
    } else if (known->holders & E.self->bit) {
        nested_read *entry = nested(known, false);
        if (entry != NULL) {
            entry->again--;
        } else {
            known->holders &= ~E.self->bit;
        }
    } else {
        treadle_violation("misuse", "%s unlocks a read-write lock that it does not hold",
                          E.self->name);
    }
    update(known);
    treadle_progress(lock, sizeof *lock);
    return 0;
}
