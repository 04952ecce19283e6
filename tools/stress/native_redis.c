// SPDX-License-Identifier: MIT
#include "tools/stress/native_redis.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/redis/redis_seam.h"
#include "tools/redis/redis_server.h"
#include "tools/stress/native_engine.h"

enum { CLIENTS_MAX = 64 };

static treadle_redis_server *server;
static redisContext *connections[CLIENTS_MAX + 1]; /* the last one: for checks */

bool treadle_native_redis_start(char *error, size_t error_size)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis writes to what the server may have closed */
    server = treadle_redis_server_start(error, error_size);
    return server != NULL;
}

static _Noreturn void no_redis(const char *why)
{
    fprintf(stderr, "treadle_stress: Redis: %s\n", why);
    _exit(TREADLE_NATIVE_CANNOT);
}

static redisContext *connection(uint32_t client)
{
    if (client > CLIENTS_MAX || server == NULL) {
        no_redis(server == NULL ? "no server was started" : "too many clients");
    }
    redisContext **kept = &connections[client];
    if (*kept != NULL && (*kept)->err != 0) {
        redisFree(*kept);
        *kept = NULL;
    }
    if (*kept == NULL) {
        *kept = redisConnectUnix(treadle_redis_server_socket(server));
        if (*kept == NULL || (*kept)->err != 0) {
            no_redis(*kept == NULL ? "out of memory" : (*kept)->errstr);
        }
    }
    return *kept;
}

void treadle_native_redis_begin(void)
{
    redisContext *redis = connection(CLIENTS_MAX);
    redisReply *reply = redisCommand(redis, "FLUSHALL");
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        no_redis(reply == NULL ? redis->errstr : reply->str);
    }
    freeReplyObject(reply);
}

redisContext *treadle_redis_connection(uint32_t client)
{
    return connection(client);
}

const char *treadle_redis_provider(const char *name)
{
    return name;
}

redisReply *treadle_redis_inspect(const char *format, ...)
{
    redisContext *redis = connection(CLIENTS_MAX);
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(redis, format, arguments);
    va_end(arguments);
    if (reply == NULL) {
        no_redis(redis->errstr);
    }
    return reply;
}

/* Nobody counts here: what goes by it is left out. */
uint64_t treadle_redis_round_trip_count(void)
{
    return 0;
}
