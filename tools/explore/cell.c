// SPDX-License-Identifier: MIT
#include "tools/explore/cell.h"

#include <stdlib.h>
#include <string.h>

void treadle_schedule_free(treadle_schedule *schedule)
{
    free(schedule->decisions);
    free(schedule->checks);
    memset(schedule, 0, sizeof *schedule);
}

void treadle_explanation_free(treadle_explanation *explanation)
{
    if (explanation != NULL) {
        free(explanation->passing);
        free(explanation);
    }
}

void treadle_result_free(treadle_result *result)
{
    free(result->token);
    free(result->trace);
    treadle_explanation_free(result->explanation);
    memset(result, 0, sizeof *result);
}
