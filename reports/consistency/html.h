// SPDX-License-Identifier: MIT
/*
 * Writing HTML where nothing from outside can become markup: text is escaped, and what must not
 * reach a reader unseen (control characters, what reorders or hides the text around it) is shown,
 * as \x1b or \u{202e}.
 *
 * Errors stay with the stream: ask ferror() at the end.
 */
#ifndef TREADLE_REPORTS_CONSISTENCY_HTML_H
#define TREADLE_REPORTS_CONSISTENCY_HTML_H

#include <stdio.h>

/* As printf(), with %s escaped, also for use between double quotes. Only %s, %d, %zu and %%. NULL
 * is the empty text. */
void treadle_html(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text whose line ends stay. */
void treadle_html_lines(FILE *out, const char *text);

/* Text in which `this` is code. */
void treadle_html_prose(FILE *out, const char *text);

#endif
