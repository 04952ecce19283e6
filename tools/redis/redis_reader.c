// SPDX-License-Identifier: MIT
#include "tools/redis/redis_reader.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 6, CURSOR_MAX = 24 };

static const char scan_page[] = "1000"; /* keys that the server looks at in one SCAN */

static const char *const command_names[] = {
    [TREADLE_READ_SCAN] = "SCAN",           [TREADLE_READ_TYPE] = "TYPE",
    [TREADLE_READ_PTTL] = "PTTL",           [TREADLE_READ_ZCOUNT] = "ZCOUNT",
    [TREADLE_READ_ZREVRANGE] = "ZREVRANGE", [TREADLE_READ_HMGET] = "HMGET",
    [TREADLE_READ_TIME] = "TIME",
};

/* ---- asking and taking ----------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void fail(treadle_redis_reader *self,
                                                       const char *format, ...)
{
    if (self->failed) {
        return;
    }
    self->failed = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error, sizeof self->error, format, arguments);
    va_end(arguments);
    for (char *c = self->error; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c)) {
            *c = '?'; /* the text may be the server's */
        }
    }
}

treadle_resp_span treadle_redis_argument(const char *text)
{
    return (treadle_resp_span){.data = text, .length = strlen(text)};
}

void treadle_redis_ask(treadle_redis_reader *self, treadle_redis_read command,
                       const treadle_resp_span *arguments, size_t count)
{
    assert(count <= ARGUMENTS_MAX);
    if (self->failed) {
        return;
    }
    const char *argv[ARGUMENTS_MAX + 1] = {command_names[command]};
    size_t lengths[ARGUMENTS_MAX + 1] = {strlen(command_names[command])};
    for (size_t i = 0; i < count; i++) {
        argv[i + 1] = arguments[i].data;
        lengths[i + 1] = arguments[i].length;
    }
    if (redisAppendCommandArgv(self->redis, (int)count + 1, argv, lengths) != REDIS_OK) {
        fail(self, "cannot ask the Redis server: %s", self->redis->errstr);
    }
}

redisReply *treadle_redis_take(treadle_redis_reader *self)
{
    void *reply = NULL;
    if (self->failed) {
        return NULL;
    }
    if (redisGetReply(self->redis, &reply) != REDIS_OK) {
        fail(self, "the connection to the Redis server was lost: %s", self->redis->errstr);
        return NULL;
    }
    redisReply *taken = reply;
    if (taken->type == REDIS_REPLY_ERROR && strncmp(taken->str, "WRONGTYPE", 9) != 0) {
        fail(self, "the Redis server refused: %s", taken->str);
        freeReplyObject(taken);
        return NULL;
    }
    return taken;
}

