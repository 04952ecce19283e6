// SPDX-License-Identifier: MIT
#include <string.h>

#include "scenarios/racy.h"
#include "tools/explore/cell.h"

static const char *const race_modes[] = {
    [TREADLE_RACES_AUTO] = "auto",
    [TREADLE_RACES_OFF] = "off",
    [TREADLE_RACES_ON] = "on",
    [TREADLE_RACES_ONLY] = "only",
};

bool treadle_race_mode_parse(const char *name, treadle_race_mode *out)
{
    for (size_t i = 0; i < sizeof race_modes / sizeof race_modes[0]; i++) {
        if (strcmp(race_modes[i], name) == 0) {
            *out = (treadle_race_mode)i;
            return true;
        }
    }
    return false;
}

treadle_race_mode treadle_race_mode_for(treadle_race_mode mode, const treadle_cell *cell)
{
    if (mode != TREADLE_RACES_AUTO) {
        return mode;
    }
    const bool by_design =
        treadle_scenario_is_racy(cell->scenario, cell->variant, TREADLE_GRANULARITY_MEMORY);
    return treadle_variant_is_solution(cell->variant) && !by_design ? TREADLE_RACES_ON
                                                                    : TREADLE_RACES_OFF;
}
