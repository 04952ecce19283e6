// SPDX-License-Identifier: MIT
/*
 * Which variants have data races, under which scenarios, and from which granularity on: what
 * `treadle check --races only` expects, in memory. A pair that is not listed has none. `fixed` and
 * `lockfree` are listed only where the fix is a switch that by design also runs the original; they
 * are not watched then unless asked. That an original is racy is no fault of the scenario: in the
 * Python that it comes from, the interpreter's lock orders what threads here do to plain memory.
 */
#ifndef TREADLE_SCENARIOS_RACY_H
#define TREADLE_SCENARIOS_RACY_H

#include <stdbool.h>

#include "tools/engine/op.h"

bool treadle_scenario_is_racy(const char *scenario, const char *variant,
                              treadle_granularity granularity);

#endif
