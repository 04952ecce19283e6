// SPDX-License-Identifier: MIT
#ifndef TOKEN_BUCKET_MODEL_H
#define TOKEN_BUCKET_MODEL_H

/*
 * What a token bucket is supposed to do, as a sequential program: it holds at most `capacity`
 * tokens, starts full, gains `tokens` every `period_ns` (evenly), and a request takes one.
 *
 * Everything is whole numbers: the level is counted in parts, `period_ns` of which make a token, so
 * that a nanosecond brings exactly `tokens` parts. Nothing is rounded.
 *
 * Times are nanoseconds and may go back from one call to the next (a caller may have read its clock
 * before another did); time that was counted already brings nothing again.
 *
 * A model is a plain value without padding: copy it, compare it with memcmp, drop it. Functions are
 * pure but for their first argument.
 */

#include <stdbool.h>
#include <stdint.h>

struct token_bucket_model {
    int64_t capacity;
    int64_t tokens; /* 0: never refilled */
    int64_t period_ns;
    int64_t level;   /* parts */
    int64_t time_ns; /* up to which the refill is counted */
};

#define TOKEN_BUCKET_MODEL_NEVER INT64_MAX

/* A full bucket. False when capacity or period is below 1, tokens below 0, or a full bucket has
 * more parts than an int64_t holds. */
bool token_bucket_model_init(struct token_bucket_model *model, int64_t capacity, int64_t tokens,
                             int64_t period_ns, int64_t now_ns);

/* Takes a token, if there is one. */
bool token_bucket_model_take(struct token_bucket_model *model, int64_t now_ns);

/* How long until there will be one: 0 now, TOKEN_BUCKET_MODEL_NEVER never. */
int64_t token_bucket_model_wait_ns(struct token_bucket_model *model, int64_t now_ns);

/* A full bucket drops it. */
void token_bucket_model_give_back(struct token_bucket_model *model, int64_t now_ns);

void token_bucket_model_reset(struct token_bucket_model *model, int64_t now_ns);

/* Other limits; what there is no room for is dropped. False, with nothing changed, as for init. */
bool token_bucket_model_reconfigure(struct token_bucket_model *model, int64_t capacity,
                                    int64_t tokens, int64_t period_ns, int64_t now_ns);

/* Whole tokens. */
int64_t token_bucket_model_available(struct token_bucket_model *model, int64_t now_ns);

#endif
