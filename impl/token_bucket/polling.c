// SPDX-License-Identifier: MIT
#include "polling.h"

#include <errno.h>
#include <math.h>

double polling_monotonic_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC,
                        &now); /* cannot fail: the clock and the pointer are good */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void polling_fill(struct polled_bucket *bucket)
{
    bucket->tokens = bucket->capacity;
    bucket->last_refill = polling_monotonic_s();
}

void polling_refill(struct polled_bucket *bucket)
{
    double now = polling_monotonic_s();
    double elapsed = now - bucket->last_refill;
    if (elapsed <= 0) {
        return;
    }
    bucket->tokens = fmin(bucket->capacity, bucket->tokens + elapsed * bucket->refill_rate);
    bucket->last_refill = now;
}

double polling_request_delay(struct polled_bucket *bucket)
{
    polling_refill(bucket);
    if (bucket->tokens >= 1) {
        bucket->tokens -= 1;
        return 0;
    }
    if (bucket->refill_rate <= 0) {
        return INFINITY;
    }
    double needed = 1 - bucket->tokens;
    return needed / bucket->refill_rate;
}

void polling_give_back(struct polled_bucket *bucket)
{
    bucket->tokens = fmin(bucket->capacity, bucket->tokens + 1);
}

void polling_reconfigure(struct polled_bucket *bucket, const struct token_bucket_limits *limits)
{
    polling_refill(bucket);
    bucket->capacity = limits->capacity;
    bucket->refill_rate = limits->rate_per_s;
    bucket->tokens = fmin(bucket->tokens, bucket->capacity);
}

static bool passes(double delay_s, const struct timespec *deadline)
{
    return deadline != NULL && polling_monotonic_s() + delay_s >
                                   (double)deadline->tv_sec + (double)deadline->tv_nsec / 1e9;
}

/* Rounded up, so that a delay too short for the clock is still a sleep. */
static void sleep_s(double delay_s)
{
    double whole = floor(delay_s);
    struct timespec left = {.tv_sec = (time_t)whole,
                            .tv_nsec = (long)ceil(1e9 * (delay_s - whole))};
    if (left.tv_nsec >= 1000000000) {
        left.tv_sec++;
        left.tv_nsec -= 1000000000;
    }
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

enum rate_decision polling_acquire(struct token_bucket *bucket,
                                   double (*request_delay)(struct token_bucket *bucket),
                                   void (*woke_in_vain)(struct token_bucket *bucket),
                                   const struct timespec *deadline)
{
    double delay_s = request_delay(bucket);

    while (delay_s > 0) {
        if (isinf(delay_s) || passes(delay_s, deadline)) {
            return RATE_REFUSED;
        }
        sleep_s(delay_s);
        delay_s = request_delay(bucket);
        if (delay_s > 0) {
            woke_in_vain(bucket);
        }
    }
    return RATE_ADMITTED;
}
