// SPDX-License-Identifier: MIT
/* Opening a connection to a target: connects, authenticates, selects the database. Outside of an
 * execution, or with the seam bypassed. */
#ifndef TREADLE_REDIS_CONNECT_H
#define TREADLE_REDIS_CONNECT_H

#include "tools/redis/redis_seam.h"

/* A new connection whose commands time out after 10 s, to be freed with redisFree(). NULL with a
 * one-line reason in `error`. */
redisContext *treadle_redis_connect(const treadle_redis_target *target, char *error,
                                    size_t error_size);

/* Authenticates and selects on an open connection. false with a reason. */
bool treadle_redis_introduce(redisContext *context, const treadle_redis_target *target, char *error,
                             size_t error_size);

/* Runs one command for its effect. false with a reason, which names `argv[0]` alone, and of an
 * answer to AUTH the first word: the rest may be a password. */
bool treadle_redis_tell(redisContext *context, int argc, const char **argv, char *error,
                        size_t error_size);

#endif
