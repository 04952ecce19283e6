// SPDX-License-Identifier: MIT
/* Seconds on the monotonic clock, for budgets and rates. */
#ifndef TREADLE_EXPLORE_NOW_H
#define TREADLE_EXPLORE_NOW_H

#include <time.h>

static inline double treadle_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
