// SPDX-License-Identifier: MIT
/*
 * Commands and replies as one line of text for a trace, as redis-cli would show them but shorter:
 *
 *     ZADD window:openai 1700000000.000000 "a b" -> 1
 *     EVALSHA 1b936e3f… 1 window:openai 60 -> [0, "x", nil]
 *     SCRIPT LOAD "…"(312) -> "1b936e3f…"
 *
 * Bytes that are not printable ASCII are escaped; a string longer than 64 bytes is cut and its
 * length stated; 40 hexadecimal digits (a script's SHA-1) are cut to 8. What does not fit into the
 * buffer ends in "…". Nothing is allocated.
 */
#ifndef TREADLE_REDIS_TEXT_H
#define TREADLE_REDIS_TEXT_H

#include <stddef.h>

#include "tools/redis/redis_resp.h"

/* A line being written; borrows `buffer`. Start with the first three fields. */
typedef struct treadle_redis_text {
    char *buffer;
    size_t size;             /* at least 8 */
    treadle_resp_span elide; /* left out wherever it occurs; length 0 = nothing */
    size_t length;
    bool full;
} treadle_redis_text;

void treadle_redis_text_literal(treadle_redis_text *text, const char *literal);

/* Any bytes, without quotes. */
void treadle_redis_text_bytes(treadle_redis_text *text, treadle_resp_span bytes);

void treadle_redis_text_command(treadle_redis_text *text, const treadle_resp_command *command);

/* The reply at *position, which is moved behind it. */
void treadle_redis_text_reply(treadle_redis_text *text, const char *data, size_t length,
                              size_t *position);

#endif
