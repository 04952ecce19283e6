// SPDX-License-Identifier: MIT
#ifndef TOKEN_BUCKET_SWITCH_H
#define TOKEN_BUCKET_SWITCH_H

/*
 * A token bucket that is two: one provider's bucket, served by one of two variants, as a flag
 * decides for the provider, and the flag may change at any moment.
 *
 * Each arm has a bucket of its own, and a bucket starts full: whoever just changes to the other one
 * mints its tokens a second time. What a switch promises (`fixed`): the tokens granted by time t
 * are at most capacity + rate·t, by both arms together, plus those given back; none is lost by
 * changing the arm; and whoever waits in an arm gets his token from it before the other arm grants
 * any.
 *
 * When the replacement fails, which means that it has taken nothing, the original serves the
 * request in its place.
 *
 * Ownership and threads are those of token_bucket.h. The flag is borrowed and outlives the switch;
 * the key is copied.
 */

#include "../token_bucket/token_bucket.h"
#include "rollout.h"

struct token_bucket_switch_options {
    const struct token_bucket_variant *arms[ROLLOUT_ARMS];
    const struct rollout_variant *flags;
    struct rollout_flag *flag;
    const char *key; /* whose bucket it is; not NULL */
};

struct token_bucket_switch;

/* The functions of struct token_bucket_variant, over two arms. */
struct token_bucket_switch_variant {
    const char *name;
    struct token_bucket_switch *(*open)(const struct token_bucket_switch_options *options,
                                        const struct token_bucket_limits *limits, char *error,
                                        size_t error_size);
    void (*close)(struct token_bucket_switch *bucket);
    enum rate_decision (*try_acquire)(struct token_bucket_switch *bucket, double *retry_after_s);
    enum rate_decision (*acquire)(struct token_bucket_switch *bucket,
                                  const struct timespec *deadline);
    void (*give_back)(struct token_bucket_switch *bucket);
    double (*available)(struct token_bucket_switch *bucket);
    unsigned long (*futile_wakeups)(struct token_bucket_switch *bucket);
    void (*reset)(struct token_bucket_switch *bucket);
    bool (*reconfigure)(struct token_bucket_switch *bucket,
                        const struct token_bucket_limits *limits, char *error, size_t error_size);
};

extern const struct token_bucket_switch_variant token_bucket_switch_naive;
extern const struct token_bucket_switch_variant token_bucket_switch_fixed;

/* Every variant, `naive` first. */
extern const struct token_bucket_switch_variant *const token_bucket_switch_variants[];
extern const size_t token_bucket_switch_variants_count;

/* The variant of that name, or NULL. */
const struct token_bucket_switch_variant *token_bucket_switch_find(const char *name);

#endif
