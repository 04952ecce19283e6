// SPDX-License-Identifier: MIT
#ifndef TOKEN_BUCKET_ARMS_H
#define TOKEN_BUCKET_ARMS_H

/* The handle of every switch of the token bucket, and what does not differ between them. Internal
 * to this folder. */

#include "arm_line.h"
#include "token_bucket_switch.h"

struct token_bucket_switch {
    struct token_bucket_switch_options options;
    struct token_bucket *buckets[ROLLOUT_ARMS];
    struct token_bucket_limits limits;
    struct arm_line line; /* of `fixed`: its lock guards the limits, too */
    char key[];
};

struct token_bucket_switch *
token_bucket_arms_open(const struct token_bucket_switch_options *options,
                       const struct token_bucket_limits *limits, char *error, size_t error_size);
void token_bucket_arms_close(struct token_bucket_switch *bucket);

struct rollout_decision token_bucket_arms_decide(const struct token_bucket_switch *bucket);
unsigned long token_bucket_arms_futile_wakeups(struct token_bucket_switch *bucket);

/* Both, or neither: what makes no sense is refused before either is asked. */
bool token_bucket_arms_reconfigure(struct token_bucket_switch *bucket,
                                   const struct token_bucket_limits *limits, char *error,
                                   size_t error_size);

/* Puts the tokens that the other arm has into this one. Nobody may be using either. False when it
 * would not have that many: then it has to be left alone, and an error of the replacement is noted.
 */
bool token_bucket_arms_move(struct token_bucket_switch *bucket, enum rollout_arm to);

#endif
