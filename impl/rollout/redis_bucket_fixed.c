// SPDX-License-Identifier: MIT

/*
 * The switch that we stand behind: whoever asks the original first looks for the mark that the
 * replacement leaves of each request that took a token.
 *
 * Policies:
 *  - A request has one id, the caller's or one made here (request_id.h), whichever arm it asks.
 *  - After an error of the replacement, the original's connection is asked for the request's mark.
 *    If it is there, a token was taken and only the reply was lost: admitted. If not, the original
 *    is asked.
 *  - A request that the flag sends to the original may be a second attempt, after one by the
 *    replacement under an earlier setting. So it looks as well, if the caller gave it an id: one
 *    command more for the keys that the original still serves.
 *  - When that question fails, too, the answer is RATE_ERROR, as from any variant.
 *  - What cannot be had: an attempt that reaches the server only after the look takes a token that
 *    nobody was given. It flows in again. A second attempt more than REDIS_BUCKET_RETRY_S after the
 *    first is another request.
 *  - An error of the original is the caller's: there is nothing to fall back to, and it leaves no
 *    mark.
 */

#include "../request_id.h"
#include "redis_bucket_arms.h"

#include <stdio.h>
#include <string.h>

static struct redis_bucket_switch *fixed_open(const struct redis_bucket_switch_options *options,
                                              const struct token_bucket_limits *limits, char *error,
                                              size_t error_size)
{
    const redisContext *original = options->redis[ROLLOUT_ORIGINAL];

    if (original == NULL || original == options->redis[ROLLOUT_REPLACEMENT]) {
        snprintf(error, error_size, "each arm needs a connection of its own");
        return NULL;
    }
    return redis_bucket_arms_open(options, limits, error, error_size);
}

/* Whether the replacement has taken a token for the request. False, with the error recorded, when
 * that is not known. */
static bool find_mark(struct redis_bucket_switch *bucket, const char *provider,
                      const char *request_id, bool *taken)
{
    redisReply *reply =
        redis_client_command(&bucket->looks, REDIS_REPLY_INTEGER, "EXISTS " REDIS_BUCKET_MARK,
                             strlen(provider), provider, request_id);
    if (reply == NULL) {
        return false;
    }
    *taken = reply->integer != 0;
    freeReplyObject(reply);
    return true;
}

static enum rate_decision ask_original(struct redis_bucket_switch *bucket, const char *provider,
                                       const char *request_id, double *retry_after_s)
{
    bool taken;

    if (!find_mark(bucket, provider, request_id, &taken)) {
        return RATE_ERROR;
    }
    if (taken) {
        return RATE_ADMITTED;
    }
    return redis_bucket_arms_try_acquire(bucket, ROLLOUT_ORIGINAL, provider, request_id,
                                         retry_after_s);
}

static enum rate_decision fixed_try_acquire(struct redis_bucket_switch *bucket,
                                            const char *provider, const char *request_id,
                                            double *retry_after_s)
{
    struct rollout_decision decision = redis_bucket_arms_decide(bucket, provider);
    const bool given = request_id != NULL && request_id[0] != '\0';
    char made[REQUEST_ID_SIZE];

    if (decision.arm == ROLLOUT_ORIGINAL) {
        return given ? ask_original(bucket, provider, request_id, retry_after_s)
                     : redis_bucket_arms_try_acquire(bucket, ROLLOUT_ORIGINAL, provider, NULL,
                                                     retry_after_s);
    }
    if (!given) {
        request_id_generate(made);
        request_id = made;
    }
    const enum rate_decision answer = redis_bucket_arms_try_acquire(
        bucket, ROLLOUT_REPLACEMENT, provider, request_id, retry_after_s);
    if (answer != RATE_ERROR) {
        return answer;
    }
    rollout_fall_back(bucket->options.flags, bucket->options.flag, &decision);
    return ask_original(bucket, provider, request_id, retry_after_s);
}

const struct redis_bucket_switch_variant redis_bucket_switch_fixed = {
    .name = "fixed",
    .open = fixed_open,
    .close = redis_bucket_arms_close,
    .try_acquire = fixed_try_acquire,
    .available = redis_bucket_arms_available,
    .last_error = redis_bucket_arms_last_error,
};
