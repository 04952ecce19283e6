// SPDX-License-Identifier: MIT
#include "redis_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void redis_client_fail(struct redis_client *client, const char *text)
{
    snprintf(client->error, sizeof client->error, "%s", text);
}

void redis_client_clear_error(struct redis_client *client)
{
    client->error[0] = '\0';
}

void redis_client_fail_io(struct redis_client *client)
{
    redis_client_fail(client, client->redis->err != 0 ? client->redis->errstr : "out of memory");
}

redisReply *redis_client_command(struct redis_client *client, int type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(client->redis, format, arguments);
    va_end(arguments);

    if (reply == NULL) {
        redis_client_fail_io(client);
        return NULL;
    }
    if (reply->type == type) {
        return reply;
    }
    redis_client_fail(client, reply->type == REDIS_REPLY_ERROR ? reply->str
                                                               : "reply of an unexpected type");
    freeReplyObject(reply);
    return NULL;
}

bool redis_client_load_script(struct redis_client *client, const char *text,
                              char sha[static REDIS_CLIENT_SHA_SIZE])
{
    redisReply *reply = redis_client_command(client, REDIS_REPLY_STRING, "SCRIPT LOAD %s", text);
    if (reply == NULL) {
        return false;
    }
    bool loaded = reply->len == REDIS_CLIENT_SHA_SIZE - 1;
    if (loaded) {
        memcpy(sha, reply->str, REDIS_CLIENT_SHA_SIZE);
    } else {
        redis_client_fail(client, "SCRIPT LOAD did not answer with a SHA1");
    }
    freeReplyObject(reply);
    return loaded;
}

bool redis_client_lacks_script(const struct redis_client *client)
{
    static const char code[] = "NOSCRIPT";
    return strncmp(client->error, code, sizeof code - 1) == 0;
}
