// SPDX-License-Identifier: MIT
#ifndef RATE_LIMIT_H
#define RATE_LIMIT_H

/*
 * The words that every limiter here shares: what a caller is told, what a provider allows, and
 * which configurations make sense.
 *
 * Nothing here holds state. All functions are pure and may be called from any thread.
 */

#include <stdbool.h>
#include <stddef.h>

enum rate_decision {
    RATE_ADMITTED, /* go ahead; where the operation charges, it has been charged */
    RATE_REFUSED,  /* over the limit now; a later attempt may succeed */
    RATE_ERROR,    /* not decided: connection, server, memory or argument trouble */
};

static inline const char *rate_decision_name(enum rate_decision decision)
{
    switch (decision) {
    case RATE_ADMITTED: return "admitted";
    case RATE_REFUSED: return "refused";
    case RATE_ERROR: return "error";
    }
    return "unknown";
}

/*
 * At most `rpm` requests in any window of `window_s` seconds. (The name is historical: it is
 * requests a minute only when the window is 60 s.)
 */
struct rate_limits {
    long long rpm;
    double window_s;
};

/* The `fixed` variants refuse to open outside these bounds; the others take what they are given. */
#define RATE_LIMITS_RPM_MAX 1000000LL
#define RATE_LIMITS_WINDOW_US_MAX 2678400000000LL /* 31 days */

/*
 * Whether the limits make sense. When they do not, `error` (if `error_size` > 0) receives one line
 * that names the field, its value and the permitted range.
 */
bool rate_limits_validate(const struct rate_limits *limits, char *error, size_t error_size);

/* The window in whole microseconds, the resolution at which the `fixed` variants compare times.
 * The limits must be valid. */
long long rate_limits_window_us(const struct rate_limits *limits);

#endif
