// SPDX-License-Identifier: MIT
/* Every strategy: one file and one line in strategies.c each. */
#ifndef TREADLE_STRATEGIES_STRATEGIES_H
#define TREADLE_STRATEGIES_STRATEGIES_H

#include "tools/engine/strategy.h"

extern const treadle_strategy treadle_strategy_random;
extern const treadle_strategy treadle_strategy_pct;
extern const treadle_strategy treadle_strategy_mixed;
extern const treadle_strategy treadle_strategy_pos;
extern const treadle_strategy treadle_strategy_surw;
extern const treadle_strategy treadle_strategy_preemptions;
extern const treadle_strategy treadle_strategy_delays;
extern const treadle_strategy treadle_strategy_dfs;
extern const treadle_strategy treadle_strategy_dpor;
extern const treadle_strategy treadle_strategy_fuzz;
extern const treadle_strategy treadle_strategy_replay;
extern const treadle_strategy treadle_strategy_serial;
extern const treadle_strategy treadle_strategy_in_order;

/* What --strategy accepts; ends with NULL. `fuzz`, `replay`, `serial` and `in-order` are not in it:
 * they do not explore by themselves. */
extern const treadle_strategy *const treadle_strategies[];

/* NULL for an unknown name. */
const treadle_strategy *treadle_strategy_find(const char *name);

#endif
