// SPDX-License-Identifier: MIT
#include "rate_limit.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

bool rate_limits_validate(const struct rate_limits *limits, char *error, size_t error_size)
{
    const double window_s_max = (double)RATE_LIMITS_WINDOW_US_MAX / 1e6;

    if (limits->rpm < 1 || limits->rpm > RATE_LIMITS_RPM_MAX) {
        snprintf(error, error_size, "rpm is %lld, must be from 1 to %lld", limits->rpm,
                 RATE_LIMITS_RPM_MAX);
        return false;
    }
    if (!isfinite(limits->window_s)) {
        snprintf(error, error_size, "window_s is %g, must be a finite number of seconds",
                 limits->window_s);
        return false;
    }
    if (limits->window_s < 1e-6 || limits->window_s > window_s_max) {
        snprintf(error, error_size, "window_s is %g, must be from 0.000001 to %.0f seconds",
                 limits->window_s, window_s_max);
        return false;
    }
    return true;
}

long long rate_limits_window_us(const struct rate_limits *limits)
{
    assert(rate_limits_validate(limits, NULL, 0));
    return (long long)(limits->window_s * 1e6 + 0.5);
}
