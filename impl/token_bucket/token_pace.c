// SPDX-License-Identifier: MIT
#include "token_pace.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#define NS_PER_S INT64_C(1000000000)

int64_t token_pace_monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC,
                        &now); /* cannot fail: the clock and the pointer are good */
    return token_pace_timespec_ns(&now);
}

int64_t token_pace_timespec_ns(const struct timespec *time)
{
    /* Beyond the horizon all times are alike; an int64_t would overflow after 292 years. */
    const int64_t seconds_max = INT64_MAX / NS_PER_S - 1;
    if (time->tv_sec > seconds_max) {
        return INT64_MAX;
    }
    return time->tv_sec < 0 ? 0 : (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
}

struct timespec token_pace_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* Comparisons are written so that what is not a number is out of range. */
static bool validate(const struct token_bucket_limits *limits, char *error, size_t error_size)
{
    const double capacity = limits->capacity;
    const double rate_per_s = limits->rate_per_s;

    if (!(capacity >= 1 && capacity <= TOKEN_BUCKET_CAPACITY_MAX)) {
        snprintf(error, error_size, "capacity is %g, must be from 1 to %g tokens", capacity,
                 TOKEN_BUCKET_CAPACITY_MAX);
        return false;
    }
    if (!(rate_per_s == 0 || (rate_per_s > 0 && rate_per_s <= TOKEN_BUCKET_RATE_MAX))) {
        snprintf(error, error_size, "rate_per_s is %g, must be 0 or up to %g tokens a second",
                 rate_per_s, TOKEN_BUCKET_RATE_MAX);
        return false;
    }
    if (rate_per_s > 0 && !(capacity / rate_per_s <= TOKEN_BUCKET_FILL_S_MAX)) {
        snprintf(error, error_size,
                 "rate_per_s is %g, fills %g tokens in %g s, must fill them in at most %g s",
                 rate_per_s, capacity, capacity / rate_per_s, TOKEN_BUCKET_FILL_S_MAX);
        return false;
    }
    return true;
}

bool token_pace_of(const struct token_bucket_limits *limits, struct token_pace *pace, char *error,
                   size_t error_size)
{
    if (!validate(limits, error, error_size)) {
        return false;
    }
    pace->refilled = limits->rate_per_s > 0;
    pace->interval_ns =
        pace->refilled ? (int64_t)ceil((double)NS_PER_S / limits->rate_per_s) : NS_PER_S;
    pace->burst_ns = (int64_t)(limits->capacity * (double)pace->interval_ns);
    assert(pace->burst_ns >= pace->interval_ns && pace->burst_ns < TOKEN_PACE_HORIZON_NS);
    return true;
}

int64_t token_pace_due(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns)
{
    const int64_t then_ns = token_pace_take(pace, full_at_ns, now_ns);
    const int64_t due_ns = then_ns - pace->burst_ns;
    const bool never = then_ns > TOKEN_PACE_HORIZON_NS || !pace->refilled;
    return due_ns > now_ns && never ? TOKEN_PACE_NEVER : due_ns;
}

int64_t token_pace_give_back(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns)
{
    const int64_t restored_ns = full_at_ns - pace->interval_ns;
    return restored_ns > now_ns ? restored_ns : now_ns;
}

double token_pace_tokens(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns)
{
    const int64_t missing_ns = full_at_ns > now_ns ? full_at_ns - now_ns : 0;
    return (double)(pace->burst_ns - missing_ns) / (double)pace->interval_ns;
}

int64_t token_pace_holding(const struct token_pace *pace, double tokens, int64_t now_ns)
{
    const double held_ns = floor(tokens * (double)pace->interval_ns);
    return now_ns + (held_ns < (double)pace->burst_ns ? pace->burst_ns - (int64_t)held_ns : 0);
}

double token_pace_wait_s(int64_t due_ns, int64_t now_ns)
{
    if (due_ns <= now_ns) {
        return 0;
    }
    return due_ns == TOKEN_PACE_NEVER ? INFINITY : (double)(due_ns - now_ns) / (double)NS_PER_S;
}
