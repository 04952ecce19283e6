// SPDX-License-Identifier: MIT

/* Faster time: what a minute takes, and that clocks, sleeps and deadlines agree. */

#include "tools/stress/scaled_clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "tools/engine/engine.h"

#define NS_PER_S INT64_C(1000000000)

int __real_clock_gettime(clockid_t clock, struct timespec *out);

static int64_t ns_of(struct timespec time)
{
    return time.tv_sec * NS_PER_S + time.tv_nsec;
}

static int64_t shown_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return ns_of(now);
}

static int64_t real_ns(void)
{
    struct timespec now;
    __real_clock_gettime(CLOCK_MONOTONIC, &now);
    return ns_of(now);
}

static struct timespec in_a_minute(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += 60;
    return time;
}

static int64_t began_ns;
static int64_t shown_before_ns;

static void begin(void)
{
    treadle_scaled_clock_set(1000);
    began_ns = real_ns();
    shown_before_ns = shown_ns(CLOCK_MONOTONIC);
}

/* 60 ms have passed, a minute is shown; the machine may be busy. */
static void require_a_minute(void)
{
    const int64_t took_ns = real_ns() - began_ns;
    const int64_t shown = shown_ns(CLOCK_MONOTONIC) - shown_before_ns;
    cr_expect_geq(shown, 60 * NS_PER_S);
    cr_expect_geq(took_ns, 59 * NS_PER_S / 1000);
    cr_expect_lt(took_ns, 5 * NS_PER_S);
}

TestSuite(scaled_clock, .init = begin, .timeout = 30);

Test(scaled_clock, sleeps_are_shorter)
{
    const struct timespec minute = {.tv_sec = 60};
    nanosleep(&minute, NULL);
    require_a_minute();
}

Test(scaled_clock, sleeps_until_a_time_are_shorter)
{
    const struct timespec then = in_a_minute(CLOCK_MONOTONIC);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
    require_a_minute();
}

Test(scaled_clock, deadlines_of_conditions_are_nearer_on_either_clock)
{
    for (int i = 0; i < 2; i++) {
        const clockid_t clock = i == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        pthread_condattr_t attributes;
        pthread_cond_t condition;
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, clock);
        pthread_cond_init(&condition, &attributes);
        begin();
        const struct timespec then = in_a_minute(clock);
        pthread_mutex_lock(&mutex);
        while (pthread_cond_timedwait(&condition, &mutex, &then) != ETIMEDOUT) {
        }
        pthread_mutex_unlock(&mutex);
        require_a_minute();
    }
}

Test(scaled_clock, deadlines_of_semaphores_are_nearer)
{
    sem_t semaphore;
    sem_init(&semaphore, 0, 0);
    const struct timespec then = in_a_minute(CLOCK_MONOTONIC);
    cr_expect_neq(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &then), 0);
    cr_expect_eq(errno, ETIMEDOUT);
    require_a_minute();
}

Test(scaled_clock, clocks_show_the_same_time_but_for_the_threads_own_error)
{
    const int64_t apart = TREADLE_REALTIME_START_NS - TREADLE_MONOTONIC_START_NS;
    const int64_t difference = shown_ns(CLOCK_REALTIME) - shown_ns(CLOCK_MONOTONIC) - apart;
    cr_expect_lt(difference < 0 ? -difference : difference, 10 * NS_PER_S);
    treadle_scaled_clock_offset(3600 * NS_PER_S);
    const int64_t wrong = shown_ns(CLOCK_REALTIME) - shown_ns(CLOCK_MONOTONIC) - apart;
    cr_expect_geq(wrong, 3590 * NS_PER_S);
    cr_expect_leq(wrong, 3610 * NS_PER_S);
}

Test(scaled_clock, in_real_time_the_wall_clock_is_the_machines)
{
    struct timespec real;
    treadle_scaled_clock_set(1);
    const int64_t shown = shown_ns(CLOCK_REALTIME);
    __real_clock_gettime(CLOCK_REALTIME, &real);
    const int64_t difference = ns_of(real) - shown;
    cr_expect_lt(difference < 0 ? -difference : difference, NS_PER_S);
}
