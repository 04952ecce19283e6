// SPDX-License-Identifier: MIT
#ifndef WALL_CLOCK_H
#define WALL_CLOCK_H

/*
 * The time of day, as Python's time.time() gives it (seconds in a double, about 0.2 us of
 * resolution nowadays) and in whole microseconds for code that compares times exactly.
 *
 * It is the settable clock: it may step, backwards too. Callable from any thread.
 */

#include <time.h>

static inline double wall_clock_s(void)
{
    struct timespec now;
    /* Cannot fail: the clock exists on every POSIX system and the pointer is good. */
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline long long wall_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
