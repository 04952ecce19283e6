// SPDX-License-Identifier: MIT
/*
 * The log of detections: a JSON object a line, for whatever collects logs.
 *
 *     {"time":"2026-01-31T12:00:00.250Z","level":"error","event":"detection","scenario":…}
 *
 * A line is one write(), so that several runs may append to one file (opened with O_APPEND).
 */
#ifndef TREADLE_REPORTS_DETECTION_LOG_H
#define TREADLE_REPORTS_DETECTION_LOG_H

#include <time.h>

#include "tools/explore/cell.h"

/* Writes a line when the result is a violation, else nothing: level "info" when it was expected,
 * "error" when not. `now` is CLOCK_REALTIME. 0, or an errno value. */
int treadle_detection_log(int fd, const treadle_result *result, const struct timespec *now);

#endif
