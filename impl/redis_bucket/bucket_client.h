// SPDX-License-Identifier: MIT
#ifndef BUCKET_CLIENT_H
#define BUCKET_CLIENT_H

/*
 * What the variants of the bucket in Redis share: the handle, one command with its errors turned
 * into one line of text, a script by its SHA1, and the Python's arithmetic. Internal to this
 * folder.
 *
 * Ownership and threads are those of redis_bucket.h. A reply returned by a function here belongs to
 * the caller, who frees it with freeReplyObject().
 */

#include "redis_bucket.h"

#define BUCKET_SHA_SIZE 41 /* 40 hexadecimal digits and the terminator */

struct redis_bucket {
    redisContext *redis; /* borrowed */
    struct token_bucket_limits limits;
    char script_sha[BUCKET_SHA_SIZE]; /* "" until the script is loaded */
    char error[256];
};

struct redis_bucket *bucket_client_open(const struct token_bucket_limits *limits,
                                        redisContext *redis, char *error, size_t error_size);
void bucket_client_close(struct redis_bucket *bucket);
const char *bucket_client_last_error(const struct redis_bucket *bucket);

/* Sets the text of the last error; every operation starts by clearing it. */
void bucket_client_fail(struct redis_bucket *bucket, const char *text);
void bucket_client_clear_error(struct redis_bucket *bucket);

/* Sends one command and waits for its reply. NULL, with the error recorded, when the connection
 * failed, the server answered with an error, or the reply is not of type `type`. */
redisReply *bucket_client_command(struct redis_bucket *bucket, int type, const char *format, ...);

/* SCRIPT LOAD into the handle's `script_sha`. */
bool bucket_client_load_script(struct redis_bucket *bucket, const char *text);

/* Whether the last error is the server saying that it does not know a script. */
bool bucket_client_lacks_script(const struct redis_bucket *bucket);

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
