// SPDX-License-Identifier: MIT
#include "tools/stress/scaled_clock.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "tools/engine/engine.h"

#define NS_PER_S INT64_C(1000000000)

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *deadline);
int __real_sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *deadline);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *deadline);
int __wrap_sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *deadline);

/* Set once, before threads. */
static int64_t scale = 1;
static int64_t base_ns;          /* CLOCK_MONOTONIC when the scale was set */
static int64_t base_realtime_ns; /* CLOCK_REALTIME then */

static _Thread_local int64_t offset_ns;

static int64_t ns_of(const struct timespec *time)
{
    /* What is further away than decades is as good as never, and must not overflow. */
    const int64_t seconds_max = INT64_MAX / 4 / NS_PER_S;
    return time->tv_sec > seconds_max ? seconds_max * NS_PER_S
                                      : time->tv_sec * NS_PER_S + time->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static int64_t real_ns(clockid_t clock)
{
    struct timespec now;
    __real_clock_gettime(clock, &now);
    return ns_of(&now);
}

void treadle_scaled_clock_set(int64_t new_scale)
{
    base_realtime_ns = real_ns(CLOCK_REALTIME);
    base_ns = real_ns(CLOCK_MONOTONIC);
    scale = new_scale;
}

static __attribute__((constructor)) void begin(void)
{
    treadle_scaled_clock_set(1);
}

int64_t treadle_scaled_clock_ns(void)
{
    const int64_t elapsed_ns = (real_ns(CLOCK_MONOTONIC) - base_ns) * scale;
    return base_realtime_ns - TREADLE_REALTIME_START_NS + elapsed_ns;
}

void treadle_scaled_clock_offset(int64_t new_offset_ns)
{
    offset_ns = new_offset_ns;
}

/* What the clock shows; -1 for one that is left alone. */
static int64_t shown_ns(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME: return TREADLE_REALTIME_START_NS + treadle_scaled_clock_ns() + offset_ns;
    case CLOCK_MONOTONIC: return TREADLE_MONOTONIC_START_NS + treadle_scaled_clock_ns();
    default: return -1;
    }
}

/* When the machine's clock will show what ours will when it shows `deadline`. */
static struct timespec real_deadline(clockid_t clock, const struct timespec *deadline)
{
    const int64_t left_ns = ns_of(deadline) - shown_ns(clock);
    return timespec_of(real_ns(clock) + (left_ns > 0 ? left_ns / scale : 0));
}

/* ---- what workloads call --------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    const int64_t shown = shown_ns(clock);
    if (shown < 0) {
        return __real_clock_gettime(clock, out);
    }
    *out = timespec_of(shown);
    return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    const struct timespec scaled = timespec_of(ns_of(time) / scale);
    return __real_nanosleep(&scaled, left);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left)
{
    const int64_t ns = ns_of(time) - ((flags & TIMER_ABSTIME) != 0 ? shown_ns(clock) : 0);
    const struct timespec scaled = timespec_of(ns > 0 ? ns / scale : 0);
    (void)left; /* nobody here is interrupted by a signal */
    return __real_nanosleep(&scaled, NULL);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *deadline)
{
    /* A condition does not tell its clock, but the two are decades apart. */
    const clockid_t clock =
        ns_of(deadline) > TREADLE_REALTIME_START_NS / 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    const struct timespec real = real_deadline(clock, deadline);
    return __real_pthread_cond_timedwait(condition, mutex, &real);
}

int __wrap_sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *deadline)
{
    const struct timespec real = real_deadline(clock, deadline);
    return __real_sem_clockwait(semaphore, clock, &real);
}
