// SPDX-License-Identifier: MIT
#ifndef WINDOW_CLIENT_H
#define WINDOW_CLIENT_H

/*
 * What the variants of the sliding window share: the handle, one command with its errors turned
 * into one line of text, and numbers in the form that Redis reads. Internal to this folder.
 *
 * Ownership and threads are those of sliding_window.h. A reply returned by a function here belongs
 * to the caller, who frees it with freeReplyObject().
 */

#include "sliding_window.h"

#include <float.h>

#define WINDOW_SHA_SIZE 41 /* 40 hexadecimal digits and the terminator */
#define WINDOW_SCRIPTS_MAX 2

struct sliding_window {
    redisContext *redis; /* borrowed */
    struct rate_limits limits;
    char script_sha[WINDOW_SCRIPTS_MAX][WINDOW_SHA_SIZE]; /* "" until the script is loaded */
    char error[256];
};

struct sliding_window *window_client_open(const struct rate_limits *limits, redisContext *redis,
                                          char *error, size_t error_size);
void window_client_close(struct sliding_window *window);
const char *window_client_last_error(const struct sliding_window *window);

/* Sets the text of the last error; every operation starts by clearing it. */
void window_client_fail(struct sliding_window *window, const char *text);
void window_client_clear_error(struct sliding_window *window);

/* Records what the connection complains of. */
void window_client_fail_io(struct sliding_window *window);

/* Sends one command and waits for its reply. NULL, with the error recorded, when the connection
 * failed, the server answered with an error, or the reply is not of type `type`. */
redisReply *window_client_command(struct sliding_window *window, int type, const char *format, ...);

/* SCRIPT LOAD; on success `sha` is the script's SHA1 as the server computed it. */
bool window_client_load_script(struct sliding_window *window, const char *text,
                               char sha[static WINDOW_SHA_SIZE]);

/* Whether the last error is the server saying that it does not know a script. */
bool window_client_lacks_script(const struct sliding_window *window);

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
