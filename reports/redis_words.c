// SPDX-License-Identifier: MIT
#include "reports/redis_words.h"

#include <string.h>
#include <strings.h>

static bool is_one_of(const char *name, size_t length, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strlen(*names) == length && strncasecmp(*names, name, length) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const keyless[] = {"PING",   "MULTI",  "DISCARD", "UNWATCH",  "AUTH",
                                      "SELECT", "CLIENT", "SCRIPT",  "INFO",     "CONFIG",
                                      "TIME",   "HELLO",  "ECHO",    "WAIT",     "COMMAND",
                                      "DEBUG",  "RESET",  "QUIT",    "FUNCTION", NULL};
static const char *const readers[] = {
    "GET",      "MGET",        "STRLEN",   "EXISTS",     "TTL",           "PTTL",
    "TYPE",     "ZCOUNT",      "ZCARD",    "ZRANGE",     "ZRANGEBYSCORE", "ZSCORE",
    "ZRANK",    "ZREVRANGE",   "HGET",     "HMGET",      "HGETALL",       "HLEN",
    "HEXISTS",  "SCARD",       "SMEMBERS", "LLEN",       "LRANGE",        "SISMEMBER",
    "GETRANGE", "EXPIRETIME",  "OBJECT",   "WATCH",      "XLEN",          "XRANGE",
    "LINDEX",   "PEXPIRETIME", "EVAL_RO",  "EVALSHA_RO", "FCALL_RO",      NULL};
static const char *const scripts[] = {"EVAL",       "EVALSHA",  "FCALL", "EVAL_RO",
                                      "EVALSHA_RO", "FCALL_RO", NULL};

/* The next word from *at, which is moved behind it; a quoted one with its quotes. */
static const char *next_word(const char **at, const char *end, size_t *length)
{
    while (*at < end && **at == ' ') {
        ++*at;
    }
    const char *word = *at;
    const bool quoted = word < end && *word == '"';
    while (*at < end && (quoted || **at != ' ')) {
        const char c = *(*at)++;
        if (quoted && c == '\\' && *at < end) {
            ++*at;
        } else if (quoted && c == '"' && *at - word > 1) {
            break;
        }
    }
    *length = (size_t)(*at - word);
    return word;
}

/* FNV-1a: Fowler, Noll and Vo. */
static uint64_t hash_of(const char *data, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    }
    return hash | 1;
}

void treadle_redis_words_of(const char *text, size_t length, treadle_redis_words *words)
{
    static const char queued[] = "-> QUEUED";
    static const char exec[] = "EXEC";
    *words = (treadle_redis_words){0};
    const char *at = text;
    const char *end = text + length;
    size_t name_length = 0;
    const char *name = length > 0 ? next_word(&at, end, &name_length) : "";
    if (name_length == 0 || is_one_of(name, name_length, keyless)) {
        return;
    }
    words->executes = name_length == sizeof exec - 1 && strncasecmp(name, exec, name_length) == 0;
    if (words->executes) {
        return;
    }
    size_t key_length = 0;
    const char *key = "";
    for (int skip = is_one_of(name, name_length, scripts) ? 3 : 1; skip > 0; skip--) {
        key = next_word(&at, end, &key_length);
    }
    const bool arrow = key_length == 2 && memcmp(key, "->", 2) == 0;
    words->key = key_length > 0 && !arrow ? hash_of(key, key_length) : 0;
    words->writes = !is_one_of(name, name_length, readers);
    words->queued = length >= sizeof queued - 1 &&
                    memcmp(end - (sizeof queued - 1), queued, sizeof queued - 1) == 0;
}
