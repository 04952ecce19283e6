// SPDX-License-Identifier: MIT

/*
 * The bucket in Redis without a script: read it, reckon in the client, write it back.
 *
 *  - HMGET and HSET are two round trips, so clients that read before the first of them writes take
 *    the same token;
 *  - the state expires 300 s after the last request, and no state is a full bucket: one that takes
 *    longer to fill is refilled early;
 *  - EXPIRE is a command of its own: a client cut off before it leaves a key that never expires;
 *  - the time is the client's: of two clocks the slow one sets last_refill back, and the fast one
 *    then counts the difference again;
 *  - a lost reply and another attempt take two tokens. Request ids are ignored.
 */

#include "bucket_client.h"

static bool write_back(struct redis_bucket *bucket, const char *provider,
                       const struct bucket_state *state)
{
    redisReply *reply = redis_client_command(&bucket->client, REDIS_REPLY_INTEGER,
                                             "HSET bucket:%s tokens %.17g last_refill %.6f",
                                             provider, state->tokens, state->now_s);
    freeReplyObject(reply);
    if (reply == NULL) {
        return false;
    }
    reply = redis_client_command(&bucket->client, REDIS_REPLY_INTEGER, "EXPIRE bucket:%s 300",
                                 provider);
    freeReplyObject(reply);
    return reply != NULL;
}

static enum rate_decision naive_try_acquire(struct redis_bucket *bucket, const char *provider,
                                            const char *request_id, double *retry_after_s)
{
    struct bucket_state state;
    (void)request_id;

    redis_client_clear_error(&bucket->client);
    if (!bucket_client_read(bucket, provider, &state)) {
        return RATE_ERROR;
    }
    const double wait_s = bucket_client_wait_s(bucket, state.tokens);
    state.tokens -= wait_s > 0 ? 0 : 1;
    if (!write_back(bucket, provider, &state)) {
        return RATE_ERROR;
    }
    if (wait_s > 0 && retry_after_s != NULL) {
        *retry_after_s = wait_s;
    }
    return wait_s > 0 ? RATE_REFUSED : RATE_ADMITTED;
}

const struct redis_bucket_variant redis_bucket_naive = {
    .name = "naive",
    .open = bucket_client_open,
    .close = bucket_client_close,
    .try_acquire = naive_try_acquire,
    .available = bucket_client_available,
    .last_error = bucket_client_last_error,
};
