// SPDX-License-Identifier: MIT
/* The settings and users of the harness's own server, which a subject may change for an execution:
 * as they were when the seam attached, and back to that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_connect.h"
#include "tools/redis/redis_internal.h"

enum { RULES_MAX = 64 };

/* NULL with a reason, unless it is an array of texts. */
static redisReply *ask_for_texts(const char *command, char *error, size_t error_size)
{
    redisContext *context = treadle_redis.inspector.context;
    redisReply *reply = redisCommand(context, command);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; ok && i < reply->elements; i++) {
        ok = reply->element[i]->type == REDIS_REPLY_STRING;
    }
    if (!ok) {
        snprintf(error, error_size, "the Redis server refused %s: %s", command,
                 reply == NULL                      ? context->errstr
                 : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                    : "it answered with something else");
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

bool treadle_redis_settings_read(treadle_redis_settings *out, char *error, size_t error_size)
{
    treadle_redis.bypass = true;
    out->values = ask_for_texts("CONFIG GET *", error, error_size);
    out->users = out->values != NULL ? ask_for_texts("ACL LIST", error, error_size) : NULL;
    treadle_redis.bypass = false;
    return out->users != NULL;
}

void treadle_redis_settings_free(treadle_redis_settings *settings)
{
    freeReplyObject(settings->values);
    freeReplyObject(settings->users);
    *settings = (treadle_redis_settings){0};
}

static bool same(const redisReply *one, const redisReply *other)
{
    return one->len == other->len && memcmp(one->str, other->str, one->len) == 0;
}

static bool order(int argc, const char **argv, char *error, size_t error_size)
{
    return treadle_redis_tell(treadle_redis.inspector.context, argc, argv, error, error_size);
}

/* Names and values come in turn, in any order. NULL when there is none of that name. */
static const redisReply *value_of(const redisReply *values, const redisReply *name)
{
    for (size_t i = 0; i + 1 < values->elements; i += 2) {
        if (same(values->element[i], name)) {
            return values->element[i + 1];
        }
    }
    return NULL;
}

static bool restore_values(const redisReply *before, const redisReply *now, char *error,
                           size_t error_size)
{
    bool ok = true;
    for (size_t i = 0; ok && i + 1 < before->elements; i += 2) {
        const redisReply *value = before->element[i + 1];
        const redisReply *changed = value_of(now, before->element[i]);
        if (changed == NULL || !same(value, changed)) {
            const char *set[] = {"CONFIG", "SET", before->element[i]->str, value->str};
            ok = order(4, set, error, error_size);
        }
    }
    return ok;
}

/* "user NAME RULE RULE …", as ACL LIST has it; the text is spent. */
static bool restore_user(char *line, char *error, size_t error_size)
{
    const char *set[RULES_MAX] = {"ACL", "SETUSER", NULL, "reset"};
    char *rest = NULL;
    strtok_r(line, " ", &rest);
    set[2] = strtok_r(NULL, " ", &rest);
    int count = 4;
    for (char *rule; count < RULES_MAX && (rule = strtok_r(NULL, " ", &rest)) != NULL; count++) {
        set[count] = rule;
    }
    return set[2] != NULL && count < RULES_MAX && order(count, set, error, error_size);
}

static bool forget_user(const char *line, char *error, size_t error_size)
{
    char *copy = strdup(line);
    char *rest = NULL;
    const char *forget[] = {"ACL", "DELUSER", NULL};
    if (copy != NULL && strtok_r(copy, " ", &rest) != NULL) {
        forget[2] = strtok_r(NULL, " ", &rest);
    }
    const bool ok = forget[2] != NULL &&
                    (strcmp(forget[2], "default") == 0 || order(3, forget, error, error_size));
    free(copy);
    return ok;
}

static bool restore_users(const redisReply *before, const redisReply *now, char *error,
                          size_t error_size)
{
    bool ok = true;
    for (size_t i = 0; ok && i < now->elements; i++) {
        ok = forget_user(now->element[i]->str, error, error_size);
    }
    for (size_t i = 0; ok && i < before->elements; i++) {
        char *line = strdup(before->element[i]->str);
        ok = line != NULL && restore_user(line, error, error_size);
        free(line);
    }
    return ok;
}

/* Makes them what they were, and then the settings: the users may have lost the right to those. */
static bool restore(const treadle_redis_settings *settings, treadle_redis_settings *now,
                    char *error, size_t error_size)
{
    now->users = ask_for_texts("ACL LIST", error, error_size);
    if (now->users == NULL || !restore_users(settings->users, now->users, error, error_size)) {
        return false;
    }
    now->values = ask_for_texts("CONFIG GET *", error, error_size);
    return now->values != NULL && restore_values(settings->values, now->values, error, error_size);
}

bool treadle_redis_settings_restore(const treadle_redis_settings *settings, char *error,
                                    size_t error_size)
{
    treadle_redis_settings now = {0};
    snprintf(error, error_size, "out of memory");
    treadle_redis.bypass = true;
    const bool ok = restore(settings, &now, error, error_size);
    treadle_redis.bypass = false;
    treadle_redis_settings_free(&now);
    if (ok) {
        error[0] = '\0';
    }
    return ok;
}
