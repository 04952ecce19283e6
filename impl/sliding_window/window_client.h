// SPDX-License-Identifier: MIT
#ifndef WINDOW_CLIENT_H
#define WINDOW_CLIENT_H

/*
 * What the variants of the sliding window share: the handle, looks at the window by the client's
 * clock, and numbers in the form that Redis reads. Internal to this folder.
 *
 * Ownership and threads are those of sliding_window.h. A reply returned by a function here belongs
 * to the caller, who frees it with freeReplyObject().
 */

#include "../redis_client.h"
#include "sliding_window.h"

#include <float.h>

#define WINDOW_SCRIPTS_MAX 2

struct sliding_window {
    struct redis_client client;
    struct rate_limits limits;
    char script_sha[WINDOW_SCRIPTS_MAX][REDIS_CLIENT_SHA_SIZE]; /* "" until the script is loaded */
};

struct sliding_window *window_client_open(const struct rate_limits *limits, redisContext *redis,
                                          char *error, size_t error_size);
void window_client_close(struct sliding_window *window);
const char *window_client_last_error(const struct sliding_window *window);

/* ZCOUNT of the provider's window between two bounds in Redis notation. */
bool window_client_zcount(struct sliding_window *window, const char *provider, const char *min,
                          const char *max, long long *count);

/* `count` and `check` of the proposed variants. The seed gives them neither; these look at the
 * window as its scripts do (an entry of age exactly the window is gone, one from the future
 * counts), by the client's clock, and write nothing. */
bool window_client_count_live(struct sliding_window *window, const char *provider,
                              long long *count);
enum rate_decision window_client_check_live(struct sliding_window *window, const char *provider);

/* Room for any double printed with six decimals: sign, digits, point, decimals, terminator. */
#define WINDOW_DECIMAL_SIZE (DBL_MAX_10_EXP + 10)

/* Seconds with six decimals, as scores are written. printf obeys LC_NUMERIC, so a program that
 * switches to a locale with a decimal comma breaks the variants that send decimals. */
void window_client_decimal(double seconds, char text[static WINDOW_DECIMAL_SIZE]);

#endif
