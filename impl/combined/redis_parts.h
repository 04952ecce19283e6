// SPDX-License-Identifier: MIT
#ifndef COMBINED_REDIS_PARTS_H
#define COMBINED_REDIS_PARTS_H

/*
 * What the variants on Redis share: the providers and their limits, which are this client's own
 * (the server keeps only what was used), the slots, and commands. Internal to this folder.
 *
 * A reply returned by a function here belongs to the caller, who frees it with freeReplyObject().
 */

#include "combined.h"

#include <pthread.h>

struct redis_provider {
    char *name;
    struct rate_limits window;
    struct token_bucket_limits bucket;
};

struct combined {
    const struct semaphore_variant *semaphores;
    struct global_semaphore *slots;
    pthread_mutex_t lock; /* guards the limits */
    size_t count;
    struct redis_provider providers[];
};

struct combined *redis_parts_open(const struct semaphore_variant *semaphores,
                                  const struct combined_options *options, char *error,
                                  size_t error_size);
void redis_parts_close(struct combined *limiter);

/* The provider's limits as they are now. False when it is unknown. `limits->name` is valid as long
 * as the limiter. */
bool redis_parts_limits(struct combined *limiter, const char *provider,
                        struct combined_provider *limits);

/* The provider's limits are these from now on. */
bool redis_parts_reconfigure(struct combined *limiter, const struct combined_provider *limits,
                             char *error, size_t error_size);

/* Reads the keys as they are: what has expired by the server's clock does not count, tokens are
 * those of the last refill and what has flowed in since. */
bool redis_parts_inspect(struct combined *limiter, const char *provider, redisContext *redis,
                         struct combined_snapshot *snapshot);

/* A permit for a request that has passed and got its slot. */
void redis_parts_grant(struct combined_permit *permit, struct combined *limiter,
                       redisContext *redis);

/* What a context manager's `finally` does: the slot comes back, whatever the outcome; the window
 * and the bucket get nothing. */
void redis_parts_release(struct combined *limiter, struct combined_permit *permit,
                         enum combined_outcome outcome);

/* A token from the bucket as the original has it (redis_bucket/proposed.c: its script, its faults),
 * waiting for one until the deadline: ask, sleep for as long as one was told, ask again. Who waits
 * is promised nothing. */
enum rate_decision redis_parts_token(redisContext *redis, const struct combined_provider *limits,
                                     const struct timespec *deadline);

/* Sends one command and waits for its reply. NULL when the connection failed, the server answered
 * with an error (which is freed), or the reply is not of type `type`. */
redisReply *redis_parts_command(redisContext *redis, int type, const char *format, ...);

/* The deadline, or further ahead than anybody waits; and a pause until a time, which is a
 * cancellation point. Nanoseconds of CLOCK_MONOTONIC. */
int64_t redis_parts_deadline_ns(const struct timespec *deadline);
int64_t redis_parts_now_ns(void);
void redis_parts_sleep_until(int64_t time_ns);

#endif
