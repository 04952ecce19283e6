// SPDX-License-Identifier: MIT
/*
 * A token: a schedule as text that fits on a CI log line.
 *
 * `tdl1.` and base64url of: scenario, variant, backend, granularity, parameters, property, trace
 * hash, decisions (run-length coded), checks, and a 32-bit checksum over all of it. The text of a
 * token is a function of its schedule: encoding what was decoded gives the same text.
 */
#ifndef TREADLE_EXPLORE_TOKEN_H
#define TREADLE_EXPLORE_TOKEN_H

#include <stddef.h>

#include "tools/explore/cell.h"

typedef enum treadle_token_status {
    TREADLE_TOKEN_OK,
    TREADLE_TOKEN_FOREIGN,   /* does not start with "tdl1.": not a token, or of another version */
    TREADLE_TOKEN_TRUNCATED, /* ends too early */
    TREADLE_TOKEN_DAMAGED,   /* a character or the checksum is wrong */
    TREADLE_TOKEN_NO_MEMORY,
} treadle_token_status;

/* A new string, to be freed; NULL when out of memory. */
char *treadle_token_encode(const treadle_schedule *schedule);

/* Surrounding white space is allowed. On anything but OK, `schedule` is left empty and `error`
 * holds one line that says what is wrong and what would be right. Never trusts its input. */
treadle_token_status treadle_token_decode(const char *text, treadle_schedule *schedule, char *error,
                                          size_t error_size);

#endif
