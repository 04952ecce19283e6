// SPDX-License-Identifier: MIT
/* Announces switches between fibers to AddressSanitizer. Its fake stacks are off (asan.c), but what
 * it saves of them must have a place: NULL would mean that a fiber has ended for good. */
#include "tools/engine/asan.h"

#ifdef TREADLE_ASAN

#include "tools/engine/internal.h"

/* The stack of the OS thread, from which executions are started. */
static struct {
    void *fake_stack;
    const void *low;
    size_t bytes;
} controller;

static const thread *left;

void treadle_asan_leave(thread *from, const thread *to)
{
    left = from;
    __sanitizer_start_switch_fiber(from != NULL ? &from->fake_stack : &controller.fake_stack,
                                   to != NULL ? treadle_stack_low(&E.stacks, to->id)
                                              : (const char *)controller.low,
                                   to != NULL ? TREADLE_STACK_BYTES : controller.bytes);
}

void treadle_asan_arrive(const thread *self)
{
    const void *low;
    size_t bytes;
    __sanitizer_finish_switch_fiber(self != NULL ? self->fake_stack : controller.fake_stack, &low,
                                    &bytes);
    if (left == NULL) {
        controller.low = low;
        controller.bytes = bytes;
    } else if (left->finished) {
        treadle_asan_close(treadle_stack_low(&E.stacks, left->id), TREADLE_STACK_BYTES);
    }
}

const char *treadle_asan_controller_high(void)
{
    return (const char *)controller.low + controller.bytes;
}

#else

/* ISO C wants a declaration in every file. */
typedef int treadle_asan_fibers_are_off;

#endif
