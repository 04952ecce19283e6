// SPDX-License-Identifier: MIT
#include "reports/utf8.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

enum { ESCAPE_GROWTH = 4, REPLACE_GROWTH = 3, ESCAPE_MAX = 12 };

/* ---- reading --------------------------------------------------------------------------------- */

/* Bytes that a first byte announces, and its own bits; 0 when it cannot be a first byte. */
static size_t announced(unsigned char first, uint32_t *bits)
{
    if (first < 0x80) {
        *bits = first;
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        *bits = first & 0x1fu;
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *bits = first & 0x0fu;
        return 3;
    }
    if (first >= 0xf0 && first < 0xf5) {
        *bits = first & 0x07u;
        return 4;
    }
    return 0;
}

size_t treadle_utf8_decode(const char *data, size_t length, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* else it is overlong */
    uint32_t value = 0;
    const size_t count = length > 0 ? announced((unsigned char)data[0], &value) : 0;
    if (count == 0 || count > length) {
        return 0;
    }
    for (size_t i = 1; i < count; i++) {
        const unsigned char byte = (unsigned char)data[i];
        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (byte & 0x3fu);
    }
    const bool surrogate = value >= 0xd800 && value < 0xe000;
    if (value < least[count] || value > 0x10ffff || surrogate) {
        return 0;
    }
    *code = value;
    return count;
}

/* Zero-width spaces, line separators, direction marks and overrides, byte order marks: with them a
 * text can look like another one (Boucher and Anderson: Trojan Source, 2021). */
static bool deceives(uint32_t code)
{
    return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xad || code == 0x61c || code == 0xfeff;
}

int treadle_utf8_columns(uint32_t code)
{
    if (code >= ' ' && code <= '~') {
        return 1;
    }
    const bool character = (code & 0xfffe) != 0xfffe && (code < 0xfdd0 || code > 0xfdef);
    if (code < 0xa0 || deceives(code) || !character) {
        return -1;
    }
    /* libc's table, whatever locale the program runs in. */
    static locale_t utf8;
    if (utf8 == (locale_t)0) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        if (utf8 == (locale_t)0) {
            return 1;
        }
    }
    const locale_t before = uselocale(utf8);
    const int columns = wcwidth((wchar_t)code);
    uselocale(before);
    return columns;
}

/* ---- writing --------------------------------------------------------------------------------- */

static size_t escape_code(char *out, uint32_t code)
{
    static const char plain[] = "\n\r\t";
    static const char letters[] = "nrt";
    const char *special = code != 0 && code < 0x80 ? strchr(plain, (int)code) : NULL;
    const char *format = code < 0x80 ? "\\x%02x" : "\\u{%x}";
    if (special != NULL) {
        out[0] = '\\';
        out[1] = letters[special - plain];
        return 2;
    }
    return (size_t)snprintf(out, ESCAPE_MAX, format, code);
}

static char *escape(const char *data, size_t length, const char *kept)
{
    char *text = malloc(length * ESCAPE_GROWTH + ESCAPE_MAX);
    if (text == NULL) {
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t bytes = treadle_utf8_decode(data + i, length - i, &code);
        const bool keep = code != 0 && code < 0x80 && strchr(kept, (int)code) != NULL;
        if (bytes == 0) {
            used += (size_t)snprintf(text + used, ESCAPE_MAX, "\\x%02x", (unsigned char)data[i++]);
        } else if (!keep && treadle_utf8_columns(code) < 0) {
            used += escape_code(text + used, code);
            i += bytes;
        } else {
            memcpy(text + used, data + i, bytes);
            used += bytes;
            i += bytes;
        }
    }
    text[used] = '\0';
    return text;
}

char *treadle_utf8_escape(const char *data, size_t length)
{
    return escape(data, length, "");
}

char *treadle_utf8_escape_lines(const char *data, size_t length)
{
    return escape(data, length, "\n\t");
}

char *treadle_utf8_for_json(const char *data, size_t length, size_t *out_length)
{
    char *text = malloc(length * REPLACE_GROWTH + 1);
    if (text == NULL) {
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t bytes = treadle_utf8_decode(data + i, length - i, &code);
        const size_t size = bytes > 0 ? bytes : sizeof REPLACEMENT - 1;
        memcpy(text + used, bytes > 0 ? data + i : REPLACEMENT, size);
        used += size;
        i += bytes > 0 ? bytes : 1;
    }
    text[used] = '\0';
    *out_length = used;
    return text;
}
