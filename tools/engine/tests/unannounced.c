// SPDX-License-Identifier: MIT
/* In place of asan_fibers.c: switches that AddressSanitizer is not told of. A program with this
 * must fail the checks of the asan build. */
#include "tools/engine/internal.h"

void treadle_asan_leave(thread *from, const thread *to)
{
    (void)from;
    (void)to;
}

void treadle_asan_arrive(const thread *self)
{
    (void)self;
}

const char *treadle_asan_controller_high(void)
{
    return E.controller_sp;
}
