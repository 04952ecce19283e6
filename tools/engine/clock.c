// SPDX-License-Identifier: MIT
/* Virtual time. Clocks stand still unless a decision moves them: a sleeping thread or a timed wait
 * that is picked moves time to its deadline, and a clock reading may jump where the options say so.
 */
#include <errno.h>
#include <sched.h>
#include <sys/time.h>
#include <threads.h>
#include <unistd.h>

#include "tools/engine/internal.h"

enum { NS_PER_S = 1000000000, FREE_SLEEPS = 4 };

/* What the calling thread's clock showed when the execution began. */
static int64_t start_of(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: return TREADLE_REALTIME_START_NS + E.self->realtime_offset_ns;
    default: return TREADLE_MONOTONIC_START_NS;
    }
}

bool treadle_timespec_valid(const struct timespec *time)
{
    return time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

static int64_t to_ns(const struct timespec *time)
{
    int64_t ns;
    if (__builtin_mul_overflow((int64_t)time->tv_sec, (int64_t)NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (int64_t)time->tv_nsec, &ns)) {
        return time->tv_sec < 0 ? INT64_MIN / 2 : INT64_MAX / 2;
    }
    return ns;
}

int64_t treadle_deadline(clockid_t clock, const struct timespec *absolute)
{
    int64_t deadline;
    if (__builtin_sub_overflow(to_ns(absolute), start_of(clock), &deadline)) {
        return INT64_MIN / 2;
    }
    return deadline;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* A clock reading is an operation: time may pass between it and what came before. */
static int64_t read_clock(clockid_t clock, const void *site)
{
    if (E.level >= TREADLE_GRANULARITY_SYNC) {
        treadle_announce(TREADLE_OP_CLOCK_READ, NULL, 0, 0, site);
    }
    E.clock_reads++;
    treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_READ);
    if (E.options.clock_jump_count) {
        const uint32_t jump = treadle_decide(TREADLE_CHOICE_CLOCK, E.options.clock_jump_count + 1);
        if (jump) {
            treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_WRITE);
            E.clock_ns += E.options.clock_jumps_ns[jump - 1];
        }
    }
    if (UNLIKELY(E.event != NULL)) {
        E.event->clock_ns = E.clock_ns;
    }
    E.self->clock_seen_ns = E.clock_ns;
    return start_of(clock) + E.clock_ns;
}

void treadle_clock_pass(uint32_t rounds)
{
    E.clock_ns += INT64_C(1000000) << (rounds < 30 ? rounds / 2 : 15);
}

static int sleep_until(int64_t deadline_ns, const void *site)
{
    thread *self = E.self;
    treadle_cancellation_point();
    /* A polling loop must not run for ever while others have work. */
    if (treadle_idle_again(site, FREE_SLEEPS)) {
        treadle_depends_on_all();
        if (E.enabled & ~self->bit) {
            treadle_yield_park();
        }
    }
    self->deadline_ns = deadline_ns;
    treadle_announce(TREADLE_OP_SLEEP, NULL, 0, 0, site);
    if (!treadle_cancel_due(self)) {
        treadle_clock_reach(deadline_ns);
    }
    if (UNLIKELY(E.event != NULL)) {
        E.event->clock_ns = E.clock_ns;
    }
    treadle_cancellation_point();
    return 0;
}

static int64_t after(int64_t ns)
{
    int64_t deadline;
    treadle_touching_object(&E.clock_ns, TREADLE_TOUCH_READ);
    return __builtin_add_overflow(E.clock_ns, ns, &deadline) ? INT64_MAX / 2 : deadline;
}

void treadle_clock_offset(int64_t offset_ns)
{
    assert(treadle_inside());
    E.self->realtime_offset_ns = offset_ns;
    treadle_note("wall clock %+.6g s off", (double)offset_ns / NS_PER_S);
}

int SEAM(clock_gettime)(clockid_t clock, struct timespec *out)
{
    if (!treadle_inside()) {
        return clock_gettime(clock, out);
    }
    const int64_t now = read_clock(clock, SITE());
    treadle_writes(out, sizeof *out, SITE());
    *out = to_timespec(now);
    return 0;
}

int SEAM(timespec_get)(struct timespec *out, int base)
{
    if (!treadle_inside()) {
        return timespec_get(out, base);
    }
    if (base != TIME_UTC) {
        return 0;
    }
    const int64_t now = read_clock(CLOCK_REALTIME, SITE());
    treadle_writes(out, sizeof *out, SITE());
    *out = to_timespec(now);
    return base;
}

time_t SEAM(time)(time_t *out)
{
    if (!treadle_inside()) {
        return time(out);
    }
    const time_t now = read_clock(CLOCK_REALTIME, SITE()) / NS_PER_S;
    if (out != NULL) {
        treadle_writes(out, sizeof *out, SITE());
        *out = now;
    }
    return now;
}

int SEAM(gettimeofday)(struct timeval *out, void *zone)
{
    if (!treadle_inside()) {
        return gettimeofday(out, zone);
    }
    const int64_t now = read_clock(CLOCK_REALTIME, SITE());
    treadle_writes(out, sizeof *out, SITE());
    *out = (struct timeval){.tv_sec = now / NS_PER_S, .tv_usec = now % NS_PER_S / 1000};
    return 0;
}

int treadle_sleep_for(const struct timespec *duration, const void *site)
{
    if (!treadle_timespec_valid(duration) || duration->tv_sec < 0) {
        errno = EINVAL;
        return -1;
    }
    return sleep_until(after(to_ns(duration)), site);
}

int SEAM(nanosleep)(const struct timespec *duration, struct timespec *left)
{
    return treadle_inside() ? treadle_sleep_for(duration, SITE()) : nanosleep(duration, left);
}

int SEAM(clock_nanosleep)(clockid_t clock, int flags, const struct timespec *time,
                          struct timespec *left)
{
    if (!treadle_inside()) {
        return clock_nanosleep(clock, flags, time, left);
    }
    if (!treadle_timespec_valid(time) || time->tv_sec < 0) {
        return EINVAL;
    }
    return sleep_until(flags & TIMER_ABSTIME ? treadle_deadline(clock, time) : after(to_ns(time)),
                       SITE());
}

int SEAM(usleep)(useconds_t microseconds)
{
    return treadle_inside() ? sleep_until(after((int64_t)microseconds * 1000), SITE())
                            : usleep(microseconds);
}

unsigned SEAM(sleep)(unsigned seconds)
{
    if (!treadle_inside()) {
        return sleep(seconds);
    }
    sleep_until(after((int64_t)seconds * NS_PER_S), SITE());
    return 0;
}

int treadle_yield(const void *site)
{
    treadle_depends_on_all();
    if (E.enabled & ~E.self->bit) {
        treadle_yield_park();
    }
    treadle_announce(TREADLE_OP_YIELD, NULL, 0, 0, site);
    return 0;
}

int SEAM(sched_yield)(void)
{
    return treadle_inside() ? treadle_yield(SITE()) : sched_yield();
}

int SEAM(pthread_yield)(void)
{
    return treadle_inside() ? treadle_yield(SITE()) : sched_yield();
}
