// SPDX-License-Identifier: MIT
/*
 * A set of keys, to remember what was written, and which scripts were sent, on a server that is not
 * ours. Keys are any bytes, and copied. Internal to tools/redis.
 */
#ifndef TREADLE_REDIS_KEYS_H
#define TREADLE_REDIS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/redis/redis_resp.h"

/* Zeros are the empty set. */
typedef struct treadle_redis_keys {
    void *root; /* of a tsearch() tree */
    size_t count;
} treadle_redis_keys;

bool treadle_redis_keys_has(const treadle_redis_keys *keys, treadle_resp_span key);

/* false when out of memory. */
bool treadle_redis_keys_add(treadle_redis_keys *keys, treadle_resp_span key);

/* Takes one key out, for the caller to free() with its text; NULL when the set is empty. */
treadle_resp_span *treadle_redis_keys_take(treadle_redis_keys *keys);

void treadle_redis_keys_clear(treadle_redis_keys *keys);

#endif
