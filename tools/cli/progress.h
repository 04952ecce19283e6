// SPDX-License-Identifier: MIT
/*
 * One line on standard error that says how far long work has come:
 *
 *   [3/7] litmus/counter fixed memory sync  12,345 executions  1.2M/s  34.5 % explored  left 0:42
 *
 * Nothing at all is written unless standard error is a terminal, and TERM is not "dumb".
 *
 * begin, any number of updates, end. There is one line for the whole process, and one thread may
 * use it. Strings are borrowed for the call; there is nothing to free. Whoever writes to the
 * terminal in between calls treadle_progress_clear() first; the next update brings the line back.
 */
#ifndef TREADLE_CLI_PROGRESS_H
#define TREADLE_CLI_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* `total` 0 = not known. */
void treadle_progress_begin(size_t total);
/* Cheap: the line is drawn at most ten times a second, and only in the foreground.
 * `share` 0 and `seconds_left` below 0 = not known. */
void treadle_progress_update(size_t done, const char *cell, uint64_t executions, double rate,
                             double share, double seconds_left);
void treadle_progress_clear(void);
void treadle_progress_end(void);

/* What the line shows. */
typedef struct treadle_progress {
    size_t done;
    size_t total;     /* 0 = not known */
    const char *cell; /* UTF-8; NULL = none */
    uint64_t executions;
    double rate;         /* executions a second; below 0 = not known */
    double share;        /* of the space, explored, 0 … 1; 0 = not known */
    double seconds_left; /* below 0 = not known */
} treadle_progress;

/*
 * Writes the line into `buffer`, which has `size` bytes (at least 1), in at most `columns` columns.
 * The name of the cell gives way first, so that the numbers stay; what is cut off ends in "…".
 * Returns the length in bytes, without the final '\0'.
 */
size_t treadle_progress_format(char *buffer, size_t size, size_t columns,
                               const treadle_progress *progress);

#endif
