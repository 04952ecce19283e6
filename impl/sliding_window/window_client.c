// SPDX-License-Identifier: MIT
#include "window_client.h"

#include "../wall_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sliding_window *window_client_open(const struct rate_limits *limits, redisContext *redis,
                                          char *error, size_t error_size)
{
    struct sliding_window *window = calloc(1, sizeof *window);
    if (window == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    window->redis = redis;
    window->limits = *limits;
    return window;
}

void window_client_close(struct sliding_window *window)
{
    free(window);
}

const char *window_client_last_error(const struct sliding_window *window)
{
    return window->error;
}

void window_client_fail(struct sliding_window *window, const char *text)
{
    snprintf(window->error, sizeof window->error, "%s", text);
}

void window_client_clear_error(struct sliding_window *window)
{
    window->error[0] = '\0';
}

void window_client_fail_io(struct sliding_window *window)
{
    window_client_fail(window, window->redis->err != 0 ? window->redis->errstr : "out of memory");
}

redisReply *window_client_command(struct sliding_window *window, int type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(window->redis, format, arguments);
    va_end(arguments);

    if (reply == NULL) {
        window_client_fail_io(window);
        return NULL;
    }
    if (reply->type == type) {
        return reply;
    }
    window_client_fail(window, reply->type == REDIS_REPLY_ERROR ? reply->str
                                                                : "reply of an unexpected type");
    freeReplyObject(reply);
    return NULL;
}

bool window_client_load_script(struct sliding_window *window, const char *text,
                               char sha[static WINDOW_SHA_SIZE])
{
    redisReply *reply = window_client_command(window, REDIS_REPLY_STRING, "SCRIPT LOAD %s", text);
    if (reply == NULL) {
        return false;
    }
    bool loaded = reply->len == WINDOW_SHA_SIZE - 1;
    if (loaded) {
        memcpy(sha, reply->str, WINDOW_SHA_SIZE);
    } else {
        window_client_fail(window, "SCRIPT LOAD did not answer with a SHA1");
    }
    freeReplyObject(reply);
    return loaded;
}

bool window_client_lacks_script(const struct sliding_window *window)
{
    static const char code[] = "NOSCRIPT";
    return strncmp(window->error, code, sizeof code - 1) == 0;
}

bool window_client_zcount(struct sliding_window *window, const char *provider, const char *min,
                          const char *max, long long *count)
{
    redisReply *reply = window_client_command(window, REDIS_REPLY_INTEGER, "ZCOUNT window:%s %s %s",
                                              provider, min, max);
    if (reply == NULL) {
        return false;
    }
    *count = reply->integer;
    freeReplyObject(reply);
    return true;
}

bool window_client_count_live(struct sliding_window *window, const char *provider, long long *count)
{
    char min[1 + WINDOW_DECIMAL_SIZE] = "("; /* exclusive */

    window_client_clear_error(window);
    window_client_decimal(wall_clock_s() - window->limits.window_s, min + 1);
    return window_client_zcount(window, provider, min, "+inf", count);
}

enum rate_decision window_client_check_live(struct sliding_window *window, const char *provider)
{
    long long count;
    if (!window_client_count_live(window, provider, &count)) {
        return RATE_ERROR;
    }
    return count < window->limits.rpm ? RATE_ADMITTED : RATE_REFUSED;
}

void window_client_decimal(double seconds, char text[static WINDOW_DECIMAL_SIZE])
{
    snprintf(text, WINDOW_DECIMAL_SIZE, "%.6f", seconds);
}
