// SPDX-License-Identifier: MIT
/*
 * One row of a terminal, put together out of order: lines first, texts over them. A cell a column,
 * so that widths, overlaps and colours come out right.
 *
 * Owned by the caller: treadle_canvas_open(), then for each row draw and treadle_canvas_print(),
 * which leaves the row blank; treadle_canvas_close().
 */
#ifndef TREADLE_REPORTS_CANVAS_H
#define TREADLE_REPORTS_CANVAS_H

#include <stdbool.h>
#include <stdio.h>

enum { TREADLE_GLYPH_MAX = 15 }; /* a code point with its combining marks */

/* An ink is a set of SGR parameters. */
typedef enum treadle_ink {
    TREADLE_INK_PLAIN,
    TREADLE_INK_DIM,
    TREADLE_INK_THREAD, /* the first of TREADLE_INKS_THREAD */
} treadle_ink;
enum { TREADLE_INKS_THREAD = 6 };

typedef struct treadle_canvas_cell {
    char glyph[TREADLE_GLYPH_MAX]; /* "" = blank */
    bool covered;                  /* the right half of a wide character */
    unsigned char ink;
} treadle_canvas_cell;

typedef struct treadle_canvas {
    treadle_canvas_cell *cells; /* owned */
    int width;
    bool colour;
} treadle_canvas;

/* 0, or an errno value. */
int treadle_canvas_open(treadle_canvas *canvas, int width, bool colour);
void treadle_canvas_close(treadle_canvas *canvas);

/* One character of one column. Outside of the canvas nothing happens. */
void treadle_canvas_put(treadle_canvas *canvas, int column, const char *glyph, int ink);

/* Text without control characters (see utf8.h) from `column` up to `limit`, cut with "…" when it
 * is longer. Returns the column after it. */
int treadle_canvas_text(treadle_canvas *canvas, int column, int limit, const char *text, int ink);

/* The row without trailing blanks, and a line end. */
void treadle_canvas_print(treadle_canvas *canvas, FILE *out);

/* Columns of such a text. */
int treadle_text_columns(const char *text);

#endif
