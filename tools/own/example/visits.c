// SPDX-License-Identifier: MIT
#include "visits.h"

#include <stdlib.h>

static int done(redisReply *reply)
{
    const int failed = reply == NULL || reply->type == REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    return failed ? -1 : 0;
}

int visits_count(redisContext *context, const char *key)
{
    return done(redisCommand(context, "INCR %s", key));
}

int visits_count_in_two_steps(redisContext *context, const char *key)
{
    redisReply *reply = redisCommand(context, "GET %s", key);
    if (reply == NULL) {
        return -1;
    }
    const long before = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return done(redisCommand(context, "SET %s %ld", key, before + 1));
}
