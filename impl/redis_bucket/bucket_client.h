// SPDX-License-Identifier: MIT
#ifndef BUCKET_CLIENT_H
#define BUCKET_CLIENT_H

/*
 * What the variants of the bucket in Redis share: the handle, and the Python's arithmetic. Internal
 * to this folder.
 *
 * Ownership and threads are those of redis_bucket.h. A reply returned by a function here belongs to
 * the caller, who frees it with freeReplyObject().
 */

#include "../redis_client.h"
#include "redis_bucket.h"

struct redis_bucket {
    struct redis_client client;
    struct token_bucket_limits limits;
    char script_sha[REDIS_CLIENT_SHA_SIZE]; /* "" until the script is loaded */
};

struct redis_bucket *bucket_client_open(const struct token_bucket_limits *limits,
                                        redisContext *redis, char *error, size_t error_size);
void bucket_client_close(struct redis_bucket *bucket);
const char *bucket_client_last_error(const struct redis_bucket *bucket);

/* The bucket as it is now by the client's clock: HMGET, then the refill of the original. Writes
 * nothing. */
struct bucket_state {
    double tokens;
    double now_s;
};
bool bucket_client_read(struct redis_bucket *bucket, const char *provider,
                        struct bucket_state *state);

/* `available` of the variants that follow the Python: whole tokens, by the client's clock. */
bool bucket_client_available(struct redis_bucket *bucket, const char *provider, double *tokens);

/* How long until there is one token. */
double bucket_client_wait_s(const struct redis_bucket *bucket, double tokens);

#endif
