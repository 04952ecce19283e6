// SPDX-License-Identifier: MIT
#ifndef TOKEN_PACE_H
#define TOKEN_PACE_H

/*
 * A token bucket as a point in time: the arithmetic that `fixed` and `lockfree` share.
 *
 * The bucket's whole state is `full_at_ns`, the time at which it would be full again (the
 * "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371). A bucket whose
 * full_at lies in the past is full; taking a token moves it one interval into the future; a token
 * is there when full_at would then be no further ahead than the whole bucket takes to fill.
 *
 * Times are whole nanoseconds on the bucket's own clock, which begins at zero. An interval that is
 * no whole number of nanoseconds is rounded up, so that the rate is never exceeded. The clock of a
 * bucket that is never refilled stands still.
 *
 * A pace is a plain value. All functions are pure but for token_pace_monotonic_ns().
 */

#include "token_bucket.h"

#include <stdint.h>

/* No time that a bucket deals with lies further ahead than this: about eighteen years. */
#define TOKEN_PACE_HORIZON_NS (INT64_C(1) << 59)

/* "Never", for times. */
#define TOKEN_PACE_NEVER INT64_MAX

struct token_pace {
    int64_t interval_ns; /* one token's worth of time */
    int64_t burst_ns;    /* the whole bucket's worth */
    bool refilled;       /* false: the clock stands still, and an interval is a mere unit */
};

/* The pace of some limits. False, with one line in `error`, when they make no sense: the line
 * names the field, its value and the permitted range. */
bool token_pace_of(const struct token_bucket_limits *limits, struct token_pace *pace, char *error,
                   size_t error_size);

/* CLOCK_MONOTONIC. */
int64_t token_pace_monotonic_ns(void);
int64_t token_pace_timespec_ns(const struct timespec *time);
struct timespec token_pace_timespec(int64_t ns);

/* What a bucket opened at `opened_ns` calls now. */
static inline int64_t token_pace_now(const struct token_pace *pace, int64_t opened_ns)
{
    return pace->refilled ? token_pace_monotonic_ns() - opened_ns : 0;
}

/* When the next token will be there: at most `now_ns` when it is there already, TOKEN_PACE_NEVER
 * when it never will. */
int64_t token_pace_due(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns);

/* The state after that token was taken, or promised to somebody who waits for it. */
static inline int64_t token_pace_take(const struct token_pace *pace, int64_t full_at_ns,
                                      int64_t now_ns)
{
    return (full_at_ns > now_ns ? full_at_ns : now_ns) + pace->interval_ns;
}

/* The state after one came back; a full bucket stays full. */
int64_t token_pace_give_back(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns);

/* How many tokens there are; negative when some are promised. */
double token_pace_tokens(const struct token_pace *pace, int64_t full_at_ns, int64_t now_ns);

/* The state in which a bucket of this pace holds that many tokens, or all that it has room for. */
int64_t token_pace_holding(const struct token_pace *pace, double tokens, int64_t now_ns);

/* The time from `now_ns` to `due_ns` in seconds, INFINITY for never. */
double token_pace_wait_s(int64_t due_ns, int64_t now_ns);

#endif