redisReply *treadle_redis_take_type(treadle_redis_reader *self, int type)
{
    redisReply *reply = treadle_redis_take(self);
    if (reply != NULL && reply->type != type) {
        fail(self, "the Redis server gave a reply of another kind than it should");
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* Whether a reply is an array of `count` strings. */
static bool is_strings(const redisReply *reply, size_t count)
{
    if (reply->elements != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return true;
}

int64_t treadle_redis_take_time(treadle_redis_reader *self)
{
    redisReply *reply = treadle_redis_take_type(self, REDIS_REPLY_ARRAY);
    int64_t now_us = 0;
    if (reply != NULL && is_strings(reply, 2)) {
        now_us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 +
                 strtoll(reply->element[1]->str, NULL, 10);
    } else if (reply != NULL) {
        fail(self, "the Redis server's TIME is no time");
    }
    freeReplyObject(reply);
    return now_us;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int compare(const void *left, const void *right)
{
    const treadle_resp_span *one = left;
    const treadle_resp_span *other = right;
    const size_t shared = one->length < other->length ? one->length : other->length;
    const int order = memcmp(one->data, other->data, shared);
    return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

static void release(treadle_resp_span key)
{
    free((char *)(uintptr_t)key.data);
}

/* Sorts, and drops what SCAN has found more than once. */
static void tidy(treadle_redis_key_list *list)
{
    if (list->count == 0) {
        return;
    }
    qsort(list->keys, list->count, sizeof *list->keys, compare);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++) {
        if (compare(&list->keys[kept - 1], &list->keys[i]) == 0) {
            release(list->keys[i]);
        } else {
            list->keys[kept++] = list->keys[i];
        }
    }
    list->count = kept;
}

static bool add(treadle_redis_key_list *list, const redisReply *key)
{
    if (list->count == list->room) {
        const size_t room = list->room * 2 + 64;
        treadle_resp_span *grown = realloc(list->keys, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        list->keys = grown;
        list->room = room;
    }
    char *copy = malloc(key->len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, key->str, key->len + 1);
    list->keys[list->count++] = (treadle_resp_span){.data = copy, .length = key->len};
    return true;
}

/* A pattern that matches exactly what begins with `start`; to be freed. */
static char *pattern_of(const char *start)
{
    char *pattern = malloc(strlen(start) * 2 + 2);
    size_t used = 0;
    for (; pattern != NULL && *start != '\0'; start++) {
        if (strchr("*?[]\\", *start) != NULL) {
            pattern[used++] = '\\';
        }
        pattern[used++] = *start;
    }
    if (pattern != NULL) {
        memcpy(pattern + used, "*", 2);
    }
    return pattern;
}

/* Takes one page of SCAN; the cursor for the next one goes to `cursor`. */
static void take_page(treadle_redis_reader *self, const char *start, char *cursor,
                      treadle_redis_key_list *list)
{
    redisReply *page = treadle_redis_take_type(self, REDIS_REPLY_ARRAY);
    const size_t length = strlen(start);
    if (page == NULL) {
        return;
    }
    const bool whole = page->elements == 2 && page->element[0]->type == REDIS_REPLY_STRING &&
                       page->element[0]->len < CURSOR_MAX &&
                       page->element[1]->type == REDIS_REPLY_ARRAY &&
                       is_strings(page->element[1], page->element[1]->elements);
    if (whole) {
        memcpy(cursor, page->element[0]->str, page->element[0]->len + 1);
    } else {
        fail(self, "the Redis server's reply to SCAN is none");
    }
    for (size_t i = 0; whole && i < page->element[1]->elements; i++) {
        const redisReply *key = page->element[1]->element[i];
        const bool matches = key->len >= length && memcmp(key->str, start, length) == 0;
        if (matches && !add(list, key)) {
            fail(self, "out of memory");
            break;
        }
    }
    freeReplyObject(page);
}

static void cut(treadle_redis_key_list *list, size_t keys_max)
{
    for (size_t i = keys_max; i < list->count; i++) {
        release(list->keys[i]);
    }
    list->cut = list->cut || list->count > keys_max;
    list->count = list->count < keys_max ? list->count : keys_max;
}

bool treadle_redis_scan(treadle_redis_reader *self, const char *start, size_t keys_max,
                        treadle_redis_key_list *list)
{
    char *pattern = pattern_of(start);
    if (pattern == NULL) {
        fail(self, "out of memory");
        return false;
    }
    char cursor[CURSOR_MAX] = "0";
    do {
        const treadle_resp_span arguments[] = {
            treadle_redis_argument(cursor), treadle_redis_argument("MATCH"),
            treadle_redis_argument(pattern), treadle_redis_argument("COUNT"),
            treadle_redis_argument(scan_page)};
        treadle_redis_ask(self, TREADLE_READ_SCAN, arguments, 5);
        take_page(self, start, cursor, list);
        if (list->count > keys_max) {
            tidy(list);
        }
    } while (!self->failed && list->count <= keys_max && strcmp(cursor, "0") != 0);
    free(pattern);
    tidy(list);
    cut(list, keys_max);
    return !self->failed;
}

void treadle_redis_key_list_free(treadle_redis_key_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        release(list->keys[i]);
    }
    free(list->keys);
    *list = (treadle_redis_key_list){0};
}
