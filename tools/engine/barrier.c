// SPDX-License-Identifier: MIT
/* Barriers: the last arrival opens the gate for all; they leave in an order that is decided. */
#include <errno.h>
#include <string.h>

#include "tools/engine/internal.h"

int SEAM(pthread_barrier_init)(pthread_barrier_t *barrier, const pthread_barrierattr_t *attributes,
                               unsigned count)
{
    if (!treadle_inside()) {
        return pthread_barrier_init(barrier, attributes, count);
    }
    if (count == 0) {
        return EINVAL;
    }
    memset(barrier, 0, sizeof *barrier);
    treadle_object_init(barrier, OBJECT_BARRIER, SITE())->limit = count;
    return 0;
}

static object *barrier_of(pthread_barrier_t *barrier, const void *site)
{
    object *known = treadle_object_known(barrier, OBJECT_BARRIER);
    if (known == NULL) {
        treadle_access(barrier, sizeof *barrier, ACCESS_OBJECT, site);
        treadle_violation("misuse", "%s uses a barrier that was not initialised", E.self->name);
    }
    return known;
}

int SEAM(pthread_barrier_destroy)(pthread_barrier_t *barrier)
{
    if (!treadle_inside()) {
        return pthread_barrier_destroy(barrier);
    }
    object *known = barrier_of(barrier, SITE());
    if (known->count > 0) {
        treadle_violation("misuse", "%s destroys a barrier at which threads wait", E.self->name);
    }
    treadle_object_forget(known, SITE());
    return 0;
}

int SEAM(pthread_barrier_wait)(pthread_barrier_t *barrier)
{
    if (!treadle_inside()) {
        return pthread_barrier_wait(barrier);
    }
    object *known = barrier_of(barrier, SITE());
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_BARRIER_WAIT, barrier, 0, 0, SITE());
    }
    treadle_touching_object(barrier, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE |
                                         TREADLE_TOUCH_ACQUIRE | TREADLE_TOUCH_RMW);
    known->count++;
    if (known->count == (int64_t)known->limit) {
        known->count = 0;
        const uint64_t released = known->pending;
        known->pending = 0;
        treadle_lets_go(released);
        treadle_gate_set(released, true);
        treadle_happens_before(released); /* all have arrived before anyone leaves */
        treadle_progress(barrier, sizeof *barrier);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    treadle_gate_wait(&known->pending, false, known, TREADLE_OP_BARRIER_LEAVE, barrier, false,
                      SITE());
    return 0;
}
