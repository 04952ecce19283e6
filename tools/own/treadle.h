// SPDX-License-Identifier: MIT
/*
 * What a scenario of your own includes; the code under test includes nothing of ours. README.md
 * beside this file begins at the beginning.
 *
 *     static const treadle_scenario put_and_take = {.name = "queue/put_and_take", …};
 *     TREADLE_SCENARIO(put_and_take);
 *
 * Constants only; where they are declared tells more: scenarios/scenario.h (rows, parameters,
 * faults), tools/engine/engine.h (treadle_violation() and its kin), tools/checkers/history.h
 * (linearizability), tools/checkers/serial.h (outcomes of serial runs).
 */
#ifndef TREADLE_OWN_TREADLE_H
#define TREADLE_OWN_TREADLE_H

#include "scenarios/scenario.h"
#include "tools/checkers/history.h"
#include "tools/checkers/serial.h"
#include "tools/engine/engine.h"
#include "tools/redis/redis_seam.h"

/* Makes a scenario known to the program that its file is linked into. At file scope, once each. */
#define TREADLE_SCENARIO(scenario)                           \
    static const treadle_scenario *const scenario##_is_known \
        __attribute__((section("treadle_scenario_table"), used)) = &(scenario)

#endif
