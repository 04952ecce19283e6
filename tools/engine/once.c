// SPDX-License-Identifier: MIT
/* pthread_once, and C11's call_once: one thread runs the function, the others wait for its end. */
#include "tools/engine/once.h"

enum { NOT_RUN, RUNNING, DONE };

/* Lies on the stack of the thread that runs the initialiser. */
typedef struct once_frame {
    object *once;
    cleanup *outer; /* the handlers pushed before the initialiser began */
    struct once_frame *next;
} once_frame;

static void settle(object *once, int state)
{
    treadle_touching_object((void *)once->address, TREADLE_TOUCH_WRITE | TREADLE_TOUCH_RELEASE);
    once->count = state;
    once->owner = NO_THREAD;
    treadle_gate_set(once->pending, true);
    treadle_progress((void *)once->address, sizeof(pthread_once_t));
}

void treadle_once_unwind(thread *unwinding)
{
    while (unwinding->once_frames != NULL && unwinding->once_frames->outer == unwinding->cleanups) {
        settle(unwinding->once_frames->once, NOT_RUN);
        unwinding->once_frames = unwinding->once_frames->next;
    }
}

void treadle_once(void *control, void (*function)(void), const void *site)
{
    object *known = treadle_object_known(control, OBJECT_ONCE);
    if (known == NULL) {
        known = treadle_object_new(control, OBJECT_ONCE);
    }
    const bool open = known->count != RUNNING;
    if (E.level >= TREADLE_GRANULARITY_SYNC || !open) {
        treadle_gate_wait(&known->pending, open, known, TREADLE_OP_ONCE, control, false, site);
    }
    treadle_touching_object(control,
                            (known->count == DONE ? TREADLE_TOUCH_READ : TREADLE_TOUCH_WRITE) |
                                TREADLE_TOUCH_ACQUIRE | TREADLE_TOUCH_OPEN);
    if (known->count == DONE) {
        return;
    }
    thread *self = E.self;
    known->count = RUNNING;
    known->owner = (uint8_t)self->id;
    treadle_object_taken(known, site);
    treadle_gate_set(known->pending, false);
    once_frame frame = {known, self->cleanups, self->once_frames};
    self->once_frames = &frame;
    function();
    self->once_frames = frame.next;
    settle(known, DONE);
}

int SEAM(pthread_once)(pthread_once_t *control, void (*function)(void))
{
    if (!treadle_inside()) {
        return pthread_once(control, function);
    }
    treadle_once(control, function, SITE());
    return 0;
}
