// SPDX-License-Identifier: MIT
#include "window_client.h"

#include "../wall_clock.h"

#include <stdio.h>
#include <stdlib.h>

struct sliding_window *window_client_open(const struct rate_limits *limits, redisContext *redis,
                                          char *error, size_t error_size)
{
    struct sliding_window *window = calloc(1, sizeof *window);
    if (window == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    window->client.redis = redis;
    window->limits = *limits;
    return window;
}

void window_client_close(struct sliding_window *window)
{
    free(window);
}

const char *window_client_last_error(const struct sliding_window *window)
{
    return window->client.error;
}

bool window_client_zcount(struct sliding_window *window, const char *provider, const char *min,
                          const char *max, long long *count)
{
    redisReply *reply = redis_client_command(&window->client, REDIS_REPLY_INTEGER,
                                             "ZCOUNT window:%s %s %s", provider, min, max);
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

    redis_client_clear_error(&window->client);
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
