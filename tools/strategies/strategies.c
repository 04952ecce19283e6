// SPDX-License-Identifier: MIT
#include "tools/strategies/strategies.h"

#include <stddef.h>
#include <string.h>

const treadle_strategy *const treadle_strategies[] = {
    &treadle_strategy_random, &treadle_strategy_pct,
    &treadle_strategy_mixed,  &treadle_strategy_pos,
    &treadle_strategy_surw,   &treadle_strategy_preemptions,
    &treadle_strategy_delays, &treadle_strategy_dfs,
    &treadle_strategy_dpor,   NULL,
};

const treadle_strategy *treadle_strategy_find(const char *name)
{
    for (size_t i = 0; treadle_strategies[i] != NULL; i++) {
        if (strcmp(treadle_strategies[i]->name, name) == 0) {
            return treadle_strategies[i];
        }
    }
    return NULL;
}
