// SPDX-License-Identifier: MIT
/*
 * Leaks, in the asan build: an execution with treadle_execution_options.look_for_leaks has its
 * blocks from malloc, and at its end LeakSanitizer looks for those that nothing points to. What is
 * still reachable, from globals or from what the program keeps, is none.
 *
 * A look costs milliseconds, and its blocks lie at other addresses each time: so it is done in some
 * executions only, and never under a strategy that compares addresses.
 */
#ifndef TREADLE_ENGINE_LEAKS_H
#define TREADLE_ENGINE_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

#define TREADLE_PROPERTY_LEAK "leak"

#ifdef TREADLE_ASAN

/* As treadle_heap_allocate(), for such an execution. */
void *treadle_leaks_allocate(size_t size, size_t alignment, const void *site);
void *treadle_leaks_reallocate(void *block, size_t size, const void *site);
/* Frees what the last execution left. */
void treadle_leaks_reset(void);
/* At the end of the execution, on its main fiber; ends it as violated when something is lost. */
void treadle_leaks_check(void);

/* Whether leaks can be looked for in this build. */
static inline bool treadle_leaks_seen(void)
{
    return true;
}

#else

static inline bool treadle_leaks_seen(void)
{
    return false;
}

#endif

#endif
