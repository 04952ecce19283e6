// SPDX-License-Identifier: MIT
/* pthread spin locks: as mutexes, but a holder that locks again is a deadlock at once. */
#include <errno.h>

#include "tools/engine/internal.h"

static object *spin_of(pthread_spinlock_t *lock)
{
    void *address = (void *)(uintptr_t)lock;
    object *known = treadle_object_known(address, OBJECT_SPIN);
    return known != NULL ? known : treadle_object_new(address, OBJECT_SPIN);
}

static void take(object *lock, const void *site)
{
    treadle_touching_object((void *)lock->address, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_ACQUIRE |
                                                       TREADLE_TOUCH_OPEN | TREADLE_TOUCH_LOCK);
    lock->owner = (uint8_t)E.self->id;
    treadle_object_taken(lock, site);
    treadle_gate_set(lock->pending, false);
}

int SEAM(pthread_spin_init)(pthread_spinlock_t *lock, int shared)
{
    if (!treadle_inside()) {
        return pthread_spin_init(lock, shared);
    }
    treadle_object_init((void *)(uintptr_t)lock, OBJECT_SPIN, SITE());
    return 0;
}

int SEAM(pthread_spin_destroy)(pthread_spinlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_spin_destroy(lock);
    }
    object *known = spin_of(lock);
    if (known->owner != NO_THREAD) {
        treadle_violation("misuse", "%s destroys a spin lock that is held", E.self->name);
    }
    treadle_object_forget(known, SITE());
    return 0;
}

int SEAM(pthread_spin_lock)(pthread_spinlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_spin_lock(lock);
    }
    object *known = spin_of(lock);
    const bool open = known->owner == NO_THREAD;
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        treadle_gate_wait(&known->pending, open, known, TREADLE_OP_SPIN_LOCK,
                          (void *)(uintptr_t)lock, false, SITE());
    }
    take(known, SITE());
    return 0;
}

int SEAM(pthread_spin_trylock)(pthread_spinlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_spin_trylock(lock);
    }
    object *known = spin_of(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_SPIN_TRYLOCK, (void *)(uintptr_t)lock, 0, 0, SITE());
    }
    if (known->owner == NO_THREAD) {
        take(known, SITE());
        return 0;
    }
    treadle_touching_object(lock, TREADLE_TOUCH_READ);
    treadle_event_failed();
    if (treadle_spin_read((uintptr_t)lock, SITE(), known->owner)) {
        treadle_touching_object(lock, TREADLE_TOUCH_READ);
    }
    return EBUSY;
}

int SEAM(pthread_spin_unlock)(pthread_spinlock_t *lock)
{
    if (!treadle_inside()) {
        return pthread_spin_unlock(lock);
    }
    object *known = spin_of(lock);
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_SPIN_UNLOCK, (void *)(uintptr_t)lock, 0, 0, SITE());
    }
    if (known->owner != E.self->id) {
        treadle_violation("misuse", "%s unlocks a spin lock that it does not hold", E.self->name);
    }
    treadle_touching_object(lock, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE | TREADLE_TOUCH_LOCK);
    known->owner = NO_THREAD;
    treadle_gate_set(known->pending, true);
    treadle_progress((const void *)(uintptr_t)lock, sizeof *lock);
    return 0;
}
