// SPDX-License-Identifier: MIT
#include "reports/canvas.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

int treadle_canvas_open(treadle_canvas *canvas, int width, bool colour)
{
    assert(width > 0);
    *canvas = (treadle_canvas){.width = width, .colour = colour};
    canvas->cells = calloc((size_t)width, sizeof *canvas->cells);
    return canvas->cells != NULL ? 0 : ENOMEM;
}

void treadle_canvas_close(treadle_canvas *canvas)
{
    free(canvas->cells);
    canvas->cells = NULL;
}

static void put(treadle_canvas *canvas, int column, const char *glyph, size_t bytes, int ink)
{
    if (column < 0 || column >= canvas->width || bytes >= TREADLE_GLYPH_MAX) {
        return;
    }
    treadle_canvas_cell *cell = &canvas->cells[column];
    memcpy(cell->glyph, glyph, bytes);
    cell->glyph[bytes] = '\0';
    cell->covered = false;
    cell->ink = (unsigned char)ink;
}

void treadle_canvas_put(treadle_canvas *canvas, int column, const char *glyph, int ink)
{
    put(canvas, column, glyph, strlen(glyph), ink);
}

/* A combining mark joins the character before it; a pile that is too high loses its top. */
static void join(treadle_canvas *canvas, int column, const char *mark, size_t bytes)
{
    while (column > 0 && canvas->cells[column].covered) {
        column--;
    }
    char *glyph = canvas->cells[column].glyph;
    const size_t used = strlen(glyph);
    if (used > 0 && used + bytes < TREADLE_GLYPH_MAX) {
        memcpy(glyph + used, mark, bytes);
        glyph[used + bytes] = '\0';
    }
}

int treadle_canvas_text(treadle_canvas *canvas, int column, int limit, const char *text, int ink)
{
    limit = limit < canvas->width ? limit : canvas->width;
    if (column < 0 || column >= limit) {
        return column;
    }
    const bool cut = treadle_text_columns(text) > limit - column;
    const int end = cut ? limit - 1 : limit;
    const int begin = column;
    while (*text != '\0') {
        uint32_t code = 0;
        const size_t bytes = treadle_utf8_decode(text, strnlen(text, 4), &code);
        assert(bytes > 0);
        const int columns = treadle_utf8_columns(code);
        if (columns == 0 && column > begin) {
            join(canvas, column - 1, text, bytes);
        } else if (columns > 0) {
            if (column + columns > end) {
                break;
            }
            put(canvas, column, text, bytes, ink);
            if (columns == 2) {
                put(canvas, column + 1, "", 0, ink);
                canvas->cells[column + 1].covered = true;
            }
            column += columns;
        }
        text += bytes;
    }
    if (cut) {
        treadle_canvas_put(canvas, column++, ELLIPSIS, ink);
    }
    return column;
}

static void print_ink(const treadle_canvas *canvas, int ink, FILE *out)
{
    /* Not red: it would look like an error. */
    static const int colours[TREADLE_INKS_THREAD] = {36, 33, 35, 32, 34, 96};
    if (!canvas->colour) {
        return;
    }
    if (ink == TREADLE_INK_PLAIN) {
        fputs("\x1b[0m", out);
    } else if (ink == TREADLE_INK_DIM) {
        fputs("\x1b[0;2m", out);
    } else {
        fprintf(out, "\x1b[0;%dm", colours[(ink - TREADLE_INK_THREAD) % TREADLE_INKS_THREAD]);
    }
}

void treadle_canvas_print(treadle_canvas *canvas, FILE *out)
{
    int used = canvas->width;
    while (used > 0 && canvas->cells[used - 1].glyph[0] == '\0') {
        used--;
    }
    int ink = TREADLE_INK_PLAIN;
    for (int column = 0; column < used; column++) {
        const treadle_canvas_cell *cell = &canvas->cells[column];
        if (cell->covered) {
            continue;
        }
        const bool blank = cell->glyph[0] == '\0';
        if (!blank && cell->ink != ink) {
            ink = cell->ink;
            print_ink(canvas, ink, out);
        }
        fputs(blank ? " " : cell->glyph, out);
    }
    if (ink != TREADLE_INK_PLAIN) {
        print_ink(canvas, TREADLE_INK_PLAIN, out);
    }
    fputc('\n', out);
    memset(canvas->cells, 0, (size_t)canvas->width * sizeof *canvas->cells);
}

int treadle_text_columns(const char *text)
{
    int columns = 0;
    const size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t bytes = treadle_utf8_decode(text + i, length - i, &code);
        assert(bytes > 0);
        const int more = treadle_utf8_columns(code);
        columns += more > 0 ? more : 0;
        i += bytes;
    }
    return columns;
}
