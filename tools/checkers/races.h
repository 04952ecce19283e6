// SPDX-License-Identifier: MIT
/*
 * Data races: two accesses of different threads to a common byte, one of them a write, not both
 * atomic, and neither happens before the other. Found in whatever order they ran: once is enough.
 *
 * Happens-before is that of C11 (7.17.3, 5.1.2.4): program order; creation and end of threads;
 * locks, semaphores, barriers, once; atomics by their memory orders, with release sequences and
 * fences. Nothing else: not the order in which steps ran, not sleeping, not a signal or a wake-up
 * as such. Volatile accesses are what Concurrency Kit is made of: a read counts as acquire, a write
 * as a release that leaves earlier ones in force, and among themselves and with atomics they do not
 * race. So do the plain accesses of its compiled part, which mean the same (treadle_subject(…
 * PRIMITIVES)). Giving a block of the heap back writes all of it, so an access that is not ordered
 * before shows as a race, too; getting one writes all of it anew, and its memory's past is
 * forgotten (glibc's allocator would order the two, but which block it gives is chance, so that is
 * not relied on).
 *
 * Every execution ends at its first race, with the property "data-race". The algorithm is that of
 * Flanagan and Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI 2009, on
 * bytes; see race_shadow.h and race_clocks.h.
 *
 * An observer of the engine (observe.h). Owned by the caller, who closes it after the last
 * execution that it observes; allocates nothing once it has seen the memory that a program uses.
 * One at a time a process may observe. The tsan build puts the real ThreadSanitizer behind the same
 * interface (tools/tsan/observer.c).
 */
#ifndef TREADLE_CHECKERS_RACES_H
#define TREADLE_CHECKERS_RACES_H

#include "tools/engine/observe.h"

#define TREADLE_PROPERTY_DATA_RACE "data-race"
#define TREADLE_PROPERTY_RACE_LIMIT "race-limit" /* of an execution that it cannot follow */

typedef struct treadle_races treadle_races;

/* NULL when there is no memory. */
treadle_races *treadle_races_open(void);
void treadle_races_close(treadle_races *races);

/* For treadle_execution_options.observer, with `observer_self` a treadle_races. */
extern const treadle_observer treadle_races_observer;

#endif
