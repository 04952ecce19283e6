// SPDX-License-Identifier: MIT
#include "tools/redis/redis_connect.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_S = 10 };

/* How much of the error may be shown: where AUTH has another name, the server answers with its
 * arguments. */
static int shown(const char *command, const redisReply *reply)
{
    return (int)(strcmp(command, "AUTH") == 0 ? strcspn(reply->str, " ") : reply->len);
}

bool treadle_redis_tell(redisContext *context, int argc, const char **argv, char *error,
                        size_t error_size)
{
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    const bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (!ok) {
        snprintf(error, error_size, "the Redis server refused %s: %.*s", argv[0],
                 reply != NULL ? shown(argv[0], reply) : (int)strlen(context->errstr),
                 reply != NULL ? reply->str : context->errstr);
    }
    freeReplyObject(reply);
    return ok;
}

bool treadle_redis_introduce(redisContext *context, const treadle_redis_target *target, char *error,
                             size_t error_size)
{
    if (target->password != NULL) {
        const char *with_user[] = {"AUTH", target->username, target->password};
        const char *without[] = {"AUTH", target->password};
        const bool user = target->username != NULL;
        if (!treadle_redis_tell(context, user ? 3 : 2, user ? with_user : without, error,
                                error_size)) {
            return false;
        }
    }
    if (target->database != 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", target->database);
        const char *select[] = {"SELECT", number};
        return treadle_redis_tell(context, 2, select, error, error_size);
    }
    return true;
}

static redisContext *connect_to(const treadle_redis_target *target)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    redisContext *context = target->socket_path != NULL
                                ? redisConnectUnixWithTimeout(target->socket_path, timeout)
                                : redisConnectWithTimeout(target->host, target->port, timeout);
    if (context != NULL && context->err == 0) {
        redisSetTimeout(context, timeout);
    }
    return context;
}

redisContext *treadle_redis_connect(const treadle_redis_target *target, char *error,
                                    size_t error_size)
{
    redisContext *context = connect_to(target);
    bool ok = context != NULL && context->err == 0;
    if (!ok) {
        char port[16] = "";
        if (target->socket_path == NULL) {
            snprintf(port, sizeof port, ":%d", target->port);
        }
        snprintf(error, error_size, "the Redis server at %s%s cannot be reached: %s",
                 target->socket_path ? target->socket_path : target->host, port,
                 context != NULL ? context->errstr : "out of memory");
    } else {
        ok = treadle_redis_introduce(context, target, error, error_size);
    }
    if (!ok && context != NULL) {
        redisFree(context);
        context = NULL;
    }
    return context;
}
