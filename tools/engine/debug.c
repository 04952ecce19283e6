// SPDX-License-Identifier: MIT
#include "tools/engine/debug.h"

volatile uint32_t treadle_debug_stop_at __attribute__((used));

/* A call that no optimiser takes away. */
__attribute__((noinline, used)) void treadle_debug_stopped(void)
{
    __asm__ volatile("" : : : "memory");
}
