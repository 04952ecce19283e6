// SPDX-License-Identifier: MIT
#include "tools/redis/redis_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tools/redis/redis_script.h"

#define ELLIPSIS "\xe2\x80\xa6"

enum { ELLIPSIS_BYTES = 3, STRING_MAX = 64, SHA_DIGITS = 40, SHA_SHOWN = 8, DEPTH_MAX = 16 };

static void put(treadle_redis_text *text, const char *data, size_t length)
{
    assert(text->size > ELLIPSIS_BYTES);
    if (text->full) {
        return;
    }
    if (length > text->size - text->length - ELLIPSIS_BYTES) {
        memcpy(text->buffer + text->length, ELLIPSIS, ELLIPSIS_BYTES);
        text->length += ELLIPSIS_BYTES;
        text->full = true;
        return;
    }
    memcpy(text->buffer + text->length, data, length);
    text->length += length;
}

void treadle_redis_text_literal(treadle_redis_text *text, const char *literal)
{
    put(text, literal, strlen(literal));
}

static void put_number(treadle_redis_text *text, const char *format, size_t number)
{
    char digits[32];
    put(text, digits, (size_t)snprintf(digits, sizeof digits, format, number));
}

static void put_escaped(treadle_redis_text *text, char byte)
{
    static const char plain[] = "\"\\\n\r\t\a\b";
    static const char letters[] = "\"\\nrtab";
    const char *special = byte != '\0' ? strchr(plain, byte) : NULL;
    char escape[5];
    if (special != NULL) {
        escape[0] = '\\';
        escape[1] = letters[special - plain];
        put(text, escape, 2);
    } else if (byte < ' ' || byte > '~') { /* bytes from 0x80 are negative */
        snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(unsigned char)byte);
        put(text, escape, 4);
    } else {
        put(text, &byte, 1);
    }
}

static bool is_sha(treadle_resp_span span)
{
    if (span.length != SHA_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < span.length; i++) {
        const char digit = span.data[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) {
            return false;
        }
    }
    return true;
}

static size_t elided(const treadle_redis_text *text, treadle_resp_span rest)
{
    const treadle_resp_span elide = text->elide;
    const bool found = elide.length > 0 && rest.length >= elide.length &&
                       memcmp(rest.data, elide.data, elide.length) == 0;
    return found ? elide.length : 0;
}

/* The bytes of a string, escaped, without what is elided, at most STRING_MAX of them. Returns
 * whether all were shown. */
static bool put_bytes(treadle_redis_text *text, treadle_resp_span span)
{
    size_t shown = 0;
    for (size_t i = 0; i < span.length;) {
        const size_t skip = elided(text, (treadle_resp_span){span.data + i, span.length - i});
        if (skip > 0) {
            i += skip;
            continue;
        }
        if (shown++ == STRING_MAX) {
            return false;
        }
        put_escaped(text, span.data[i++]);
    }
    return true;
}

static bool needs_quotes(treadle_resp_span span)
{
    for (size_t i = 0; i < span.length; i++) {
        const char byte = span.data[i];
        if (byte <= ' ' || byte > '~' || byte == '"' || byte == '\'' || byte == '\\') {
            return true;
        }
    }
    return span.length == 0;
}

static void put_string(treadle_redis_text *text, treadle_resp_span span, bool quote)
{
    const char *quotes = quote ? "\"" : "";
    treadle_redis_text_literal(text, quotes);
    if (is_sha(span)) {
        put(text, span.data, SHA_SHOWN);
        treadle_redis_text_literal(text, ELLIPSIS);
        treadle_redis_text_literal(text, quotes);
    } else if (put_bytes(text, span)) {
        treadle_redis_text_literal(text, quotes);
    } else {
        treadle_redis_text_literal(text, ELLIPSIS);
        treadle_redis_text_literal(text, quotes);
        put_number(text, "(%zu)", span.length);
    }
}

void treadle_redis_text_bytes(treadle_redis_text *text, treadle_resp_span bytes)
{
    put_string(text, bytes, false);
}

void treadle_redis_text_command(treadle_redis_text *text, const treadle_resp_command *command)
{
    if (command->argc == 0) {
        treadle_redis_text_literal(text, "(nothing)");
        return;
    }
    treadle_resp_arguments arguments = {.command = command};
    const uint32_t source = treadle_redis_script_argument(&arguments);
    for (uint32_t i = 0; i < command->argc && !text->full; i++) {
        const treadle_resp_span argument = treadle_resp_argument(&arguments, i);
        treadle_redis_text_literal(text, i > 0 ? " " : "");
        if (i > 0 && i == source) {
            treadle_redis_text_literal(text, "\"" ELLIPSIS "\"");
            put_number(text, "(%zu)", argument.length);
        } else {
            put_string(text, argument, needs_quotes(argument));
        }
    }
}

static void put_reply(treadle_redis_text *text, const char *data, size_t length, size_t *position,
                      uint32_t depth)
{
    treadle_resp_element element;
    if (treadle_resp_element_read(data, length, position, &element) != TREADLE_RESP_OK) {
        treadle_redis_text_literal(text, "(no reply)");
        *position = length;
        return;
    }
    if (element.nil) {
        treadle_redis_text_literal(text, "nil");
    } else if (element.type == '$') {
        put_string(text, element.text, true);
    } else if (element.type == '*') {
        treadle_redis_text_literal(text, "[");
        for (int64_t i = 0; i < element.count; i++) {
            treadle_redis_text_literal(text, i > 0 ? ", " : "");
            if (depth + 1 < DEPTH_MAX) {
                put_reply(text, data, length, position, depth + 1);
            } else {
                treadle_resp_walk walk = {.position = *position};
                treadle_resp_walk_value(&walk, data, length);
                *position = walk.position;
                treadle_redis_text_literal(text, ELLIPSIS);
            }
        }
        treadle_redis_text_literal(text, "]");
    } else {
        treadle_redis_text_literal(text, element.type == '-' ? "(error) " : "");
        put_bytes(text, element.text);
    }
}

void treadle_redis_text_reply(treadle_redis_text *text, const char *data, size_t length,
                              size_t *position)
{
    put_reply(text, data, length, position, 0);
}
