// SPDX-License-Identifier: MIT
/* pthread mutexes: normal, recursive, error-checking; try and timed. Also the base of C11's mtx_t,
 * which glibc lays out the same. */
#include <errno.h>

#include "tools/engine/internal.h"

/* An adaptive one differs in nothing but how it waits. */
static inline uint8_t behaviour_of(int type)
{
    return (uint8_t)(type == PTHREAD_MUTEX_ADAPTIVE_NP ? PTHREAD_MUTEX_NORMAL : type);
}

/* glibc keeps the type here, also in static initialisers. */
static inline uint8_t mutex_type(const pthread_mutex_t *mutex)
{
    return behaviour_of(mutex->__data.__kind & 3);
}

static RARELY object *new_mutex(pthread_mutex_t *mutex)
{
    object *made = treadle_object_new(mutex, OBJECT_MUTEX);
    made->type = mutex_type(mutex);
    return made;
}

static inline object *mutex_of(pthread_mutex_t *mutex)
{
    object *known = treadle_object_known(mutex, OBJECT_MUTEX);
    return LIKELY(known != NULL) ? known : new_mutex(mutex);
}

object *treadle_mutex_of(pthread_mutex_t *mutex)
{
    return mutex_of(mutex);
}

static inline void take(object *mutex, thread *self, const void *site)
{
    treadle_touching_object((void *)mutex->address, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_ACQUIRE |
                                                        TREADLE_TOUCH_OPEN | TREADLE_TOUCH_LOCK);
    mutex->owner = (uint8_t)self->id;
    mutex->count = 1;
    treadle_object_taken(mutex, site);
    treadle_gate_set(mutex->pending, false);
}

/* What a mutex does to the thread that already holds it. True when that settles the call. */
static bool relock(object *mutex, thread *self, int *result)
{
    if (mutex->owner != self->id || mutex->type == PTHREAD_MUTEX_NORMAL) {
        return false; /* a normal mutex makes its holder wait for itself: a deadlock to be found */
    }
    if (mutex->type == PTHREAD_MUTEX_RECURSIVE) {
        mutex->count++;
        *result = 0;
    } else {
        *result = EDEADLK;
    }
    return true;
}

static int lock(object *mutex, treadle_op_kind kind, bool timed, const void *site)
{
    thread *self = E.self;
    int result = 0;
    if (UNLIKELY(mutex->owner == self->id) && mutex->type != PTHREAD_MUTEX_NORMAL) {
        if (E.level >= TREADLE_GRANULARITY_SYNC) {
            treadle_announce(kind, (void *)mutex->address, 0, 0, site);
        }
        relock(mutex, self, &result);
        return result;
    }
    const bool open = mutex->owner == NO_THREAD;
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        if (UNLIKELY(timed)) {
            treadle_timed_wait(&mutex->pending, open, mutex, kind, (void *)mutex->address, site);
        } else {
            treadle_gate_wait(&mutex->pending, open, mutex, kind, (void *)mutex->address, false,
                              site);
        }
        if (UNLIKELY(mutex->owner != NO_THREAD)) {
            assert(timed);
            treadle_touching_object((void *)mutex->address, TREADLE_TOUCH_READ);
            treadle_clock_reach(self->deadline_ns);
            treadle_event_failed();
            return ETIMEDOUT;
        }
    }
    if (timed) {
        treadle_polled();
    }
    take(mutex, self, site);
    return 0;
}

void treadle_mutex_take_any(object *mutex, const void *site)
{
    if (mutex->owner != NO_THREAD) {
        treadle_touching_object((void *)mutex->address, TREADLE_TOUCH_READ);
        treadle_gate_wait(&mutex->pending, false, mutex, TREADLE_OP_MUTEX_LOCK,
                          (void *)mutex->address, false, site);
    }
    take(mutex, E.self, site);
}

void treadle_mutex_release(object *mutex)
{
    treadle_touching_object((void *)mutex->address,
                            TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE | TREADLE_TOUCH_LOCK);
    mutex->owner = NO_THREAD;
    mutex->count = 0;
    treadle_gate_set(mutex->pending, true);
    treadle_progress((void *)mutex->address, sizeof(pthread_mutex_t));
}

int treadle_mutex_init(pthread_mutex_t *mutex, int type, const void *site)
{
    *mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    mutex->__data.__kind = type;
    treadle_object_init(mutex, OBJECT_MUTEX, site)->type = behaviour_of(type);
    return 0;
}

int SEAM(pthread_mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    if (!treadle_inside()) {
        return pthread_mutex_init(mutex, attributes);
    }
    int type = PTHREAD_MUTEX_NORMAL;
    if (attributes != NULL) {
        pthread_mutexattr_gettype(attributes, &type);
    }
    return treadle_mutex_init(mutex, type, SITE());
}

int treadle_mutex_destroy(pthread_mutex_t *mutex, const void *site)
{
    object *known = mutex_of(mutex);
    if (known->owner != NO_THREAD || known->pending) {
        treadle_violation("misuse", "%s destroys a mutex that %s", E.self->name,
                          known->owner != NO_THREAD ? "is held" : "a thread waits for");
    }
    treadle_object_forget(known, site);
    return 0;
}

