// SPDX-License-Identifier: MIT
/* Stands in for tools/cli/regressions_folder.c: the project's own folder, if it has one. */
#include <unistd.h>

#include "tools/cli/regressions.h"

#ifndef TREADLE_REGRESSIONS_DIR
#error "the build must define TREADLE_REGRESSIONS_DIR as the path of the kept schedules"
#endif

const char *treadle_regressions_folder(void)
{
    return access(TREADLE_REGRESSIONS_DIR, F_OK) == 0 ? TREADLE_REGRESSIONS_DIR : NULL;
}
