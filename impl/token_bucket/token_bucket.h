// SPDX-License-Identifier: MIT
#ifndef TOKEN_BUCKET_H
#define TOKEN_BUCKET_H

/*
 * A token bucket in this process: it holds at most `capacity` tokens, starts full, gains
 * `rate_per_s` tokens a second, and every request takes one.
 *
 * Ownership and threads:
 *  1. One bucket serves many threads; how well is what the variants differ in. `open` and `close`
 *     belong to one thread, before the first and after the last use by any other.
 *  2. Deadlines are absolute times of CLOCK_MONOTONIC; NULL means to wait for as long as it takes.
 *
 * What a bucket promises (`fixed`, `lockfree`): the tokens granted by time t after opening (or
 * after a reset) are at most capacity + rate·t, plus those given back; whoever waits is served in
 * the order of arrival, whatever others try meanwhile; and no token is lost while somebody waits.
 * One exception to the order: with `lockfree` nobody who waits moves up. When two or more tokens
 * have come back meanwhile (given back, or of waiters who went away), whoever asks next may get one
 * before him; he still gets his at the time that he was promised.
 */

#include "../rate_limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct token_bucket_limits {
    double capacity;   /* tokens; at least 1 */
    double rate_per_s; /* tokens a second; 0 = never refilled */
};

/* `fixed` and `lockfree` refuse limits beyond these; the others take what they are given. */
#define TOKEN_BUCKET_CAPACITY_MAX 1e6
#define TOKEN_BUCKET_RATE_MAX 1e6
#define TOKEN_BUCKET_FILL_S_MAX 31622400.0 /* from empty to full: 366 days */

struct token_bucket;

struct token_bucket_variant {
    const char *name;

    /* A new bucket, full, or NULL with one line in `error`: memory is out or, for `fixed` and
     * `lockfree`, the configuration makes no sense. */
    struct token_bucket *(*open)(const struct token_bucket_limits *limits, char *error,
                                 size_t error_size);

    /* Frees the bucket. NULL is allowed. */
    void (*close)(struct token_bucket *bucket);

    /* Takes a token if there is one now. When refused, *retry_after_s (unless NULL) is how long
     * until there may be one, INFINITY for never; it promises nothing. */
    enum rate_decision (*try_acquire)(struct token_bucket *bucket, double *retry_after_s);

    /* Takes a token, waiting for one. RATE_REFUSED, at once, when the deadline would pass first or
     * the bucket is empty and never refilled: nothing is taken then. A cancellation point while it
     * waits; a cancelled wait takes nothing. */
    enum rate_decision (*acquire)(struct token_bucket *bucket, const struct timespec *deadline);

    /* Gives back a token that was taken and not used. */
    void (*give_back)(struct token_bucket *bucket);

    /* The tokens there are now, fractions included; those that are owed to waiters do not count. */
    double (*available)(struct token_bucket *bucket);

    /* How often a waiter has woken so far and had to wait on: wasted work. */
    unsigned long (*futile_wakeups)(struct token_bucket *bucket);

    /* Fills the bucket. */
    void (*reset)(struct token_bucket *bucket);

    /* Changes the limits in use; tokens beyond the new capacity are dropped. False, with nothing
     * changed and one line in `error`, when they make no sense (`fixed`, `lockfree`). */
    bool (*reconfigure)(struct token_bucket *bucket, const struct token_bucket_limits *limits,
                        char *error, size_t error_size);
};

extern const struct token_bucket_variant token_bucket_naive;
extern const struct token_bucket_variant token_bucket_proposed;
extern const struct token_bucket_variant token_bucket_fixed;
extern const struct token_bucket_variant token_bucket_lockfree;

/* Every variant, `naive` first. */
extern const struct token_bucket_variant *const token_bucket_variants[];
extern const size_t token_bucket_variants_count;

/* The variant of that name, or NULL. */
const struct token_bucket_variant *token_bucket_find(const char *name);

#endif
