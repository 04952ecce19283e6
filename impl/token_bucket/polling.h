// SPDX-License-Identifier: MIT
#ifndef TOKEN_BUCKET_POLLING_H
#define TOKEN_BUCKET_POLLING_H

/*
 * The Python's bucket, for the variants that follow it: two doubles, the refill, and how a caller
 * waits: ask, sleep for as long as one was told, ask again.
 *
 * Nothing here synchronises; the caller of each function holds whatever the variant says.
 */

#include "token_bucket.h"

struct polled_bucket {
    double capacity;
    double tokens;
    double refill_rate; /* tokens a second */
    double last_refill; /* seconds of CLOCK_MONOTONIC */
};

/* time.monotonic(). */
double polling_monotonic_s(void);

/* A full bucket. */
void polling_fill(struct polled_bucket *bucket);

/* `_refill`. */
void polling_refill(struct polled_bucket *bucket);

/* The body of `request_delay`: 0 when a token was taken, else the seconds until there may be one,
 * INFINITY for never. */
double polling_request_delay(struct polled_bucket *bucket);

/* One token more, up to the capacity. */
void polling_give_back(struct polled_bucket *bucket);

/* The new limits; tokens beyond the capacity are dropped. */
void polling_reconfigure(struct polled_bucket *bucket, const struct token_bucket_limits *limits);

/* `await asyncio.sleep(delay)`. Asks and sleeps until `request_delay` says 0; RATE_REFUSED when it
 * says "never" or the sleep would pass the deadline. `woke_in_vain` is called after each sleep
 * that was for nothing. */
enum rate_decision polling_acquire(struct token_bucket *bucket,
                                   double (*request_delay)(struct token_bucket *bucket),
                                   void (*woke_in_vain)(struct token_bucket *bucket),
                                   const struct timespec *deadline);

#endif
