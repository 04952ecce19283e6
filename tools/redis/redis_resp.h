// SPDX-License-Identifier: MIT
/*
 * RESP2, read in place: where a value ends, what a command consists of. Nothing is copied and
 * nothing allocated; everything handed out points into the caller's buffer and lives as long.
 *
 * Only the sizes and boundaries of values are checked. A value of RESP3 is "bad" here, as it is to
 * hiredis 0.14.
 */
#ifndef TREADLE_REDIS_RESP_H
#define TREADLE_REDIS_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum treadle_resp_status {
    TREADLE_RESP_OK,
    TREADLE_RESP_MORE, /* the buffer ends before the value does */
    TREADLE_RESP_BAD,  /* not RESP2 */
} treadle_resp_status;

typedef struct treadle_resp_span {
    const char *data;
    size_t length;
} treadle_resp_span;

/* One element: a whole line or string, or the head of an array. */
typedef struct treadle_resp_element {
    char type;              /* '+' '-' ':' '$' '*' */
    bool nil;               /* "$-1" or "*-1" */
    int64_t count;          /* '*': values that follow; else 0 */
    treadle_resp_span text; /* '+' '-' ':': the line; '$': the string */
} treadle_resp_element;

/* Reads the element at *position and moves *position behind it; leaves it unless OK. */
treadle_resp_status treadle_resp_element_read(const char *data, size_t length, size_t *position,
                                              treadle_resp_element *out);

/* A walk to the end of one value that may arrive in pieces. Starts as zeros, apart from
 * `position`, which is where the value begins. */
typedef struct treadle_resp_walk {
    size_t position;  /* whole elements before here have been seen */
    uint64_t missing; /* values still to come inside the one under way; 0 = at a boundary */
} treadle_resp_walk;

/* OK: `position` is just behind the value, and a further call walks the next one. MORE: call again
 * with the same data and more of it behind. */
treadle_resp_status treadle_resp_walk_value(treadle_resp_walk *walk, const char *data,
                                            size_t length);

/* A command: an array of strings, as clients send it. */
typedef struct treadle_resp_command {
    treadle_resp_span bytes; /* all of it */
    size_t first;            /* offset in `bytes` of the first argument */
    uint32_t argc;           /* the name counts */
} treadle_resp_command;

/* Reads the command at *position and moves *position behind it; leaves it unless OK. */
treadle_resp_status treadle_resp_command_read(const char *data, size_t length, size_t *position,
                                              treadle_resp_command *out);

/* Access to a command's arguments; cheap in ascending order. */
typedef struct treadle_resp_arguments {
    const treadle_resp_command *command;
    uint32_t index;  /* of the argument at `position` */
    size_t position; /* 0 = not begun */
} treadle_resp_arguments;

/* Argument `index`, 0 being the name; must be below argc. */
treadle_resp_span treadle_resp_argument(treadle_resp_arguments *arguments, uint32_t index);

/* Whether the span equals `text` but for case (ASCII). */
bool treadle_resp_is(treadle_resp_span span, const char *text);

/* The span as a decimal number; false when it is none. */
bool treadle_resp_number(treadle_resp_span span, int64_t *out);

#endif