int SEAM(pthread_mutex_destroy)(pthread_mutex_t *mutex)
{
    return treadle_inside() ? treadle_mutex_destroy(mutex, SITE()) : pthread_mutex_destroy(mutex);
}

int treadle_mutex_lock(pthread_mutex_t *mutex, const void *site)
{
    return lock(mutex_of(mutex), TREADLE_OP_MUTEX_LOCK, false, site);
}

/* In a run of the plan that nobody looks at: what is left of taking a free lock. Where, and since
 * when, needs not be published, for the thread does not park. */
static inline bool lock_coasting(pthread_mutex_t *mutex, const void *site)
{
    object *known = treadle_object_known(mutex, OBJECT_MUTEX);
    if (UNLIKELY(known == NULL) || known->owner != NO_THREAD) {
        return false;
    }
    E.coast--;
    E.steps++;
    thread *self = E.self;
    self->kind = TREADLE_OP_MUTEX_LOCK;
    self->object = known;
    known->owner = (uint8_t)self->id;
    known->count = 1;
    known->last_at = site;
    known->last_by = (uint8_t)self->id;
    treadle_gate_set(known->pending, false);
    return true;
}

static inline bool unlock_coasting(pthread_mutex_t *mutex)
{
    object *known = treadle_object_known(mutex, OBJECT_MUTEX);
    if (UNLIKELY(known == NULL) || known->owner != E.self->id || known->count > 1) {
        return false;
    }
    E.coast--;
    E.steps++;
    E.self->kind = TREADLE_OP_MUTEX_UNLOCK;
    E.self->object = NULL;
    known->owner = NO_THREAD;
    known->count = 0;
    treadle_gate_set(known->pending, true);
    treadle_progress((void *)known->address, sizeof(pthread_mutex_t));
    return true;
}

static __attribute__((noinline)) int lock_outside_or_in(pthread_mutex_t *mutex, const void *site)
{
    return treadle_inside() ? treadle_mutex_lock(mutex, site) : pthread_mutex_lock(mutex);
}

int SEAM(pthread_mutex_lock)(pthread_mutex_t *mutex)
{
    return treadle_coasting() && lock_coasting(mutex, SITE()) ? 0
                                                              : lock_outside_or_in(mutex, SITE());
}

int treadle_mutex_trylock(pthread_mutex_t *mutex, const void *site)
{
    object *known = mutex_of(mutex);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_MUTEX_TRYLOCK, mutex, 0, 0, site);
    }
    if (known->owner == NO_THREAD) {
        take(known, E.self, site);
        return 0;
    }
    if (known->owner == E.self->id && known->type == PTHREAD_MUTEX_RECURSIVE) {
        known->count++;
        return 0;
    }
    treadle_touching_object(mutex, TREADLE_TOUCH_READ);
    treadle_event_failed();
    if (treadle_spin_read((uintptr_t)mutex, site, known->owner)) {
        treadle_touching_object(mutex, TREADLE_TOUCH_READ); /* who let it go woke the caller */
    }
    return EBUSY;
}

int SEAM(pthread_mutex_trylock)(pthread_mutex_t *mutex)
{
    return treadle_inside() ? treadle_mutex_trylock(mutex, SITE()) : pthread_mutex_trylock(mutex);
}

int treadle_mutex_timedlock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until,
                            const void *site)
{
    if (!treadle_timespec_valid(until)) {
        return EINVAL;
    }
    E.self->deadline_ns = treadle_deadline(clock, until);
    return lock(mutex_of(mutex), TREADLE_OP_MUTEX_TIMEDLOCK, true, site);
}

int SEAM(pthread_mutex_timedlock)(pthread_mutex_t *mutex, const struct timespec *until)
{
    return treadle_inside() ? treadle_mutex_timedlock(mutex, CLOCK_REALTIME, until, SITE())
                            : pthread_mutex_timedlock(mutex, until);
}

int SEAM(pthread_mutex_clocklock)(pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until)
{
    return treadle_inside() ? treadle_mutex_timedlock(mutex, clock, until, SITE())
                            : pthread_mutex_clocklock(mutex, clock, until);
}

int treadle_mutex_unlock(pthread_mutex_t *mutex, const void *site)
{
    object *known = mutex_of(mutex);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_MUTEX_UNLOCK, mutex, 0, 0, site);
    }
    if (UNLIKELY(known->owner != E.self->id)) {
        if (known->type != PTHREAD_MUTEX_NORMAL) {
            return EPERM;
        }
        treadle_violation("misuse", "%s unlocks a mutex that %s holds", E.self->name,
                          known->owner == NO_THREAD ? "nobody" : E.threads[known->owner].name);
    }
    if (UNLIKELY(known->count > 1)) {
        known->count--;
        return 0;
    }
    treadle_mutex_release(known);
    return 0;
}

static __attribute__((noinline)) int unlock_outside_or_in(pthread_mutex_t *mutex, const void *site)
{
    return treadle_inside() ? treadle_mutex_unlock(mutex, site) : pthread_mutex_unlock(mutex);
}

int SEAM(pthread_mutex_unlock)(pthread_mutex_t *mutex)
{
    return treadle_coasting() && unlock_coasting(mutex) ? 0 : unlock_outside_or_in(mutex, SITE());
}
