// SPDX-License-Identifier: MIT
/* What the harness's own server holds, for a trace that somebody steps through: asked on the
 * inspector's connection, where no subject looks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/redis/redis_internal.h"
#include "tools/redis/redis_text.h"

enum { STATE_MAX = 2048, ELEMENTS_MAX = 12, KEYS_MAX = 16 };

void treadle_redis_tell_state(bool tell)
{
    treadle_redis.tell_state = tell && treadle_redis.target.own;
}

static redisReply *ask(const char *command, const redisReply *key, const char *rest)
{
    redisContext *context = treadle_redis.inspector.context;
    char format[64];
    snprintf(format, sizeof format, "%s %%b%s", command, rest);
    return redisCommand(context, format, key->str, key->len);
}

static void put_text(treadle_redis_text *text, const redisReply *reply)
{
    treadle_redis_text_bytes(text, (treadle_resp_span){reply->str, reply->len});
}

/* The elements of a collection, `width` of them belonging together. */
static void put_elements(treadle_redis_text *text, const redisReply *reply, size_t width)
{
    for (size_t i = 0; i < reply->elements; i++) {
        if (i == ELEMENTS_MAX) {
            char more[32];
            snprintf(more, sizeof more, ", and %zu more", (reply->elements - i) / width);
            treadle_redis_text_literal(text, more);
            return;
        }
        treadle_redis_text_literal(text, i == 0 ? "" : (i % width == 0 ? ", " : " "));
        put_text(text, reply->element[i]);
    }
}

static void put_value(treadle_redis_text *text, const redisReply *key, const char *type)
{
    static const struct {
        const char *type, *command, *rest;
        size_t width;
    } readers[] = {{"string", "GET", "", 1},
                   {"zset", "ZRANGE", " 0 -1 WITHSCORES", 2},
                   {"hash", "HGETALL", "", 2},
                   {"list", "LRANGE", " 0 -1", 1},
                   {"set", "SMEMBERS", "", 1}};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (strcmp(readers[i].type, type) != 0) {
            continue;
        }
        redisReply *reply = ask(readers[i].command, key, readers[i].rest);
        if (reply != NULL && reply->type == REDIS_REPLY_ARRAY) {
            put_elements(text, reply, readers[i].width);
        } else if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
            put_text(text, reply);
        }
        freeReplyObject(reply);
    }
}

static void put_expiry(treadle_redis_text *text, const redisReply *key)
{
    redisReply *reply = ask("PTTL", key, "");
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        char expiry[64];
        snprintf(expiry, sizeof expiry, "  (expires in %g s)", 1e-3 * (double)reply->integer);
        treadle_redis_text_literal(text, reply->integer < 0 ? "  (never expires)" : expiry);
    }
    freeReplyObject(reply);
}

static void put_key(treadle_redis_text *text, const redisReply *key)
{
    redisReply *type = ask("TYPE", key, "");
    if (type != NULL && type->type == REDIS_REPLY_STATUS && strcmp(type->str, "none") != 0) {
        put_text(text, key);
        treadle_redis_text_literal(text, "\t");
        put_value(text, key, type->str);
        put_expiry(text, key);
        treadle_redis_text_literal(text, "\n");
    }
    freeReplyObject(type);
}

static int by_name(const void *a, const void *b)
{
    const redisReply *const *left = a;
    const redisReply *const *right = b;
    return strcmp((*left)->str, (*right)->str);
}

void treadle_redis_state_tell(treadle_event *event)
{
    static char buffer[STATE_MAX];
    treadle_redis_text text = {.buffer = buffer, .size = sizeof buffer};
    treadle_redis_link *inspector = &treadle_redis.inspector;
    char error[256];
    if (inspector->context == NULL && !treadle_redis_link_open(inspector, error, sizeof error)) {
        return;
    }
    treadle_redis.bypass = true;
    redisReply *keys = redisCommand(inspector->context, "KEYS *");
    if (keys != NULL && keys->type == REDIS_REPLY_ARRAY) {
        const size_t width = sizeof(void *); /* of one element, which is a pointer */
        if (keys->elements > 0) {            /* else there is no array */
            qsort(keys->element, keys->elements, width, by_name);
        }
        for (size_t i = 0; i < keys->elements && i < KEYS_MAX; i++) {
            put_key(&text, keys->element[i]);
        }
        if (keys->elements == 0) {
            treadle_redis_text_literal(&text, "(no keys)\t\n");
        }
    }
    freeReplyObject(keys);
    treadle_redis.bypass = false;
    treadle_event_state(event, buffer, text.length);
}
