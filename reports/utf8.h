// SPDX-License-Identifier: MIT
/*
 * Text of unknown origin (replies of a server, names, messages) made fit for a terminal, for XML
 * and for JSON. What is not valid UTF-8 is never passed on.
 *
 * The makers of strings return a new string, to be freed, or NULL when out of memory.
 */
#ifndef TREADLE_REPORTS_UTF8_H
#define TREADLE_REPORTS_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point at `data`; returns its bytes, 0 when they are not UTF-8 or `length` is 0. */
size_t treadle_utf8_decode(const char *data, size_t length, uint32_t *code);

/* Columns on a terminal: 0, 1 or 2; -1 for what must not get there: control characters, those that
 * reorder or hide the text around them, and what is no character. */
int treadle_utf8_columns(uint32_t code);

/* For a terminal: what treadle_utf8_columns() refuses as \n, \x1b or \u{202e}; other bytes as
 * \xff. The result is one line. */
char *treadle_utf8_escape(const char *data, size_t length);

/* Likewise, but lines stay lines, and tabs tabs: what is left XML 1.0 can hold. */
char *treadle_utf8_escape_lines(const char *data, size_t length);

/* For JSON, which can hold every code point: only bytes that are not UTF-8 become U+FFFD. Sets
 * *out_length, since the text may hold zero bytes. */
char *treadle_utf8_for_json(const char *data, size_t length, size_t *out_length);

#endif
