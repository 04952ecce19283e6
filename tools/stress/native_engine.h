// SPDX-License-Identifier: MIT
/*
 * The engine's "from inside" functions (tools/engine/engine.h) on real threads: what scenarios need
 * to run without the harness. Nothing is controlled here: threads start as close together as they
 * can be made to, and the machine's scheduler does the rest.
 *
 * One round at a time, from one thread; the worker threads are kept between rounds.
 */
#ifndef TREADLE_STRESS_NATIVE_ENGINE_H
#define TREADLE_STRESS_NATIVE_ENGINE_H

#include "scenarios/scenario.h"

typedef struct treadle_native_outcome {
    bool violated;
    char property[TREADLE_PROPERTY_MAX];
} treadle_native_outcome;

/* With this a process ends that cannot run rounds (no threads to be had, no server), after it has
 * said why; no subject ends like that. */
enum { TREADLE_NATIVE_CANNOT = 103 };

/* Runs the scenario once: set-up, threads, check. Does not return when its threads never end. */
treadle_native_outcome treadle_native_round(const treadle_run *run);

#endif
