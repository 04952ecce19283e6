// SPDX-License-Identifier: MIT
#include "tools/redis/redis_resp.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

bool treadle_resp_number(treadle_resp_span span, int64_t *out)
{
    size_t i = span.length > 0 && span.data[0] == '-' ? 1 : 0;
    const bool negative = i == 1;
    if (i == span.length || span.length - i > 18) { /* 18 digits cannot overflow */
        return false;
    }
    int64_t value = 0;
    for (; i < span.length; i++) {
        const char digit = span.data[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + (digit - '0');
    }
    *out = negative ? -value : value;
    return true;
}

bool treadle_resp_is(treadle_resp_span span, const char *text)
{
    return strlen(text) == span.length && strncasecmp(text, span.data, span.length) == 0;
}

/* The line at `position` without its type byte and CR LF; *next is behind it. */
static treadle_resp_status read_line(const char *data, size_t length, size_t position,
                                     treadle_resp_span *line, size_t *next)
{
    const char *start = data + position + 1;
    const char *newline = memchr(start, '\n', length - position - 1);
    if (newline == NULL) {
        return TREADLE_RESP_MORE;
    }
    if (newline == start || newline[-1] != '\r') {
        return TREADLE_RESP_BAD;
    }
    *line = (treadle_resp_span){start, (size_t)(newline - start) - 1};
    *next = (size_t)(newline - data) + 1;
    return TREADLE_RESP_OK;
}

static treadle_resp_status read_string(const char *data, size_t length, size_t *next, int64_t size,
                                       treadle_resp_element *out)
{
    const size_t have = length - *next;
    const size_t want = (size_t)size + 2;
    if (have < want) {
        return TREADLE_RESP_MORE;
    }
    out->text = (treadle_resp_span){data + *next, (size_t)size};
    *next += want;
    return memcmp(data + *next - 2, "\r\n", 2) == 0 ? TREADLE_RESP_OK : TREADLE_RESP_BAD;
}

treadle_resp_status treadle_resp_element_read(const char *data, size_t length, size_t *position,
                                              treadle_resp_element *out)
{
    if (*position >= length) {
        return TREADLE_RESP_MORE;
    }
    *out = (treadle_resp_element){.type = data[*position]};
    if (out->type == '\0' || strchr("+-:$*", out->type) == NULL) {
        return TREADLE_RESP_BAD;
    }
    treadle_resp_span line;
    size_t next;
    treadle_resp_status status = read_line(data, length, *position, &line, &next);
    if (status != TREADLE_RESP_OK) {
        return status;
    }
    if (out->type != '$' && out->type != '*') {
        out->text = line;
    } else {
        int64_t size;
        if (!treadle_resp_number(line, &size) || size < -1 || size > INT32_MAX) {
            return TREADLE_RESP_BAD;
        }
        if (size < 0) {
            out->nil = true;
        } else if (out->type == '*') {
            out->count = size;
        } else {
            status = read_string(data, length, &next, size, out);
        }
    }
    if (status == TREADLE_RESP_OK) {
        *position = next;
    }
    return status;
}

treadle_resp_status treadle_resp_walk_value(treadle_resp_walk *walk, const char *data,
                                            size_t length)
{
    if (walk->missing == 0) {
        walk->missing = 1;
    }
    /* An array stands for as many values as it holds: how they nest does not matter. */
    while (walk->missing > 0) {
        treadle_resp_element element;
        const treadle_resp_status status =
            treadle_resp_element_read(data, length, &walk->position, &element);
        if (status != TREADLE_RESP_OK) {
            return status;
        }
        walk->missing += (uint64_t)element.count;
        walk->missing--;
    }
    return TREADLE_RESP_OK;
}

treadle_resp_status treadle_resp_command_read(const char *data, size_t length, size_t *position,
                                              treadle_resp_command *out)
{
    size_t next = *position;
    treadle_resp_element element;
    treadle_resp_status status = treadle_resp_element_read(data, length, &next, &element);
    if (status != TREADLE_RESP_OK) {
        return status;
    }
    if (element.type != '*' || element.nil) {
        return TREADLE_RESP_BAD;
    }
    out->argc = (uint32_t)element.count;
    out->first = next - *position;
    for (uint32_t i = 0; i < out->argc; i++) {
        status = treadle_resp_element_read(data, length, &next, &element);
        if (status != TREADLE_RESP_OK) {
            return status;
        }
        if (element.type != '$' || element.nil) {
            return TREADLE_RESP_BAD;
        }
    }
    out->bytes = (treadle_resp_span){data + *position, next - *position};
    *position = next;
    return TREADLE_RESP_OK;
}

treadle_resp_span treadle_resp_argument(treadle_resp_arguments *arguments, uint32_t index)
{
    const treadle_resp_command *command = arguments->command;
    assert(index < command->argc);
    if (arguments->position == 0 || index < arguments->index) {
        arguments->index = 0;
        arguments->position = command->first;
    }
    size_t position = arguments->position;
    treadle_resp_element element = {0};
    for (uint32_t i = arguments->index; i <= index; i++) {
        arguments->index = i;
        arguments->position = position;
        const treadle_resp_status status = treadle_resp_element_read(
            command->bytes.data, command->bytes.length, &position, &element);
        assert(status == TREADLE_RESP_OK);
        (void)status;
    }
    return element.text;
}
