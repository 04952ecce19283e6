// SPDX-License-Identifier: MIT
#include "reports/consistency/html.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/utf8.h"

static void put_markup(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*text, out);
        }
    }
}

static void put_text(FILE *out, const char *text, size_t length)
{
    char *shown = treadle_utf8_escape(text, length);
    put_markup(out, shown != NULL ? shown : "?");
    free(shown);
}

void treadle_html(FILE *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            fputc(*at, out);
        } else if (at[1] == 's') {
            const char *text = va_arg(arguments, const char *);
            text = text != NULL ? text : "";
            put_text(out, text, strlen(text));
            at++;
        } else if (at[1] == 'd') {
            fprintf(out, "%d", va_arg(arguments, int));
            at++;
        } else if (at[1] == 'z' && at[2] == 'u') {
            fprintf(out, "%zu", va_arg(arguments, size_t));
            at += 2;
        } else {
            assert(at[1] == '%');
            fputc('%', out);
            at++;
        }
    }
    va_end(arguments);
}

void treadle_html_lines(FILE *out, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        put_text(out, text, length);
        text += length;
        if (*text == '\n') {
            fputc('\n', out);
            text++;
        }
    }
}

void treadle_html_prose(FILE *out, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "`");
        put_text(out, text, length);
        text += length;
        const char *end = *text == '`' ? strchr(text + 1, '`') : NULL;
        if (end != NULL) {
            fputs("<code>", out);
            put_text(out, text + 1, (size_t)(end - text) - 1);
            fputs("</code>", out);
            text = end + 1;
        } else if (*text == '`') {
            fputc(*text++, out);
        }
    }
}
