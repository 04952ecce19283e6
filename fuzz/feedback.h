// SPDX-License-Identifier: MIT
/*
 * Feedback: tells libFuzzer which code an input reached and which interleavings it showed, so that
 * it keeps inputs for a new interleaving, and not only for new code. Code is where something is
 * touched: a counter each. For interleavings, each of these is a counter:
 *   - a read (site) of what another thread (site) wrote last, or of what nobody wrote yet;
 *   - a lock taken (site) after another thread gave it back (site);
 *   - an operation (site) on another shared thing after another thread changed it (site):
 *     semaphores, condition variables, the clock;
 *   - a command on a key of a Redis server after another thread's command changed it: here a site
 *     is what is touched, and how much the thread has touched before.
 * libFuzzer looks at the order of magnitude of each counter.
 *
 * An observer of the engine (tools/engine/observe.h), which lets another one see the same. There is
 * one set of counters a process.
 */
#ifndef TREADLE_FUZZ_FEEDBACK_H
#define TREADLE_FUZZ_FEEDBACK_H

#include "tools/engine/observe.h"

typedef struct treadle_feedback {
    uint32_t workload;            /* the same sites are others in another workload */
    bool no_interleavings;        /* code alone */
    const treadle_observer *also; /* NULL = nobody */
    void *also_self;
} treadle_feedback;

/* `observer_self` is a treadle_feedback. */
extern const treadle_observer treadle_feedback_observer;

#endif
