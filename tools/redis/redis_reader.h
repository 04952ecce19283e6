// SPDX-License-Identifier: MIT
/*
 * Looking at a server that is not ours: commands that only read, in pipelines, and a bounded list
 * of keys. There is no way to send any other command through this module.
 *
 * Ask any number of times, then take as many replies, in order. The first failure stays: from then
 * on asking does nothing and every reply is NULL, with the reason in `error`, one line without
 * control characters. Not thread-safe.
 */
#ifndef TREADLE_REDIS_READER_H
#define TREADLE_REDIS_READER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/redis/redis_resp.h"

typedef enum treadle_redis_read {
    TREADLE_READ_SCAN,
    TREADLE_READ_TYPE,
    TREADLE_READ_PTTL,
    TREADLE_READ_ZCOUNT,
    TREADLE_READ_ZREVRANGE,
    TREADLE_READ_HMGET,
    TREADLE_READ_TIME,
} treadle_redis_read;

typedef struct treadle_redis_reader {
    redisContext *redis; /* borrowed */
    bool failed;
    char error[300];
} treadle_redis_reader;

/* Puts a command on its way, with at most 6 arguments. */
void treadle_redis_ask(treadle_redis_reader *self, treadle_redis_read command,
                       const treadle_resp_span *arguments, size_t count);

/* The next reply, to be freed; never an error reply, except WRONGTYPE. NULL when it failed. */
redisReply *treadle_redis_take(treadle_redis_reader *self);

/* Likewise, when only a reply of this type makes sense. */
redisReply *treadle_redis_take_type(treadle_redis_reader *self, int type);

/* The server's clock in microseconds since 1970: the reply to TREADLE_READ_TIME. */
int64_t treadle_redis_take_time(treadle_redis_reader *self);

/* A C string as an argument. */
treadle_resp_span treadle_redis_argument(const char *text);

/* Keys in ascending order of their bytes, each once. */
typedef struct treadle_redis_key_list {
    treadle_resp_span *keys; /* owned, and so are the bytes */
    size_t count;
    size_t room;
    bool cut; /* there are more */
} treadle_redis_key_list;

/* Adds the keys that begin with `start`, until the list has `keys_max`. Each key that is there
 * throughout is found. False when it failed. */
bool treadle_redis_scan(treadle_redis_reader *self, const char *start, size_t keys_max,
                        treadle_redis_key_list *list);
void treadle_redis_key_list_free(treadle_redis_key_list *list);

#endif
