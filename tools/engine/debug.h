// SPDX-License-Identifier: MIT
/*
 * Where a debugger halts an execution that is being recorded: it sets treadle_debug_stop_at and
 * puts a breakpoint on treadle_debug_stopped(), so that running to a step far away costs a
 * comparison a step, and no schedule depends on it (tools/cli/treadle_gdb.py).
 */
#ifndef TREADLE_ENGINE_DEBUG_H
#define TREADLE_ENGINE_DEBUG_H

#include <stdint.h>

#include "tools/engine/branch.h"

/* The step to halt before, on the fiber that will do it; 0 = nobody debugs. Whatever it is, an
 * execution also halts when a property breaks. */
extern volatile uint32_t treadle_debug_stop_at;

/* Does nothing. */
void treadle_debug_stopped(void);

static inline void treadle_debug_step(uint32_t step)
{
    if (UNLIKELY(step == treadle_debug_stop_at)) {
        treadle_debug_stopped();
    }
}

static inline void treadle_debug_end(void)
{
    if (UNLIKELY(treadle_debug_stop_at != 0)) {
        treadle_debug_stopped();
    }
}

#endif
