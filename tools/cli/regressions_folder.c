// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/regressions.h"

const char *treadle_regressions_folder(void)
{
    static char folder[PATH_MAX + 64];
    const ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX);
    char *slash = length > 0 ? memrchr(folder, '/', (size_t)length) : NULL;
    if (slash != NULL) {
        snprintf(slash, sizeof folder - (size_t)(slash - folder), "/../share/treadle/regressions");
        if (access(folder, R_OK) == 0) {
            return folder;
        }
    }
    return TREADLE_SOURCE_DIR "/scenarios/regressions";
}
