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

void treadle_result_free(treadle_result *result)
{
    free(result->token);
    free(result->trace);
    memset(result, 0, sizeof *result);
}
