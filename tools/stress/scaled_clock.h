// SPDX-License-Identifier: MIT
/*
 * Time that runs faster: the workloads' clock readings, sleeps and deadlines, on real threads. At a
 * scale of 1,000 a minute's window lasts 60 ms, and who sleeps for a second sleeps for one.
 *
 * CLOCK_REALTIME is the machine's where the scale is set; CLOCK_MONOTONIC is the same time counted
 * as the harness counts it (tools/engine/engine.h), so that scenarios may compute deadlines from
 * treadle_clock_ns(). Both go on at the scale. What the machine adds to a sleep, some 50 µs, is
 * scaled up as well: a workload whose property is exact to less than that cannot be judged so.
 *
 * The functions of <time.h> and <pthread.h> that this is about arrive here by `--wrap` (see
 * native.cmake); cancellation points stay what they are.
 */
#ifndef TREADLE_STRESS_SCALED_CLOCK_H
#define TREADLE_STRESS_SCALED_CLOCK_H

#include <stdint.h>

/* Before any thread that reads the time; 1 = real time, which is how a program starts. */
void treadle_scaled_clock_set(int64_t scale);

/* Since the harness's start of time. */
int64_t treadle_scaled_clock_ns(void);

/* The calling thread's CLOCK_REALTIME is off by so much. */
void treadle_scaled_clock_offset(int64_t offset_ns);

#endif
